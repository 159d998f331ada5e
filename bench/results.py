# SPDX-License-Identifier: BSD-2-Clause
"""A run's results: facts about the machine and one row for each table, layer, number of threads and
contender. Kept as CSV, the facts in front as lines of "# key: value"."""
import csv
import os
import re
from dataclasses import dataclass, fields


@dataclass
class Row:
    table: str
    layer: str
    threads: int
    contender: str
    layout: str = ""              # nchw, nhwc, or native: the contender's own
    least_ms: float = None        # None: refused or failed, and why is in failure
    median_ms: float = None
    runs: int = 0
    error: float = None           # largest difference from float64 / largest result
    setup_ms: float = None        # conv2d: packing and planning, the least of some
    peak_gflops: float = None     # FMA peak around these times
    workspace_bytes: int = None
    algorithm: str = ""
    chosen_ms: float = None       # among the candidates, in turns: the planner's choice,
    best_ms: float = None         # the fastest,
    best_candidate: str = ""      # and which that is
    commit: str = ""
    failure: str = ""

    @property
    def key(self):
        return self.table, self.layer, self.threads, self.contender


KINDS = {field.name: field.type for field in fields(Row)}


def least(*values):
    return min((value for value in values if value is not None), default=None)


def most(*values):
    return max((value for value in values if value is not None), default=None)


class Results:
    def __init__(self):
        self.facts, self.rows = {}, {}

    def add(self, row):
        """A row; of a row that is there already and of the same commit, the better times stay."""
        old = self.rows.get(row.key)
        if old and old.commit == row.commit and old.least_ms is not None:
            row.peak_gflops = most(old.peak_gflops, row.peak_gflops)
            row.setup_ms = least(old.setup_ms, row.setup_ms)
            if row.least_ms is None or old.least_ms < row.least_ms:
                row.least_ms, row.median_ms, row.failure = old.least_ms, old.median_ms, ""
                row.runs, row.error = old.runs, old.error
            if row.best_ms is None:
                row.chosen_ms, row.best_ms = old.chosen_ms, old.best_ms
                row.best_candidate = old.best_candidate
        self.rows[row.key] = row

    def add_fact(self, key, value):
        """A fact; of a number the largest stays (a peak, a bandwidth)."""
        if isinstance(value, float):
            value = round(max(value, float(self.facts.get(key, 0))), 2)
        self.facts[key] = str(value)

    def peak(self, threads):
        """The largest FMA peak of the run in GFLOP/s."""
        return float(self.facts[f"fma_peak_gflops_{threads}"])

    def layers(self, table, threads):
        """Names of the layers of a table that were measured, each once, and their rows by
        contender."""
        found = {}
        for row in self.rows.values():
            if row.table == table and row.threads == threads:
                found.setdefault(row.layer, {})[row.contender] = row
        return found

    def save(self, path):
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        with open(path + ".new", "w", encoding="utf-8", newline="") as f:
            for key, value in sorted(self.facts.items()):
                f.write(f"# {key}: {value}\n")
            writer = csv.writer(f, lineterminator="\n")
            writer.writerow(KINDS)
            for row in self.rows.values():
                writer.writerow(["" if value is None else
                                 f"{value:.6g}" if isinstance(value, float) else value
                                 for value in (getattr(row, name) for name in KINDS)])
        os.replace(path + ".new", path)


def load(path):
    results = Results()
    with open(path, encoding="utf-8", newline="") as f:
        lines = f.read().splitlines(keepends=True)
    n_facts = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    for line in lines[:n_facts]:
        key, value = re.fullmatch(r"# ([^:]+): (.*)\n", line).groups()
        results.facts[key] = value
    for values in csv.DictReader(lines[n_facts:]):
        row = Row(**{name: text if KINDS[name] is str else KINDS[name](text) if text else None
                     for name, text in values.items()})
        results.rows[row.key] = row
    return results
