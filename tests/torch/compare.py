# SPDX-License-Identifier: BSD-2-Clause
"""conv2d against torch.nn.functional.conv2d: values, shapes and errors.

Draws problems (draw.py, categories.py, refusals.py), asks torch (oracle.py), writes a case file
for torch_driver, which runs the library and compares. Exits 77 (skipped) where torch is absent,
1 on any difference. Before anything else it plants differences and sees them found.
"""
import argparse
import os
import subprocess
import sys
import warnings
from collections import Counter

try:
    import numpy  # noqa: F401  (torch tensors become bytes through it)
    import torch
except ImportError as e:
    print(f"skipped: {e.name} is not installed (pip install torch==2.13.0 numpy)")
    sys.exit(77)

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases    # noqa: E402
import draw     # noqa: E402
import oracle   # noqa: E402
import refusals  # noqa: E402

MINIMUM = 2000


def problems(seed, scale=1.0, only=None):
    """(problem) for every category; number i is the same whatever else is drawn."""
    number = 0
    for name, (count, function) in refusals.ALL.items():
        for _ in range(max(1, round(count * scale))):
            number += 1
            if only is None or number == only:
                p = function(draw.seeded(seed, number))
                p.category, p.id = name, number
                yield p


def expect(problem):
    """(outcome, kind) of a problem, where kind is what the count of it is called."""
    outcome = oracle.ask(problem)
    if not outcome.error:
        return outcome, "values"
    other = refusals.beyond(problem, outcome.message)
    if other is not None:
        outcome = oracle.ask(other)
        if not outcome.error:
            return outcome, "beyond"
    if outcome.message.startswith(oracle.REFUSED_HERE):
        return outcome, "differs"
    return outcome, "errors"


def run_driver(driver, options, records):
    command = [driver, *options, "-"]
    return subprocess.run(command, input=cases.MAGIC + b"".join(records), capture_output=True)


def failures(output):
    """Numbers of the cases that a driver's output calls failed."""
    return {int(line.split()[1]) for line in output.decode().splitlines()
            if line.startswith("FAIL ")}


def spoil(outcome, kind):
    """An outcome that is wrong in one way; None if it cannot be."""
    if kind == "error" and not outcome.error:
        return oracle.Outcome(True, "planted")
    if outcome.error or not outcome.values.numel():
        return None
    values, shape = outcome.values.clone(), outcome.shape
    flat = values.view(-1)
    if kind == "value":
        i = int(torch.argmax(torch.where(torch.isfinite(flat), flat.abs(), -1.0)))
        if not torch.isfinite(flat[i]) or not torch.isfinite(outcome.tolerances.view(-1)[i]):
            return None
        flat[i] += 4 * float(outcome.tolerances.view(-1)[i]) + 1e-5 * abs(float(flat[i])) + 1e-6
    elif kind == "NaN":
        if not torch.isfinite(outcome.tolerances).all():
            return None
        flat[-1] = float("nan") if torch.isfinite(flat[-1]) else 0.0
    return oracle.Outcome(False, "", shape, values, outcome.tolerances)


def passed_over(problem, options):
    """True if the driver has no kernels for it: a GPU lacks float64 and bfloat16."""
    tensor = getattr(problem.input, "base", problem.input)
    return "--device" in options and tensor.dtype in (torch.float64, torch.bfloat16)


def plant(arguments, options):
    """True if every planted difference, and nothing else, is called a failure."""
    records, wanted = [], set()
    for p in problems(arguments.seed, 0.02):
        outcome, kind = expect(p)
        if kind not in ("values", "errors") or passed_over(p, options):
            continue
        wrong = spoil(outcome, ("value", "NaN", "error")[p.id % 3]) if p.id % 5 else None
        if outcome.error and p.id % 5:
            continue
        if wrong is not None:
            wanted.add(p.id)
        records.append(cases.encode(p, wrong or outcome))
    done = run_driver(arguments.driver, options, records)
    found = failures(done.stdout)
    for line in done.stdout.decode().splitlines():
        if line.startswith("FAIL ") and int(line.split()[1]) not in wanted:
            print(line)
    if wanted - found:
        print("not found:", sorted(wanted - found), done.stderr.decode())
    print(f"planted differences: {len(found & wanted)} of {len(wanted)} found, "
          f"{len(found - wanted)} other failures in {len(records)} problems")
    return len(wanted) >= 10 and found == wanted


