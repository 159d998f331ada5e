#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build a release and judge the figures that the project promises: make bench-check, or
# scripts/bench-check.sh [PYTHON...] with interpreters that have torch. For a quiet machine.
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh test
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=ON
exec /usr/bin/python3 -B bench/check.py "$build" "$@"
