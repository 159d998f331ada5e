#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Write the tables of docs/metal-cost.md, or with --check say whether they are what the library
# does.
# Usage: scripts/metal-cost.sh [--check] METAL_COST, the program bench/metal_cost; the environment
# names software Metal (CONV2D_METAL_LIBRARY).
. "$(dirname "$0")/common.sh"

page=docs/metal-cost.md
check=0
[ "${1:-}" != --check ] || { check=1 && shift; }
tables=$("$1")
new=$(awk -v tables="$tables" '
    /^<!-- metal_cost: end -->/ { skipping = 0 }
    !skipping { print }
    /^<!-- metal_cost: begin -->/ { print tables; skipping = 1 }' "$page")
if [ $check -eq 0 ]; then
    printf '%s\n' "$new" >"$page"
elif ! diff <(printf '%s\n' "$new") "$page"; then
    echo "metal-cost: $page differs from what the library does: scripts/metal-cost.sh writes it" >&2
    exit 1
fi
