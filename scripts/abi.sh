#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Does the interface still serve programs that were linked against the last release? Compares
# functions, parameters, public structs and enumerators (libabigail's abidiff) with those of the
# last tag or, while nothing is tagged, with the committed baseline.
#   scripts/abi.sh             this tree with the last release
#   scripts/abi.sh OLD NEW     two trees, of which include/ and src/conv2d.map are read
#   scripts/abi.sh --update    write the baseline anew; for a change that is made on purpose
# New functions are fine, and so are members at the end of the structs that are filled up to the
# caller's struct_size (packaging/abi/sized-structs.suppr). Exit status 1: something that was there
# changed or went away; then raise CONV2D_ABI_VERSION, or take the change back.
. "$(dirname "$0")/common.sh"
room=packaging/abi
baseline=$room/libconv2d-0.1.abi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

scripts/bootstrap.sh abi

stub() { # TREE OUT.so
    python3 -B $room/stub.py "$1/include" "$1/src/conv2d.map" "$2"
}

if [ "${1:-}" = --update ]; then
    stub . "$scratch/now.so"
    abidw --no-corpus-path --no-comp-dir-path --no-show-locs --out-file $baseline "$scratch/now.so"
    echo "abi: wrote $baseline"
    exit
fi

stub "${2:-.}" "$scratch/now.so"
tag=$(git describe --tags --abbrev=0 2>/dev/null || true)
if [ $# -eq 2 ]; then
    name=$1 old=$scratch/old.so
    stub "$1" "$old"
elif [ -n "$tag" ]; then
    name="the tag $tag" old=$scratch/old.so
    git archive "$tag" include src/conv2d.map | tar -x -C "$scratch"
    stub "$scratch" "$old"
else
    name="$baseline (no release is tagged yet)" old=$baseline
fi
status=0
abidiff --suppressions $room/sized-structs.suppr --no-added-syms "$old" "$scratch/now.so" ||
    status=$?
if [ $((status & 3)) -ne 0 ]; then
    echo "abi: abidiff itself failed with status $status" >&2
    exit 2
elif [ $status -ne 0 ]; then
    echo "abi: not compatible with $name" >&2
    exit 1
fi
echo "abi: compatible with $name"
