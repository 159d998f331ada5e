#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build software Metal (tests/software_metal) and print its path, the only line on the standard
# output: CONV2D_METAL_LIBRARY=$(make -s software-metal) conv2d run --device metal ...
. "$(dirname "$0")/common.sh"

folder=$build/software-metal
mkdir -p "$folder"
scripts/bootstrap.sh metal >&2
if ! { cmake -S . -B "$folder" -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_CLI=OFF \
    -DCONV2D_BUILD_DEMO=OFF -DCONV2D_TEST_ROOMS=software_metal "$@" &&
    cmake --build "$folder" -j "$(n_jobs)" --target software_metal; } \
    >"$folder/build.log" 2>&1; then
    tail -n 30 "$folder/build.log" >&2
    echo "conv2d: the build failed; all of its output is in $folder/build.log" >&2
    exit 1
fi
cat "$folder/software-metal-path"
