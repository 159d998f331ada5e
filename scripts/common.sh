# SPDX-License-Identifier: BSD-2-Clause
# What the scripts share; sourced, not run. Leaves the caller in the root of the repository.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=${BUILD:-build}

# Processors this process may use.
n_jobs() {
    nproc 2>/dev/null || echo 1
}

# configure_and_build [CMake arguments]: into $build; chatter goes to a log, shown if it fails.
configure_and_build() {
    mkdir -p "$build"
    echo "conv2d: building in $build/"
    if ! { cmake -S . -B "$build" "$@" && cmake --build "$build" -j "$(n_jobs)"; } \
        >"$build/build.log" 2>&1; then
        grep -n -E -A6 'error|Error' "$build/build.log" | head -n 60 >&2 || true
        echo "conv2d: the build failed; all of its output is in $build/build.log" >&2
        exit 1
    fi
}

# copy_tree FOLDER: the source, without what was built; of a clone what git knows or would add.
copy_tree() {
    if [ -e .git ]; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . -path './build*' -prune -o -path ./out -prune -o -name __pycache__ -prune -o \
            -type f -print0
    fi | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$1"
}
