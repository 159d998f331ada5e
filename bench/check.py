# SPDX-License-Identifier: BSD-2-Clause
"""Judges figures that the project promises: check.py BUILD RESULTS [PYTHON...]  (make bench-check)

Runs the programs that measure them, prints a table of name, value, limit and verdict, and ends
with status 1 if a limit is missed or a figure is absent. Times are the least of many rounds, so
that other work on the machine shows little; still, it is a command for a quiet machine and no part
of `make test`. BUILD is a release build with tests; RESULTS a run of bench/measure.py, whose speed
bench/targets.py judges, or "none"; PYTHON are interpreters with NumPy, the first of them the
system's if none is named; torch is measured where one has it."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple

import targets

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# pattern: its group is the value, which must be at most the limit; without one it is only told.
Figure = namedtuple("Figure", "name pattern limit unit")
FIGURES = {
    "quiet_run": (
        Figure("allocations of a run with a workspace", r"plan_run_allocations (\d+)", 0, ""),
        Figure("locks of a run with a workspace", r"plan_run_locks (\d+)", 0, ""),
        Figure("system calls of a run with a workspace", r"plan_run_system_calls (\d+)", 0, "")),
    "startup": (
        Figure("loading ResNet-50 / packing it", r"loading / packing: ([\d.]+) %", 5, "%"),
        Figure("  with every checksum verified", r"checksum verified ([\d.]+) %", None, "%")),
    "numpy": (
        Figure("Python above C, NumPy arrays", r"overhead_us numpy ([\d.]+)", 5, "us"),),
    "torch": (
        Figure("Python above C, torch tensors", r"overhead_us .*torch ([\d.]+)", 5, "us"),),
}


def judge(figures, text):
    """Lines of the table, and whether all limits are kept."""
    lines, kept = [], True
    for figure in figures:
        match = re.search(figure.pattern, text)
        good = bool(match) and (figure.limit is None or float(match.group(1)) <= figure.limit)
        kept = kept and good
        value = f"{match.group(1)} {figure.unit}".strip() if match else "absent"
        limit = "none" if figure.limit is None else f"{figure.limit} {figure.unit}".strip()
        lines.append(f"{figure.name:42} {value:>12} {limit:>8}   {'kept' if good else 'MISSED'}")
    return lines, kept


def output(command, environment=None):
    """What a program prints; its status counts only through missing figures."""
    with tempfile.TemporaryDirectory(prefix="conv2d-bench-") as folder:
        run = subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False,
                             env={**os.environ, **(environment or {})})
    return run.stdout + run.stderr


def main(build, results, *pythons):
    build = os.path.abspath(build)
    package = {"PYTHONPATH": os.path.join(ROOT, "bindings/python"),
               "CONV2D_LIBRARY": os.path.join(build, "src/libconv2d.so")}
    overhead = [output([os.path.abspath(shutil.which(python) or python), "-B",
                        os.path.join(ROOT, "bench/python_overhead.py")], package)
                for python in pythons or ("/usr/bin/python3",)]
    said = {
        "quiet_run": output([os.path.join(build, "tests/api/test_quiet_run")]),
        "startup": output([os.path.join(build, "bench/startup"),
                           os.path.join(ROOT, "bench/models/resnet50.txt")]),
        "numpy": overhead[0],
    }
    with_torch = [text for text in overhead if re.search(r"torch [\d.]", text)]
    if with_torch:
        said["torch"] = with_torch[0]
    print(f"{'figure':42} {'value':>12} {'limit':>8}   verdict")
    all_kept = True
    for source, text in said.items():
        lines, kept = judge(FIGURES[source], text)
        print("\n".join(lines), flush=True)
        all_kept = all_kept and kept
        if not kept:
            print("  it said: " + "\n  ".join(text.strip().split("\n")[-8:]), file=sys.stderr)
    if "torch" not in said:
        print(f"{FIGURES['torch'][0].name:42} {'no torch':>12}")
    if results != "none":
        all_kept = targets.main(results) == 0 and all_kept
    return 0 if all_kept else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
