#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Cross-build library, command line and kernel test for macOS 13, on 64-bit ARM and x86-64, with
# `zig cc`, and look at what came out: Mach-O for that processor and system that needs libSystem
# alone, the name @rpath/..., the Metal backend inside. Usage: scripts/macos.sh [arm64|x86_64]...,
# with zig in the path or in the environment variable ZIG (PyPI: ziglang).
. "$(dirname "$0")/common.sh"

tool() { command -v "$1-19" || command -v "$1"; }
objdump=$(tool llvm-objdump)
nm=$(tool llvm-nm)
system=/usr/lib/libSystem.B.dylib

fail() { # SENTENCE
    echo "macos: $1" >&2
    exit 1
}

# look_at FILE ARCHITECTURE FILETYPE: load commands, libraries and undefined symbols.
look_at() {
    local file=$1 headers needed others
    headers=$("$objdump" --macho --private-headers "$file")
    local wanted=$2
    [ "$wanted" != x86_64 ] || wanted=X86_64
    [ "$wanted" != arm64 ] || wanted=ARM64
    grep -q "^ *MH_MAGIC_64 *$wanted .* $3 " <<<"$headers" || fail "$file is no $3 of $wanted"
    [ "$(sed -n 's/^ *minos //p' <<<"$headers")" = 13.0 ] || fail "$file is not for macOS 13.0"
    [ "$(sed -n 's/^ *platform //p' <<<"$headers")" = macos ] || fail "$file is not for macOS"
    needed=$(awk '$1 == "cmd" { is_library = $2 ~ /DYLIB$/ && $2 != "LC_ID_DYLIB" }
        is_library && $1 == "name" { print $2 }' <<<"$headers")
    [ "$needed" = "$system" ] || fail "$file needs $needed, expected $system alone"
    others=$("$nm" -m --undefined-only "$file" | grep -v '(from libSystem)$' || true)
    [ -z "$others" ] || fail "$file has symbols of none: $others"
    echo "macos: $file: $wanted $3, macOS 13.0, $needed, $(
        "$nm" -m --undefined-only "$file" | wc -l) symbols of it"
}

build_for() { # ARCHITECTURE
    local folder=$build/macos-$1 found
    cmake -S . -B "$folder" -DCMAKE_TOOLCHAIN_FILE=cmake/macos-zig.cmake -DCONV2D_MACOS_ARCH="$1" \
        -DCMAKE_BUILD_TYPE=Release -DCONV2D_WERROR=ON -DCONV2D_BUILD_TESTS=ON \
        -DCONV2D_TEST_ROOMS=kernel
    cmake --build "$folder" -j "$(n_jobs)"
    look_at "$folder/src/libconv2d.dylib" "$1" DYLIB
    look_at "$folder/cli/conv2d" "$1" EXECUTE
    look_at "$folder/tests/kernel/kernel" "$1" EXECUTE
    found=$("$objdump" --macho --dylib-id "$folder/src/libconv2d.dylib" | tail -n 1)
    [ "$found" = @rpath/libconv2d.0.dylib ] || fail "the install name is $found"
    "$nm" "$folder/cli/conv2d" | grep -q _c2_metal_backend || fail "no Metal backend"
}

[ $# -gt 0 ] || set -- arm64 x86_64
for architecture; do
    build_for "$architecture"
done
