# SPDX-License-Identifier: BSD-2-Clause
# An overlay port: it builds the checkout that it lies in.
#   vcpkg install conv2d --overlay-ports=packaging/vcpkg
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

set(libraries static)
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
  set(libraries shared)
endif()
vcpkg_check_features(OUT_FEATURE_OPTIONS feature_options
  FEATURES tools CONV2D_BUILD_CLI
  INVERTED_FEATURES cpu-features CONV2D_MINIMAL)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS -DCONV2D_BUILD_TESTS=OFF -DCONV2D_KISSFFT=OFF -DCONV2D_INSTALL_LIBRARIES=${libraries}
          ${feature_options})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/conv2d)
vcpkg_fixup_pkgconfig()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES conv2d AUTO_CLEAN)
endif()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
foreach(folder man bash-completion fish zsh)
  file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/${folder}")
endforeach()
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
