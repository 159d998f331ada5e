#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Measure conv2d beside other libraries: make bench, or scripts/bench.sh [options of measure.py]
#
# Installs the peers from PyPI into $build/peers, builds a release, measures all tables on one and
# on two threads (about an hour on a quiet machine) and writes docs/benchmarks/CLASS-CPU.*. Called
# again it adds to $build/bench/results.csv and keeps the better times. With options it measures
# only, as for a part: scripts/bench.sh --match vgg16 --threads 1
. "$(dirname "$0")/common.sh"

scripts/bootstrap.sh bench
configure_and_build -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=ON
if [ ! -e "$build/peers/ready" ]; then
    echo "conv2d: installing the peers into $build/peers/"
    /usr/bin/python3 -m venv "$build/peers"
    "$build/peers/bin/pip" install --quiet --requirement bench/peers/requirements.txt
    touch "$build/peers/ready"
fi
results=$build/bench/results.csv
python=$build/peers/bin/python
if [ "$#" -gt 0 ]; then
    exec "$python" -B bench/measure.py --build "$build" --out "$results" "$@"
fi
"$python" -B bench/measure.py --build "$build" --out "$results" --candidates 0.05
"$python" -B bench/report.py "$results" docs/benchmarks "${BENCH_CONDITIONS:-}"
