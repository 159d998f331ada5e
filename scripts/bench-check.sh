#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build a release and judge the figures that the project promises: make bench-check, or
# scripts/bench-check.sh [PYTHON...] with interpreters that have torch. For a quiet machine.
#
# RESULTS=FILE judges the speed of a run that is there, of scripts/bench.sh; else one is measured,
# which takes about an hour. RESULTS=none leaves speed out.
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh test
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=ON
results=${RESULTS:-}
if [ -z "$results" ]; then
    results=$build/bench/results.csv
    rm -f "$results"
    scripts/bench.sh --candidates 0.05
fi
exec /usr/bin/python3 -B bench/check.py "$build" "$results" "$@"
