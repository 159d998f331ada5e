#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build a release and convolve the photographs of demo/images into out/demo: make demo.
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh demo

configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=OFF -DCONV2D_BUILD_DEMO=ON
exec python3 -B demo/demo.py --build "$build" --images demo/images --out out/demo "$@"
