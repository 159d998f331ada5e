# SPDX-License-Identifier: BSD-2-Clause
"""What Context.run(x, out=y) costs above conv2d_run() in C: overhead.py, figures to read, no test.

A 1x1 convolution of one pixel on one thread. Each figure is the least of many short rounds, the
three of a line measured in turns. The C call is conv2d_run() through ctypes less a ctypes call
that does nothing (it is refused a NULL context)."""
import timeit

import conv2d
import numpy as np
from conv2d import _library

ROUNDS, CALLS = 800, 40
LIMIT_US = 5


def main():
    conv2d.set_num_threads(1)
    layer = conv2d.prepack(np.ones((1, 1, 1, 1), "f4"))
    inputs = {"NumPy": np.ones((1, 1, 1, 1), "f4")}
    try:
        import torch
        inputs["torch"] = torch.ones(1, 1, 1, 1)
    except ImportError:
        pass
    run = _library.lib.conv2d_run
    for name, x in inputs.items():
        out = layer(x)
        layer.run(x, out=out)  # writes addresses into the call, which the C call uses below
        call = list(layer._calls.values())[-1][0]
        candidates = {
            "run": lambda: layer.run(x, out=out),
            "C": lambda: run(layer._handle, call.address),
            "nothing": lambda: run(None, None),
            "new": lambda: layer(x)}
        timers = {key: timeit.Timer(function) for key, function in candidates.items()}
        best = dict.fromkeys(timers, float("inf"))
        for _ in range(ROUNDS):
            for key, timer in timers.items():
                best[key] = min(best[key], timer.timeit(CALLS))
        us = {key: seconds / CALLS * 1e6 for key, seconds in best.items()}
        in_c = us["C"] - us["nothing"]
        print(f"{name}: run(x, out=y) {us['run']:.2f} us, in C {in_c:.2f} us, difference "
              f"{us['run'] - in_c:.2f} us (wanted: under {LIMIT_US}); run(x) {us['new']:.2f} us")


if __name__ == "__main__":
    main()
