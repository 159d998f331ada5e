# SPDX-License-Identifier: BSD-2-Clause
"""A table of layers on one number of threads: what conv2d takes beside the best peer."""
import math
from collections import namedtuple

import layer as layers
from peers import USE_WINOGRAD

LOOSE = 1e-4       # error / largest result; a peer above it is shown and never the best
SMALL_MS = 0.020   # layers whose best peer is faster are shown, not judged
RIDGE = 16         # operations a byte from which a layer counts as compute-bound
Best = namedtuple("Best", "ms name")
NOTHING = Best(math.inf, "-")
# Ours against which peers: the name, our contenders, the layouts of the peers.
KINDS = {"nchw": (("conv2d_nchw",), ("nchw",)),
         "nhwc": (("conv2d_nhwc",), ("nhwc",)),
         "either": (("conv2d_nchw", "conv2d_nhwc"), ("nchw", "nhwc")),
         "any": (("conv2d_nchw", "conv2d_nhwc"), ("nchw", "nhwc", "native"))}
STRICT = ("conv2d_strict_nchw", "conv2d_strict_nhwc")


def geometric_mean(values):
    values = list(values)
    if 0 in values:
        return 0.0
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


class Table:
    def __init__(self, results, name, threads):
        self.name, self.threads = name, threads
        self.rows = results.layers(name, threads)
        self.layers = {layer.name: layer for layer in layers.read(name)}
        self.peak = results.peak(threads) if self.rows else math.nan
        self.names = [name for name in self.layers if name in self.rows]

    def judged(self, keep=lambda layer: True):
        """Names of the measured layers that are not small and that keep() is true of."""
        return [name for name in self.names
                if keep(self.layers[name]) and self.peer(name, "any").ms >= SMALL_MS]

    def least(self, name, contenders):
        times = [Best(row.least_ms, contender) for contender in contenders
                 if (row := self.rows[name].get(contender)) and row.least_ms is not None]
        return min(times, default=NOTHING)

    def ours(self, name, kind):
        return self.least(name, STRICT if kind == "strict" else KINDS[kind][0])

    def peer(self, name, kind):
        """The best peer; for "strict" in any layout among those that do not use Winograd."""
        layouts = KINDS["any" if kind == "strict" else kind][1]
        unfit = USE_WINOGRAD if kind == "strict" else ()
        return self.least(name, [
            contender for contender, row in self.rows[name].items()
            if not contender.startswith("conv2d") and contender not in unfit and
            row.layout in layouts and row.error is not None and row.error <= LOOSE])

    def ratio(self, name, kind):
        """Our time / the best peer's; infinite without ours, NaN without a peer."""
        peer = self.peer(name, kind).ms
        return self.ours(name, kind).ms / peer if peer < math.inf else math.nan

    def ratios(self, kind, keep=lambda layer: True):
        """Of the judged layers that a peer runs."""
        found = {name: self.ratio(name, kind) for name in self.judged(keep)}
        return {name: ratio for name, ratio in found.items() if not math.isnan(ratio)}


def intensity(layer):
    return layer.flops / layer.bytes


def picture(layer):
    return layer.name.startswith("filter/")


def dense_3x3(layer):
    return (layer.kh == layer.kw == 3 and layer.sh == layer.sw == layer.dh == layer.dw == 1 and
            layer.g == 1 and not picture(layer))


def grouped(layer):
    """As ResNeXt's 32x4d: several channels a group."""
    return layer.g > 1 and not layer.depthwise


def depthwise(layer):
    return layer.depthwise and not picture(layer)


def gemm_like(layer):
    return layer.kh == layer.kw == layer.g == 1 and intensity(layer) >= RIDGE


def compute_bound(layer):
    return intensity(layer) >= RIDGE
