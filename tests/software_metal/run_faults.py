#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""run_faults.py PROGRAM [SANITIZER]: every fault of faults.c ends its process and is reported.

A sanitizer finds some of them first, in its own words."""
import os
import subprocess
import sys

program, sanitizer = sys.argv[1], (sys.argv[2:] + [""])[0]
SANITIZED = {
    "address": {"beyond_array": "index 64 out of bounds", "beyond_argument": "AddressSanitizer"},
    "thread": {"removed_barrier": "data race", "race": "data race",
               "race_of_groups": "data race", "beyond_array": None,
               "beyond_argument": None},
}
first = SANITIZED.get(sanitizer.split(",")[0], {})

listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
wrong = 0
faults = [line.split("\t") for line in listed.stdout.splitlines()]
for name, expected in faults:
    if name in first:
        expected = first[name]
        if expected is None:
            continue
    environment = dict(os.environ, TSAN_OPTIONS="halt_on_error=1", ASAN_OPTIONS="detect_leaks=0")
    done = subprocess.run([program, name], capture_output=True, text=True, timeout=300,
                          env=environment)
    dies = name != "unwritten"
    if expected not in done.stdout + done.stderr or (done.returncode != 0) != dies:
        wrong += 1
        print(f"{name}: exit status {done.returncode}, expected '{expected}', got:\n"
              f"{(done.stdout + done.stderr)[-1500:]}")
print(f"{wrong} of {len(faults)} faults not reported")
sys.exit(wrong != 0)
