# SPDX-License-Identifier: BSD-2-Clause
"""Targets of speed, and the judge of a run: targets.py RESULTS.csv, or judge() of loaded results.

Prints every figure with its limit and a verdict; status 1 if one is missed or absent. Figures that
are told and not judged have no limit. docs/benchmarks/README.md says what they mean."""
import math
import operator
import sys
from dataclasses import dataclass

import results as result_files
from compare import (Table, compute_bound, dense_3x3, depthwise, gemm_like, geometric_mean,
                     grouped, picture)
from contender import OURS

TABLES, THREADS = ("peers", "second"), (1, 2)
MOST, LEAST = operator.le, operator.ge  # what a limit is
DEFAULT = ("conv2d_nchw", "conv2d_nhwc")
LARGEST_ERROR = 2e-5        # of the largest result; CONV2D_ACCURACY_DEFAULT promises it of the rms
WORKSPACE_BYTES = 16 << 20
PLANNING_MS, PLANNING_RUNS = 1, 20
CHOICE = 1.10               # a choice this near to the best candidate is good
VECTOR = {"avx512": 16, "amx": 16}  # elements; 8 elsewhere
# Best of all that the better of ours may take, by class of machine.
BEST_OF_ALL = {"avx512": 0.70, "avx2": 0.70, "amx": 0.65}


@dataclass
class Figure:
    name: str
    value: float = math.nan
    limit: float = None
    relation: object = MOST
    where: str = ""  # the layer that the value is of, or how many it stands for

    @property
    def kept(self):
        return self.limit is None or bool(self.relation(self.value, self.limit))

    def line(self):
        sign = "<=" if self.relation is MOST else ">="
        value = "absent" if math.isnan(self.value) else f"{self.value:.3g}"
        limit = "" if self.limit is None else f"{sign} {self.limit:g}"
        verdict = "told" if self.limit is None else "kept" if self.kept else "MISSED"
        return f"{self.name:46} {value:>9} {limit:>9}   {verdict:7} {self.where}".rstrip()


def mean(name, ratios, limit):
    return Figure(name, geometric_mean(ratios.values()), limit, where=f"{len(ratios)} layers")


def extreme(name, values, limit, relation=MOST):
    """The value furthest on the wrong side, and the layer that has it."""
    if not values:
        return Figure(name, math.nan, limit, relation)
    where = (max if relation is MOST else min)(values, key=values.get)
    return Figure(name, values[where], limit, relation, where)


def against_peers(table, best_of_all):
    t = f"{table.name} x{table.threads}: "
    yield mean(t + "NCHW / best peer's NCHW", table.ratios("nchw"), 0.65)
    yield mean(t + "NHWC / best peer's NHWC", table.ratios("nhwc"), 0.65)
    yield mean(t + "better / best in NCHW, NHWC", table.ratios("either"), best_of_all)
    yield mean(t + "better / best of all", table.ratios("any"), best_of_all)
    for kind, words in (("nchw", "NCHW"), ("nhwc", "NHWC"), ("any", "better")):
        yield extreme(t + f"worst layer, {words}", table.ratios(kind), 1.05)
    yield mean(t + "STRICT / best without Winograd", table.ratios("strict"), 0.95)
    for words, keep, limit in (("3x3 stride 1", dense_3x3, 0.60), ("grouped", grouped, 0.60),
                               ("depthwise", depthwise, 0.70), ("picture filters", picture, 0.35)):
        yield mean(t + words, table.ratios("any", keep), limit)
    shares = {name: table.layers[name].flops / table.ours(name, "any").ms / table.peak / 1e4
              for name in table.judged(gemm_like)}
    yield extreme(t + "GEMM-like, % of FMA peak", shares, 90, LEAST)
    yield Figure(t + "  geometric mean of those", geometric_mean(shares.values()))


def of_itself(table):
    """Whether every layer ran and was right; memory, planning, the planner's choices."""
    t = f"{table.name} x{table.threads}: "
    rows = [row for name in table.names for row in table.rows[name].values()
            if row.contender in OURS]
    missing = {name: 1 for name in table.layers for contender in OURS
               if not (row := table.rows.get(name, {}).get(contender)) or row.least_ms is None}
    yield extreme(t + "layers without a time", missing or {"": 0}, 0)
    yield extreme(t + "error / largest result",
                  {f"{row.layer} {row.contender[7:]}": row.error for row in rows
                   if row.error is not None}, LARGEST_ERROR)
    yield extreme(t + "workspace, MB",
                  {f"{row.layer} {row.contender[7:]}": row.workspace_bytes / (1 << 20)
                   for row in rows if row.workspace_bytes is not None},
                  WORKSPACE_BYTES / (1 << 20))
    timed = [row for row in rows if row.contender in DEFAULT and row.least_ms is not None]
    yield extreme(t + "planning, of 20 runs or 1 ms",
                  {f"{row.layer} {row.layout}": row.setup_ms / max(
                      PLANNING_MS, PLANNING_RUNS * row.least_ms) for row in timed}, 1)
    choices = [row.chosen_ms <= CHOICE * row.best_ms for row in timed if row.best_ms]
    complete = len(choices) == 2 * len(table.layers)
    yield Figure(t + "planner's good choices, %",
                 100 * sum(choices) / len(choices) if complete else math.nan, 90, LEAST,
                 f"{len(choices)} choices")


def scaling(one, two):
    """The same table on one thread and on two."""
    def times(names):
        for name in names:
            for contender in DEFAULT if name in two.rows else ():
                yield (f"{name} {contender[7:]}", one.least(name, [contender]).ms,
                       two.least(name, [contender]).ms)

    gains = {name: before / after for name, before, after in times(one.judged(compute_bound))}
    losses = {name: after / before for name, before, after in times(one.names)}
    yield extreme(f"{one.name}: 1 thread / 2 threads, compute-bound", gains, 1.85, LEAST)
    yield extreme(f"{one.name}: 2 threads / 1 thread", losses, 1.05)


def cliffs(table, machine):
    """Time per operation of a size one above a multiple of the vector length / of the next
    multiple, for each pair and order."""
    ratios = {}
    for name in table.names:
        full = f"{name.replace('-above-', '-full-')}-{VECTOR.get(machine, 8)}"
        if "-above-" in name and full in table.rows:
            for contender in DEFAULT:
                cost = [table.least(n, [contender]).ms / table.layers[n].flops
                        for n in (name, full)]
                ratios[f"{name} {contender[7:]}"] = cost[0] / cost[1]
    return ratios


def judge(results):
    """All figures of a run."""
    machine = results.facts["class"]
    figures = []
    for threads in THREADS:
        for name in TABLES:
            table = Table(results, name, threads)
            figures += against_peers(table, BEST_OF_ALL.get(machine, 0.70))
            figures += of_itself(table)
    for name in TABLES:
        figures += scaling(Table(results, name, 1), Table(results, name, 2))
    figures.append(extreme("cliffs x1: one more / next multiple",
                           cliffs(Table(results, "cliffs", 1), machine), 1.15))
    return figures


def main(path):
    figures = judge(result_files.load(path))
    print("\n".join(figure.line() for figure in figures))
    missed = sum(not figure.kept for figure in figures)
    print(f"{missed} of {sum(figure.limit is not None for figure in figures)} targets missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
