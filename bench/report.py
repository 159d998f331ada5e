# SPDX-License-Identifier: BSD-2-Clause
"""A run as a page and pictures: report.py RESULTS.csv FOLDER writes CLASS-CPU.csv, .md and .png
files there. CLASS is avx2, avx512, amx or neon, CPU a short name of the processor."""
import math
import os
import shutil
import sys

import plots
import results as result_files
import targets
from compare import Table, geometric_mean

TITLES = {"peers": "Layers of well-known networks", "second": "The second table"}


def number(ms):
    return "-" if ms == float("inf") else f"{ms:.4f}" if ms < 10 else f"{ms:.2f}"


def markdown(head, rows):
    """A table; the first column is text, the others lie to the right."""
    return ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|",
            *("| " + " | ".join(map(str, row)) + " |" for row in rows), ""]


def machine(results, note):
    facts = results.facts
    threads = sorted({row.threads for row in results.rows.values()})
    lines = [f"# conv2d beside other libraries: {facts['class']}, {facts['cpu_name']}", "",
             "How it is measured and how to read it: [README.md](README.md). Written by "
             f"`make bench` from [{stem(results)}.csv]({stem(results)}.csv).", "",
             f"- Processor: {facts['cpu']}, {facts['processors']} processors; {facts['system']}",
             f"- Date {facts['date']}, commit {facts['commit']}"]
    for t in threads:
        copies = sorted((int(key.rsplit("_", 1)[1]), value) for key, value in facts.items()
                        if key.startswith(f"copy_gb_s_{t}_"))
        lines.append(f"- {t} thread{'s' * (t > 1)}: FMA peak {results.peak(t):.1f} GFLOP/s; copies "
                     + ", ".join(f"{kb} KB {value} GB/s" for kb, value in copies))
    versions = {}
    for key, value in facts.items():
        if key.startswith("version_") and not key.startswith("version_conv2d"):
            versions.setdefault(value, []).append(key[len("version_"):])
    lines.append("- Versions: " + "; ".join(f"{', '.join(sorted(names))} {value}"
                                            for value, names in versions.items()))
    if note:
        lines.append(f"- Conditions: {note}")
    return lines + [""]


def verdicts(results):
    lines = ["## Targets", "", "```"]
    lines += [figure.line() for figure in targets.judge(results)]
    return lines + ["```", ""]


def ratio(table, name, kind):
    value = table.ratio(name, kind)
    if not math.isfinite(value):
        return "-"
    return f"**{value:.2f}**" if value > 1 else f"{value:.2f}"


def layer_table(table):
    """What ours takes beside the best peer in NCHW, in NHWC and in any layout; STRICT."""
    rows = []
    for name in table.names:
        layer, row = table.layers[name], [name]
        for kind in ("nchw", "nhwc", "any", "strict"):
            peer = table.peer(name, kind)
            row += [number(table.ours(name, kind).ms), f"{peer.name} {number(peer.ms)}",
                    ratio(table, name, kind)]
        python = table.least(name, ["conv2d_python", "conv2d_python_cl"]).ms
        share = layer.flops / table.ours(name, "any").ms / table.peak / 1e4
        rows.append([*row, number(python), f"{share:.0f}"])
    head = ["layer", "NCHW ms", "best NCHW peer", "ratio", "NHWC ms", "best NHWC peer", "ratio",
            "better ms", "best of all", "ratio", "STRICT ms", "best without Winograd", "ratio",
            "Python ms", "% of peak"]
    return markdown(head, rows)


def contender_table(table):
    """Every contender's time, relative to the best of all contenders."""
    names = list(dict.fromkeys(name for layer in table.names for name in table.rows[layer]))
    layouts = {name: next(rows[name].layout for rows in table.rows.values() if name in rows)
               for name in names}
    lines, collected = [], {name: [] for name in names}
    for layer in table.names:
        times = {name: row.least_ms for name, row in table.rows[layer].items()
                 if row.least_ms is not None}
        best = min(times.values())
        for name in times:
            collected[name].append(times[name] / best)
        lines.append([layer] + [f"{times[name] / best:.2f}" if name in times else "-"
                                for name in names])
    means = ["geometric mean"] + [f"{geometric_mean(collected[name]):.2f}" for name in names]
    return markdown(["layer"] + [f"{name} ({layouts[name]})" for name in names],
                    [*lines, means])


def accuracy_table(table):
    rows = []
    names = list(dict.fromkeys(name for layer in table.names for name in table.rows[layer]))
    for name in names:
        errors = sorted((found[name].error, layer) for layer, found in table.rows.items()
                        if name in found and found[name].error is not None)
        if errors:
            rows.append([name, f"{errors[len(errors) // 2][0]:.1e}", f"{errors[-1][0]:.1e}",
                         errors[-1][1]])
    return markdown(["contender", "median", "worst", "worst layer"], rows)


def cliff_table(results):
    """Pairs of cliffs.txt, NCHW and NHWC beside each other."""
    ratios = targets.cliffs(Table(results, "cliffs", 1), results.facts["class"])
    if not ratios:
        return []
    names = dict.fromkeys(name.rsplit(" ", 1)[0] for name in ratios)
    rows = [[name.replace("-above-", " ")] + [f"{ratios[f'{name} {order}']:.2f}"
                                             for order in ("nchw", "nhwc")] for name in names]
    return ["## Cliffs, 1 thread", "",
            "Time per operation with the axis at this size, one more than a multiple of the vector "
            "length, over that at the next multiple.", "",
            *markdown(["layer, axis, size", "NCHW", "NHWC"], rows)]


def failures(results):
    found = sorted({f"{row.contender} on {row.layer}: {row.failure}"
                    for row in results.rows.values() if row.failure})
    return ["## Not run", "", *(f"- {text}" for text in found), ""] if found else []


def tables_of(results, name, pictures):
    lines = []
    for threads in sorted({row.threads for row in results.rows.values() if row.table == name}):
        table = Table(results, name, threads)
        lines += [f"## {TITLES[name]}, {threads} thread{'s' * (threads > 1)}", ""]
        lines += [f"![{path}]({path})" for path in pictures[name, threads]] + [""]
        lines += layer_table(table)
        lines += ["### Time relative to the fastest contender", ""] + contender_table(table)
        if threads == 1:
            lines += ["### Largest error / largest result", ""] + accuracy_table(table)
    return lines


def stem(results):
    return f"{results.facts['class']}-{results.facts['cpu_name']}"


def main(path, folder, note=""):
    results = result_files.load(path)
    os.makedirs(folder, exist_ok=True)
    base = os.path.join(folder, stem(results))
    shutil.copyfile(path, base + ".csv")
    pictures = {}
    for name in TITLES:
        for threads in {row.threads for row in results.rows.values() if row.table == name}:
            table = Table(results, name, threads)
            pictures[name, threads] = [os.path.basename(plots.ratios(table, base)),
                                       os.path.basename(plots.roofline(table, results, base))]
    lines = machine(results, note) + verdicts(results)
    for name in TITLES:
        lines += tables_of(results, name, pictures)
    with open(base + ".md", "w", encoding="utf-8") as f:
        f.write("\n".join(lines + cliff_table(results) + failures(results)).rstrip() + "\n")
    print(f"{base}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
