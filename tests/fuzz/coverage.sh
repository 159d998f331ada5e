#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Line coverage of everything that reads bytes from strangers, by the corpora and the tests:
#     tests/fuzz/coverage.sh [PERCENT]
# Prints a line a file, then lines that nothing ran. Exit status 1 if a file is below PERCENT (95).
# COVERAGE_BUILD names the build folder (build-coverage), FUZZ_JOBS the compiler's jobs.
set -eu
cd "$(dirname "$0")/../.."
least=${1:-95}
folder=$(realpath -m "${COVERAGE_BUILD:-build-coverage}")
version=${FUZZ_LLVM:-19}
jobs=${FUZZ_JOBS:-$(nproc)}

loaders=(cli/npy.c cli/safetensors.c cli/png.c cli/jpeg.c cli/pnm.c cli/picture.c cli/load.c
    src/file/*.c src/core/disk_posix.c src/api/file.c src/api/load.c src/api/stored_params.c
    src/plan/wisdom.c src/plan/wisdom_text.c src/core/text.c src/core/text_parse.c)

{
    cmake -S . -B "$folder" -DCMAKE_C_COMPILER="clang-$version" -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS="-O1 -fprofile-instr-generate -fcoverage-mapping -DC2_PLAIN_BODIES" \
        "-DCONV2D_TEST_ROOMS=core;backend;plan;api;cli;fuzz" &&
        cmake --build "$folder" -j "$jobs"
} >"$folder.log" 2>&1 || { tail -n 40 "$folder.log"; exit 2; }

rm -rf "$folder/profiles"
export LLVM_PROFILE_FILE="$folder/profiles/%4m.profraw"
ctest --test-dir "$folder" -j "$jobs" -R '^(core|plan|cli|fuzz|api\.(file|failures|context))' \
    >"$folder/ctest.log" 2>&1 || { tail -n 40 "$folder/ctest.log"; exit 2; }
"llvm-profdata-$version" merge -sparse -o "$folder/all.profdata" "$folder"/profiles/*.profraw

objects=()
for program in $(find "$folder/tests" "$folder/cli" -type f -perm -u+x ! -name '*.so*'); do
    objects+=(-object "$program")
done
"llvm-cov-$version" export "${objects[@]}" -instr-profile="$folder/all.profdata" \
    -format=lcov -sources "${loaders[@]/#/$PWD/}" >"$folder/all.lcov" 2>"$folder/cov.log" ||
    { tail -n 5 "$folder/cov.log"; exit 2; }
python3 -B - "$least" "$PWD" "$folder/all.lcov" <<'END'
import sys

least, root = float(sys.argv[1]), sys.argv[2]
files, path = {}, None
for line in open(sys.argv[3], encoding="utf-8"):
    kind, _, rest = line.strip().partition(":")
    if kind == "SF":
        path = rest.removeprefix(root + "/")
        files[path] = {}
    elif kind == "DA":
        number, count = rest.split(",")[:2]
        lines = files[path]
        lines[int(number)] = lines.get(int(number), 0) + int(count)
low = []
for path, lines in sorted(files.items()):
    missing = [number for number, count in sorted(lines.items()) if count == 0]
    percent = 100 * (1 - len(missing) / len(lines)) if lines else 0
    print(f"{percent:6.1f} %  {len(lines) - len(missing):4} of {len(lines):4}  {path}"
          + (f"   not run: {' '.join(map(str, missing))}" if missing else ""))
    if percent < least:
        low.append(path)
total = sum(map(len, files.values()))
ran = sum(count > 0 for lines in files.values() for count in lines.values())
print(f"{100 * ran / max(total, 1):6.1f} %  {ran:4} of {total:4}  all {len(files)} files")
if low or not total:
    sys.exit(f"below {least:g} %: {' '.join(low) or 'everything'}")
END