def documented():
    """True if docs/semantics.md has every deliberate difference with its reason."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "..", "..", "docs", "semantics.md"), encoding="utf-8") as file:
        page = " ".join(file.read().split())
    lost = [f"{name}: {why}" for name, why in {**refusals.DIFFERENCES, **refusals.BEYOND}.items()
            if f"{name}: {why}" not in page]
    for line in lost:
        print(f"FAIL: docs/semantics.md does not say: {line}")
    return not lost


def table(counts):
    kinds = ("values", "errors", "differs", "beyond", "failed")
    print(f"{'category':32s}" + "".join(f"{k:>9s}" for k in kinds))
    for name in refusals.ALL:
        row = [counts[name, k] for k in kinds]
        if any(row):
            print(f"{name:32s}" + "".join(f"{n:9d}" for n in row))
    total = [sum(counts[name, k] for name in refusals.ALL) for k in kinds]
    print(f"{'all':32s}" + "".join(f"{n:9d}" for n in total))
    return sum(total[:4]), total[4]


def compare(arguments, options):
    counts, records, seen, drawn = Counter(), [], {}, {}
    for p in problems(arguments.seed, arguments.scale, arguments.only):
        outcome, kind = expect(p)
        counts[p.category, kind] += 1
        drawn[p.id] = (p, outcome)
        seen[p.id] = p.category
        records.append(cases.encode(p, outcome))
        if arguments.only is not None:
            print(p, "\ntorch:", outcome, kind)
        elif p.category in refusals.REFUSALS and p.category != "wild" and kind == "values":
            print(f"FAIL {p.id} {p.category}: torch computes this; the generator is wrong")
            counts[p.category, "failed"] += 1
    done = run_driver(arguments.driver, options, records)
    for number in failures(done.stdout):
        counts[seen[number], "failed"] += 1
    for line in done.stdout.decode().splitlines():
        print(line)
        if line.startswith("FAIL "):
            number = int(line.split()[1])
            message = drawn[number][1].message
            print(f"     torch: {message or 'computes'}\n     repeat: {sys.executable} "
                  f"{__file__} --driver {arguments.driver} --seed {arguments.seed} "
                  f"--scale {arguments.scale} --only {number} {' '.join(options)}")
    sys.stdout.write(done.stderr.decode())
    run, failed = table(counts)
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(failures(done.stdout)):
        print(f"FAIL: the driver ended with {done.returncode}")
        return False
    print(f"seed {arguments.seed}, torch {torch.__version__}: {run} problems compared, "
          f"{failed} failed")
    return not failed and (run >= MINIMUM or arguments.only is not None or arguments.scale < 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--driver", required=True, help="the program torch_driver")
    parser.add_argument("--seed", type=int, default=2013)
    parser.add_argument("--scale", type=float, default=1.0, help="times as many problems")
    parser.add_argument("--only", type=int, help="number of the one problem to run")
    parser.add_argument("--onednn", action="store_true",
                        help="let torch use oneDNN, which crashes on some valid problems")
    arguments, options = parser.parse_known_args()  # the rest goes to the driver
    oracle.prepare(arguments.onednn)
    warnings.simplefilter("ignore")
    found = arguments.only is not None or (documented() and plant(arguments, options))
    agreed = compare(arguments, options)
    if not found:
        print("FAIL: see above: planted differences or the documentation of deliberate ones")
    return 0 if found and agreed else 1


if __name__ == "__main__":
    sys.exit(main())
