#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build a release with all tests and run them: make test, or scripts/test.sh [ctest arguments].
# The last lines are ctest's; its status is this script's.
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh test
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=ON -DCONV2D_BUILD_DEMO=ON
exec ctest --test-dir "$build" -j "$(n_jobs)" --output-on-failure "$@"
