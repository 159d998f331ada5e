#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Cross-build the library for macOS 13 on 64-bit ARM with `zig cc`, and look at what came out:
# Mach-O that needs libSystem alone, the name @rpath/..., the Metal backend inside. Usage:
# scripts/macos.sh, with zig in the path or in the environment variable ZIG (PyPI: ziglang).
. "$(dirname "$0")/common.sh"

folder=$build/macos
objdump=$(command -v llvm-objdump-19 || command -v llvm-objdump)
nm=$(command -v llvm-nm-19 || command -v llvm-nm)
cmake -S . -B "$folder" -DCMAKE_TOOLCHAIN_FILE=cmake/macos-zig.cmake -DCMAKE_BUILD_TYPE=Release \
    -DCONV2D_WERROR=ON -DCONV2D_BUILD_CLI=OFF -DCONV2D_BUILD_TESTS=OFF
cmake --build "$folder" -j "$(n_jobs)"

library=$folder/src/libconv2d.dylib
found=$("$objdump" --macho --dylib-id "$library" | tail -n 1)
needed=$("$objdump" --macho --dylibs-used "$library" | grep -v "$found" |
    sed -n 's/^\t\([^ ]*\).*/\1/p')
oldest=$("$objdump" --macho --private-headers "$library" | sed -n 's/^ *minos //p')
[ "$found" = @rpath/libconv2d.0.dylib ] || { echo "macos: install name is $found" >&2; exit 1; }
[ "$needed" = /usr/lib/libSystem.B.dylib ] || { echo "macos: needs $needed" >&2; exit 1; }
[ "$oldest" = 13.0 ] || { echo "macos: oldest system is $oldest" >&2; exit 1; }
"$nm" "$folder/src/libconv2d.a" 2>/dev/null | grep -q _c2_metal_backend ||
    { echo "macos: no Metal backend" >&2; exit 1; }
echo "macos: $library, $found, needs $needed, macOS $oldest"
