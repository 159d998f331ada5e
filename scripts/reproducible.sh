#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Two builds of the same source give the same bytes: scripts/reproducible.sh [--no-wheel|--quick]
#
# The tree is copied to two folders and built there under another path, time zone, language, umask,
# user name, home and number of jobs; installed files and the Python wheel are compared by SHA-256.
# Exit status 1 if any differs. The build tools of the wheel come from PyPI into an environment of
# their own, as with pip. --quick takes the minimal library alone.
. "$(dirname "$0")/common.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
wheel=1 options=() wanted='libconv2d.so libconv2d.a bin/conv2d .whl'
case ${1:-} in
--no-wheel) wheel=0 wanted=${wanted%.whl} ;;
--quick)
    wheel=0 wanted='libconv2d.so libconv2d.a'
    options=(-DCONV2D_MINIMAL=ON -DCONV2D_BUILD_CLI=OFF)
    ;;
esac

scripts/bootstrap.sh build
# Dates of archives and wheels come from here: the last commit, or without git a fixed day.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 1767225600)
export SOURCE_DATE_EPOCH

if [ $wheel -eq 1 ]; then
    /usr/bin/python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/python" -m pip install -q 'scikit-build-core>=0.11'
fi

# build_in FOLDER JOBS: copy, build, install under FOLDER/stage, wheel into FOLDER/wheel.
build_in() {
    local folder=$1 jobs=$2
    mkdir -p "$folder/source"
    copy_tree "$folder/source"
    ( # one && after another: `set -e` does not hold before ||
        cd "$folder/source" &&
            # The wheel leaves its objects in build/, for what is built after it.
            { [ $wheel -eq 0 ] || CMAKE_BUILD_PARALLEL_LEVEL=$jobs "$scratch/venv/bin/python" \
                -m pip wheel . --no-deps --no-build-isolation -w "$folder/wheel" \
                --config-settings build-dir=build; } &&
            cmake -S . -B build -USKBUILD -DCMAKE_BUILD_TYPE=Release -DCONV2D_BUILD_TESTS=OFF \
                -DCONV2D_BUILD_CLI=ON -DCMAKE_INSTALL_PREFIX=/usr "${options[@]}" &&
            cmake --build build -j "$jobs" && DESTDIR=$folder/stage cmake --install build
    ) >"$folder/log" 2>&1 || {
        tail -n 30 "$folder/log" >&2
        echo "reproducible: a build failed (above)" >&2
        exit 2
    }
}

# Lines "hash  path" of everything that would be shipped.
hashes() {
    (cd "$1" && find stage $([ $wheel -eq 0 ] || echo wheel) -type f -print0 | sort -z |
        xargs -0 sha256sum)
}

a=$scratch/a b=$scratch/a-folder-whose-name-is-longer/and-deeper
mkdir -p "$a" "$b" "$scratch/home"
(umask 022 && TZ=UTC LC_ALL=C build_in "$a" 1) &
(umask 077 && TZ=Pacific/Kiritimati LC_ALL=C.UTF-8 USER=somebody HOME=$scratch/home \
    build_in "$b" "$(n_jobs)")
wait $!
hashes "$a" >"$scratch/a.txt"
hashes "$b" >"$scratch/b.txt"
for file in $wanted; do
    grep -q "$file" "$scratch/a.txt" || { echo "reproducible: no $file was built" >&2; exit 2; }
done
if ! diff "$scratch/a.txt" "$scratch/b.txt"; then
    echo "reproducible: the files above differ between two builds" >&2
    exit 1
fi
grep -E 'libconv2d\.(so|a)|bin/conv2d|\.whl' "$scratch/a.txt"
echo "reproducible: $(wc -l <"$scratch/a.txt") files are the same in two builds"
