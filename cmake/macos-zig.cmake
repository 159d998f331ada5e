# SPDX-License-Identifier: BSD-2-Clause
# Cross build for macOS 13 without Apple's SDK: `zig cc` brings the headers and the list of
# libSystem's symbols (PyPI: ziglang). Pass it as -DCMAKE_TOOLCHAIN_FILE=cmake/macos-zig.cmake, with
# -DCONV2D_MACOS_ARCH=x86_64 for Macs with Intel processors (arm64 if not given); the environment
# variable ZIG names the program where it is not in the path. scripts/macos.sh builds with it and
# checks the result.
set(CONV2D_MACOS_ARCH arm64 CACHE STRING "Processor of the Mac: arm64 or x86_64")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES CONV2D_MACOS_ARCH)
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR ${CONV2D_MACOS_ARCH})
if(CONV2D_MACOS_ARCH STREQUAL "arm64")
  set(_target aarch64-macos.13.0)
elseif(CONV2D_MACOS_ARCH STREQUAL "x86_64")
  set(_target x86_64-macos.13.0)
else()
  message(FATAL_ERROR "CONV2D_MACOS_ARCH is '${CONV2D_MACOS_ARCH}', expected arm64 or x86_64")
endif()
if(DEFINED ENV{ZIG})
  set(_zig $ENV{ZIG})
else()
  find_program(_zig zig REQUIRED)
endif()
# zig adds sanitizers of its own to builds without optimisation.
set(CMAKE_C_COMPILER ${_zig} cc -target ${_target} -fno-sanitize=all)
find_program(CMAKE_AR NAMES llvm-ar-19 llvm-ar REQUIRED)
find_program(CMAKE_RANLIB NAMES llvm-ranlib-19 llvm-ranlib REQUIRED)
set(CMAKE_OSX_SYSROOT "" CACHE STRING "")
set(CMAKE_INSTALL_NAME_DIR "@rpath")
set(CMAKE_BUILD_WITH_INSTALL_NAME_DIR ON)
set(CMAKE_FIND_ROOT_PATH ${CMAKE_CURRENT_LIST_DIR}/none) # nothing of this system's
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
