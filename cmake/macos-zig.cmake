# SPDX-License-Identifier: BSD-2-Clause
# Cross build for macOS 13 on 64-bit ARM, without Apple's SDK: `zig cc` brings the headers and the
# list of libSystem's symbols (PyPI: ziglang). Pass it as
# -DCMAKE_TOOLCHAIN_FILE=cmake/macos-zig.cmake; the environment variable ZIG names the program
# where it is not in the path. scripts/macos.sh builds with it and checks the result.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
if(DEFINED ENV{ZIG})
  set(_zig $ENV{ZIG})
else()
  find_program(_zig zig REQUIRED)
endif()
# zig adds sanitizers of its own to builds without optimisation.
set(CMAKE_C_COMPILER ${_zig} cc -target aarch64-macos.13.0 -fno-sanitize=all)
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
