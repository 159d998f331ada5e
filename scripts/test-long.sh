#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The random tests with more cases than `make test` has time for: make test-long.
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh test
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=ON
exec cmake --build "$build" --target test-long
