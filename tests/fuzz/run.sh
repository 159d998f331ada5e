#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Build the fuzz targets with libFuzzer, AddressSanitizer and UBSan, and let each look for trouble:
#     tests/fuzz/run.sh SECONDS [TARGET...]          SECONDS for each target; 0 only builds
# Starts from tests/fuzz/corpus; what is found on the way is kept in the build folder, crashing
# inputs in its folder `crashes`. Exit status 1 if there is one. With MERGE=1 the corpora in the
# tree are then replaced by the smallest sets of inputs that reach as much (seed_* stay).
# FUZZ_BUILD names the build folder (build-fuzz), FUZZ_JOBS how many jobs compile, and how many
# targets run, at once (all processors).
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:?usage: tests/fuzz/run.sh SECONDS [TARGET...]}
shift
folder=${FUZZ_BUILD:-build-fuzz}
jobs=${FUZZ_JOBS:-$(nproc)}
corpus=tests/fuzz/corpus
[ $# -gt 0 ] || set -- $(ls "$corpus")

# A folder that is there keeps its rooms: .ci/run shares the one of its sanitizers with this script.
rooms=()
[ -f "$folder/CMakeCache.txt" ] || rooms=(-DCONV2D_TEST_ROOMS=fuzz)
cmake -S . -B "$folder" -DCMAKE_C_COMPILER="${FUZZ_CC:-clang-19}" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS=-fsanitize=fuzzer-no-link -DCONV2D_SANITIZE=address,undefined \
    -DCONV2D_FUZZ=ON "${rooms[@]}" >"$folder.log" 2>&1 || { cat "$folder.log"; exit 2; }
cmake --build "$folder" -j "$jobs" --target "${@/#/fuzz_}" >>"$folder.log" 2>&1 ||
    { tail -n 40 "$folder.log"; exit 2; }
[ "$seconds" -gt 0 ] || exit 0
mkdir -p "$folder/crashes"

run_target() { # TARGET
    local target=$1 verdict=clean
    local found=$folder/corpus/$target log=$folder/$target.log
    local limits=(-max_len=8192 -timeout=20 -rss_limit_mb=3000) words=()
    mkdir -p "$found"
    [ ! -f "tests/fuzz/$target.dict" ] || words=("-dict=tests/fuzz/$target.dict")
    "$folder/tests/fuzz/fuzz_$target" -max_total_time="$seconds" "${limits[@]}" "${words[@]}" \
        -artifact_prefix="$folder/crashes/$target-" -print_final_stats=1 \
        "$found" "$corpus/$target" >"$log" 2>&1 || verdict=FAILED
    printf '%-12s %-6s %10s executions, %5s edges, %4s inputs kept\n' "$target" "$verdict" \
        "$(sed -n 's/stat::number_of_executed_units: *//p' "$log")" \
        "$(grep -o 'cov: [0-9]*' "$log" | tail -n 1 | cut -d' ' -f2)" "$(ls "$found" | wc -l)"
    if [ "${MERGE:-0}" = 1 ]; then
        rm -rf "$folder/merged/$target"
        mkdir -p "$folder/merged/$target"
        "$folder/tests/fuzz/fuzz_$target" -merge=1 "${limits[@]}" "$folder/merged/$target" \
            "$corpus/$target" "$found" >"$folder/$target.merge.log" 2>&1
        find "$corpus/$target" -maxdepth 1 -type f ! -name 'seed_*' -delete
        find "$folder/merged/$target" -type f -exec mv -t "$corpus/$target" {} +
    fi
    [ "$verdict" = clean ] || { tail -n 30 "$log"; return 1; }
}

failed=0
while [ $# -gt 0 ]; do
    running=()
    while [ $# -gt 0 ] && [ ${#running[@]} -lt "$jobs" ]; do
        run_target "$1" &
        running+=($!)
        shift
    done
    for id in "${running[@]}"; do
        wait "$id" || failed=1
    done
done
exit $failed
