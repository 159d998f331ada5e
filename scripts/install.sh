#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build and install: make install PREFIX=/usr/local DESTDIR=. Says what a compiler and the loader
# still need to be told when the place is not one of the system's own.
. "$(dirname "$0")/common.sh"
prefix=${PREFIX:-/usr/local}

scripts/bootstrap.sh build
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=OFF \
    -DCMAKE_INSTALL_PREFIX="$prefix"
cmake --install "$build"

libdir=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[^=]*=//p' "$build/CMakeCache.txt")
[ -z "${DESTDIR:-}" ] || exit 0
if [ "$(id -u)" -eq 0 ] && ldconfig -v 2>/dev/null | grep -q "^$prefix/$libdir:"; then
    ldconfig
elif [ "$prefix" != /usr ]; then
    echo "conv2d: for this prefix, set"
    echo "    export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig LD_LIBRARY_PATH=$prefix/$libdir"
fi
