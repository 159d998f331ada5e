# SPDX-License-Identifier: BSD-2-Clause
"""Pictures of a table: the ratio to the best peer for each layer, and the roofline."""
import math

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # pylint: disable=wrong-import-position

from compare import SMALL_MS, intensity  # pylint: disable=wrong-import-position

COLOURS = {"nchw": "#1f77b4", "nhwc": "#d95f02", "any": "#222222"}
WORDS = {"nchw": "NCHW / best peer's NCHW", "nhwc": "NHWC / best peer's NHWC",
         "any": "better of ours / best of all peers"}
DPI = 110


def words(table):
    return f"{table.threads} thread{'s' * (table.threads > 1)}, table '{table.name}'"


def save(figure, base, table, kind):
    path = f"{base}-{table.name}-{table.threads}t-{kind}.png"
    figure.savefig(path, dpi=DPI, metadata={"Software": None})
    pyplot.close(figure)
    return path


def ratios(table, base):
    """One line of dots for each layer, left of 1 where conv2d is faster; small layers are pale."""
    names = table.names[::-1]
    figure, axes = pyplot.subplots(figsize=(9, 1.5 + 0.19 * len(names)), layout="constrained")
    for kind, mark in (("nchw", "s"), ("nhwc", "o"), ("any", "|")):
        values = [ratio if math.isfinite(ratio := table.ratio(name, kind)) else math.nan
                  for name in names]
        pale = [0.3 if table.peer(name, "any").ms < SMALL_MS else 1 for name in names]
        look = {"s": 70 if mark == "|" else 22, "marker": mark, "color": COLOURS[kind]}
        axes.scatter(values, range(len(names)), alpha=pale, **look)
        axes.scatter([], [], label=WORDS[kind], **look)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_ylim(-1, len(names))
    axes.grid(axis="both", color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel("time of conv2d / time of the best peer (log scale; left of 1 is faster)")
    axes.set_title(words(table))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return save(figure, base, table, "ratios")


def roofline(table, results, base):
    """GFLOP/s over operations a byte, direct convolution counted whatever the algorithm, under the
    FMA peak and the copy bandwidths of the same run."""
    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    x = [intensity(table.layers[name]) for name in table.names]
    for kind, mark, label in (("peer", "x", "best of all peers"), ("ours", "o", "conv2d")):
        best = table.peer if kind == "peer" else table.ours
        y = [table.layers[name].flops / best(name, "any").ms / 1e6 for name in table.names]
        axes.scatter(x, y, s=26, marker=mark, label=label,
                     color="#888888" if kind == "peer" else COLOURS["nhwc"])
    edge = [min(x) / 2, max(x) * 2]
    axes.plot(edge, [table.peak] * 2, color="black", linewidth=1, label="FMA peak")
    prefix = f"copy_gb_s_{table.threads}_"
    speeds = {int(key[len(prefix):]): float(value) for key, value in results.facts.items()
              if key.startswith(prefix)}
    for kilobytes, speed in sorted(speeds.items()):
        axes.plot([edge[0], table.peak / speed], [edge[0] * speed, table.peak], linewidth=0.8,
                  linestyle="--", label=f"copies within {kilobytes} KB a thread")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("operations of direct convolution / bytes of input, weights and output")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(words(table) + "; above the peak: Winograd, or taps on padding left out")
    axes.grid(color="#dddddd", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.legend(fontsize=7)
    return save(figure, base, table, "roofline")
