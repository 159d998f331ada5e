#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build library and command line, without tests: make, or scripts/build.sh [CMake arguments].
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh build
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=OFF "$@"
echo "conv2d: built; try $build/cli/conv2d --help"
