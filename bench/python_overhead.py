# SPDX-License-Identifier: BSD-2-Clause
"""What Context.run(x, out=y) costs in Python above conv2d_run() in C, in microseconds.

    python3 bench/python_overhead.py [-v]

Prints one line, "python_overhead_us numpy X torch Y limit 5" (Y is none where torch is absent), and
ends with status 1 if a figure is above the limit. With PYTHONPATH=bindings/python and
CONV2D_LIBRARY=.../libconv2d.so it measures a build instead of an installed package.

A 1x1 convolution of one pixel on one thread. Each figure is the least of many short rounds, the
calls of a round measured in turns, so that other work on the machine shows little. The C call is
conv2d_run() through ctypes less a ctypes call that does nothing (it is refused a NULL context)."""
import sys
import timeit

import conv2d
import numpy as np
from conv2d import _library

ROUNDS, CALLS = 1500, 40
LIMIT_US = 5


def measure(x):
    """Microseconds of each call: run with out, run with a new output, C, nothing."""
    layer = conv2d.prepack(np.ones((1, 1, 1, 1), "f4"))
    out = layer(x)
    layer.run(x, out=out)  # writes addresses into the call, which the C call uses below
    call = list(layer._calls.values())[-1][0]
    c_run = _library.lib.conv2d_run
    timers = {key: timeit.Timer(function) for key, function in {
        "run": lambda: layer.run(x, out=out),
        "C": lambda: c_run(layer._handle, call.address),
        "nothing": lambda: c_run(None, None),
        "new": lambda: layer(x)}.items()}
    best = dict.fromkeys(timers, float("inf"))
    for _ in range(ROUNDS):
        for key, timer in timers.items():
            best[key] = min(best[key], timer.timeit(CALLS))
    return {key: seconds / CALLS * 1e6 for key, seconds in best.items()}


def main():
    conv2d.set_num_threads(1)
    inputs = {"numpy": np.ones((1, 1, 1, 1), "f4")}
    try:
        import torch
        inputs["torch"] = torch.ones(1, 1, 1, 1)
    except ImportError:
        pass
    words, over = [], False
    for name in ("numpy", "torch"):
        if name not in inputs:
            words += [name, "none"]
            continue
        us = measure(inputs[name])
        in_c = us["C"] - us["nothing"]
        overhead = us["run"] - in_c
        over = over or overhead > LIMIT_US
        words += [name, f"{overhead:.2f}"]
        if "-v" in sys.argv[1:]:
            print(f"{name}: run(x, out=y) {us['run']:.2f} us, run(x) {us['new']:.2f} us, in C "
                  f"{in_c:.2f} us", file=sys.stderr)
    print("python_overhead_us", *words, "limit", LIMIT_US)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
