# SPDX-License-Identifier: BSD-2-Clause
# SONAME, exported symbols, and everything that is installed: headers, libraries, conv2d.pc and the
# CMake package. The command line and its man page install themselves in cli/.
include(CMakePackageConfigHelpers)
set(CONV2D_INSTALL_LIBRARIES shared static CACHE STRING "Libraries to install: shared;static")

set_target_properties(conv2d_shared PROPERTIES
  VERSION ${PROJECT_VERSION} SOVERSION ${CONV2D_ABI_VERSION} EXPORT_NAME conv2d)
set_target_properties(conv2d_static PROPERTIES EXPORT_NAME conv2d_static)
add_library(conv2d::conv2d ALIAS conv2d_shared)
add_library(conv2d::conv2d_static ALIAS conv2d_static)

# The list of exported functions; tests/lint keeps it equal to the headers.
if(UNIX AND NOT APPLE)
  set(_map ${PROJECT_SOURCE_DIR}/src/conv2d.map)
  target_link_options(conv2d_shared PRIVATE -Wl,--version-script=${_map})
  set_target_properties(conv2d_shared PROPERTIES LINK_DEPENDS ${_map})
  if(NOT CONV2D_SANITIZE)
    target_link_options(conv2d_shared PRIVATE -Wl,-z,defs)
  endif()
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/conv2d DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
set(_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/conv2d)
foreach(_kind shared static)
  if(_kind IN_LIST CONV2D_INSTALL_LIBRARIES)
    install(TARGETS conv2d_${_kind} EXPORT conv2d_${_kind}_targets
            LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT conv2d_${_kind}_targets NAMESPACE conv2d:: DESTINATION ${_package_dir}
            FILE conv2d_${_kind}_targets.cmake)
  endif()
endforeach()
# What the static library needs: packages for CMake, libraries for pkg-config --static.
set(CONV2D_STATIC_PACKAGES "")
set(CONV2D_LIBS_PRIVATE "-lm")
if(NOT CONV2D_MINIMAL)
  string(APPEND CONV2D_STATIC_PACKAGES " Threads")
  string(APPEND CONV2D_LIBS_PRIVATE " -pthread")
  foreach(_library ${CMAKE_DL_LIBS})
    string(APPEND CONV2D_LIBS_PRIVATE " -l${_library}")
  endforeach()
endif()
if(CONV2D_CPU_FEATURES)
  string(APPEND CONV2D_STATIC_PACKAGES " CpuFeatures")
  string(PREPEND CONV2D_LIBS_PRIVATE "-lcpu_features ")
endif()
if(CONV2D_HAVE_KISSFFT)
  string(PREPEND CONV2D_LIBS_PRIVATE "-lkissfft-float ")
endif()
# Without a shared library everybody links the static one, and what it needs.
set(CONV2D_LIBS "-lconv2d")
if(NOT shared IN_LIST CONV2D_INSTALL_LIBRARIES)
  string(APPEND CONV2D_LIBS " ${CONV2D_LIBS_PRIVATE}")
  set(CONV2D_LIBS_PRIVATE "")
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/conv2dConfig.cmake.in
                              ${PROJECT_BINARY_DIR}/conv2dConfig.cmake
                              INSTALL_DESTINATION ${_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/conv2dConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/conv2dConfig.cmake
              ${PROJECT_BINARY_DIR}/conv2dConfigVersion.cmake DESTINATION ${_package_dir})

# conv2d.pc names the prefix in absolute form, and `cmake --install --prefix` may still change it:
# so it is written when it is installed.
install(CODE "
  set(PROJECT_VERSION ${PROJECT_VERSION})
  set(CONV2D_LIBS \"${CONV2D_LIBS}\")
  set(CONV2D_LIBS_PRIVATE \"${CONV2D_LIBS_PRIVATE}\")
  set(CONV2D_PREFIX \"\${CMAKE_INSTALL_PREFIX}\")
  set(CONV2D_LIBDIR \"\\\${prefix}/${CMAKE_INSTALL_LIBDIR}\")
  set(CONV2D_INCLUDEDIR \"\\\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/cmake/conv2d.pc.in\" \"${PROJECT_BINARY_DIR}/conv2d.pc\"
                 @ONLY)
  file(INSTALL \"${PROJECT_BINARY_DIR}/conv2d.pc\"
       DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/pkgconfig\")
")
