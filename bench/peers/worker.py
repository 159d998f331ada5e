# SPDX-License-Identifier: BSD-2-Clause
"""One contender in one process: worker.py NAME THREADS, the protocol of bench/runner.c.

Lines in on stdin, one line out for each: "ok NAME=VALUE..." or "error SENTENCE". Whatever a library
prints goes to stderr."""
import importlib
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import numpy as np  # pylint: disable=wrong-import-position

from layer import parse  # pylint: disable=wrong-import-position
from peers import CONTENDERS  # pylint: disable=wrong-import-position

MAX_TIMES = 5000
SLOW_NS = 5e8  # a first run that takes so long is the only one


def setup(adapter, folder, text):
    layer = parse(text)

    def tensor(name, *shape):
        return np.fromfile(os.path.join(folder, name + ".f32"), np.float32).reshape(shape)

    x = tensor("x", layer.n, layer.c, layer.h, layer.w)
    weight = tensor("w", layer.oc, layer.c // layer.g, layer.kh, layer.kw)
    bias = tensor("b", layer.oc)
    start = time.perf_counter()
    adapter.setup(layer, x, weight, bias)
    ready = time.perf_counter()
    adapter.run()
    y = adapter.output()
    if y.shape != (layer.n, layer.oc, layer.oh, layer.ow):
        return f"error the output's shape is {y.shape}"
    np.ascontiguousarray(y, np.float32).tofile(os.path.join(folder, "y.f32"))
    return f"ok setup_ms={(ready - start) * 1e3:.4f}"


def time_runs(run, seconds):
    """Times runs for so long, after some that wake threads and fill caches, as runner.c does."""
    clock = time.perf_counter_ns
    start = clock()
    run()
    first = clock() - start
    for _ in range(0 if first > 2e8 else 1 if first > 2e7 else 3 if first > 2e6 else 20):
        run()
    times, total, limit, least = [], 0, seconds * 1e9, 1 if first > 1e8 else 3
    if first > SLOW_NS:
        times, total, least = [first], first, 1
    while (total < limit or len(times) < least) and len(times) < MAX_TIMES:
        start = clock()
        run()
        times.append(clock() - start)
        total += times[-1]
    return (f"ok least_ms={min(times) / 1e6:.6f} median_ms={statistics.median(times) / 1e6:.6f} "
            f"runs={len(times)}")


def answer(adapter, line):
    command, rest = line.split(" ", 1)
    if command == "setup":
        return setup(adapter, *rest.split(" ", 1))
    if command == "time":
        return time_runs(adapter.run, float(rest))
    return f"error unknown command: {line}"


def main(name, threads):
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module, kind = CONTENDERS[name]

    def say(text):
        out.write(text.replace("\n", " ") + "\n")
        out.flush()

    try:
        adapter = getattr(importlib.import_module(module), kind)(int(threads))
        say(f"ok version={adapter.version()} layout={adapter.layout}")
    except Exception as error:  # pylint: disable=broad-except
        say(f"error {error!r:.300}")
        return
    for line in sys.stdin:
        try:
            say(answer(adapter, line.rstrip("\n")))
        except Exception as error:  # pylint: disable=broad-except
            say(f"error {type(error).__name__}: {error!s:.300}")
    os._exit(0)  # libraries that crash while they unload have nothing to lose any more


if __name__ == "__main__":
    main(*sys.argv[1:])
