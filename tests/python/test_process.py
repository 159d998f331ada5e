# SPDX-License-Identifier: BSD-2-Clause
"""Threads, processes, life and death of objects, the command line, and what info() says."""
import concurrent.futures
import gc
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import conv2d
import numpy as np
from reference import convolve, integers


def one_result(seed):
    rng = np.random.default_rng(seed)
    x, w = integers(rng, (1, 8, 20, 20)), integers(rng, (8, 8, 3, 3))
    return bool((conv2d.conv2d(x, w, accuracy="strict") == convolve(x, w)).all())


def run_python(code, *arguments):
    """Standard output of a fresh interpreter that must end with status 0 and nothing to say on
    stderr."""
    # Python 3.12 warns of every fork in a process with threads.
    process = subprocess.run([sys.executable, "-B", "-W", "ignore::DeprecationWarning", "-c", code,
                              *arguments], check=False, capture_output=True, text=True, timeout=120)
    if process.returncode or process.stderr:
        raise AssertionError(f"exit status {process.returncode}, stderr: {process.stderr}")
    return process.stdout


class Threads(unittest.TestCase):
    def tearDown(self):
        conv2d.set_num_threads(0)

    def test_eight_threads_on_one_context(self):
        rng = np.random.default_rng(50)
        w = integers(rng, (8, 6, 3, 3))
        layer = conv2d.prepack(w, padding=1, accuracy="strict")  # integers are exact
        inputs = [integers(rng, (1, 6, 10 + i % 5, 20 + i % 3)) for i in range(24)]
        expected = [convolve(x, w, padding=1) for x in inputs]

        def work(i):
            for turn in range(40):
                k = (i * 7 + turn) % len(inputs)
                out = np.zeros(expected[k].shape, "f4") if turn % 2 else None
                if turn % 13 == 0:
                    layer.release_resources()
                if not (layer.run(inputs[k], out=out) == expected[k]).all():
                    return f"thread {i}, turn {turn}: wrong"
            return ""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(list(pool.map(work, range(8))), [""] * 8)

    def test_the_gil_is_released(self):
        x, w = np.ones((1, 64, 100, 100)), np.ones((64, 64, 3, 3))  # float64: slow
        layer = conv2d.prepack(w)
        out = layer(x)
        for call in (lambda: conv2d.conv2d(x, w), lambda: layer(x), lambda: layer.run(x, out=out)):
            done = threading.Event()

            def work(call=call, done=done):
                call()
                done.set()
            thread = threading.Thread(target=work)
            thread.start()
            n_turns = 0  # of this thread, which each time needs the GIL back
            while not done.is_set():
                time.sleep(0.001)
                n_turns += 1
            thread.join()
            self.assertGreater(n_turns, 20)

    def test_same_bits_with_any_number_of_threads(self):
        rng = np.random.default_rng(51)
        x = rng.standard_normal((2, 16, 30, 30)).astype("f4")
        w = rng.standard_normal((16, 16, 3, 3)).astype("f4")
        results = []
        for n in (1, 2, 3, 7):
            conv2d.set_num_threads(n)
            self.assertEqual(conv2d.info()["n_threads"], n)
            results.append(conv2d.prepack(w)(x).tobytes())
        self.assertEqual(len(set(results)), 1)

    def test_changing_threads_while_others_run(self):
        stop = threading.Event()
        good = []

        def work():
            while not stop.is_set():
                good.append(one_result(len(good) % 3))
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(60):
            conv2d.set_num_threads(1 + n % 3)
            time.sleep(0.005)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertTrue(good and all(good))


class Processes(unittest.TestCase):
    def test_fork_and_spawn(self):
        self.assertTrue(one_result(1))  # the parent's pool has threads that the child lacks
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                self.assertEqual(pool.map(one_result, range(6)), [True] * 6)

    def test_a_context_of_the_parent(self):
        rng = np.random.default_rng(53)
        w = integers(rng, (8, 8, 3, 3))
        # What another thread uses at the time of a fork may be locked in the child for ever.
        x, exact = integers(rng, (1, 8, 40, 40)), {"accuracy": "strict"}
        layer, busy = conv2d.prepack(w, **exact), conv2d.prepack(w, **exact)
        expected = convolve(x, w)
        stop = threading.Event()
        self.assertTrue((layer(x) == expected).all() and (busy(x) == expected).all())

        def work():
            while not stop.is_set():
                busy(x)
        thread = threading.Thread(target=work)  # the children are made while this one runs
        thread.start()
        children = []
        for _ in range(8):
            child = os.fork()
            if child == 0:
                good = all((call(x) == expected).all()
                           for call in (layer, layer, conv2d.prepack(w, **exact)))
                os._exit(0 if good else 1)
            children.append(child)
        statuses = [os.waitpid(child, 0)[1] for child in children]
        stop.set()
        thread.join()
        self.assertEqual(statuses, [0] * 8)

    def test_exit_with_work_in_flight(self):
        start = """if True:
            import conv2d, numpy, os, sys, threading, time
            x, w = numpy.ones((1, 32, 100, 100)), numpy.ones((32, 32, 3, 3))
            layer = conv2d.prepack(w)
            def work(call):
                while True:
                    call()
            for call in (lambda: layer(x), lambda: conv2d.conv2d(x, w),
                         lambda: conv2d.prepack(w)(x[:, :, :9])):
                threading.Thread(target=work, args=(call,), daemon=True).start()
            time.sleep(0.2)
            """
        for end in ("", "sys.exit(0)", "del layer, x, w", "layer.release_resources()",
                    "os.fork() or sys.exit(0)"):
            with self.subTest(end=end):
                run_python(start + end)

    def test_torch_is_not_imported(self):
        printed = run_python("import conv2d, sys; print('torch' in sys.modules)")
        self.assertEqual(printed.strip(), "False")

    def test_a_missing_library_is_told(self):
        process = subprocess.run(
            [sys.executable, "-B", "-c", "import conv2d"], capture_output=True, text=True,
            check=False, env={**os.environ, "CONV2D_LIBRARY": os.path.join("no", "library.so")})
        self.assertEqual(process.returncode, 1)
        self.assertIn("ImportError: the shared library of conv2d cannot be loaded",
                      process.stderr)


class Objects(unittest.TestCase):
    def test_contexts_are_freed(self):
        w = np.ones((256, 256, 3, 3), "f4")  # 2.4 MB
        x = np.ones((1, 256, 8, 8), "f4")
        for _ in range(3):
            conv2d.prepack(w)(x)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(60):
            conv2d.prepack(w)(x)
        gc.collect()
        grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        self.assertLess(grown_kb, 20 * w.nbytes / 1024)

    def test_weights_are_copied(self):
        w = np.ones((1, 1, 1, 1), "f4")
        layer = conv2d.prepack(w)
        w[...] = 2
        self.assertEqual(layer(np.ones((1, 1, 1, 1), "f4")).item(), 1)

    def test_the_cache_of_calls_is_bounded(self):
        layer = conv2d.prepack(np.ones((1, 1, 1, 1), "f4"))
        for n in range(1, 60):
            self.assertEqual(layer(np.ones((1, 1, n, 3), "f4")).sum(), 3 * n)
        self.assertLessEqual(len(layer._calls), 16)

    def test_release(self):
        layer = conv2d.prepack(np.ones((1, 1, 2, 2), "f4"))
        layer.release_resources()
        for _ in range(2):
            self.assertEqual(layer(np.ones((1, 1, 2, 2), "f4")).item(), 4)
            layer.release_resources()
            layer.release_resources()

    def test_describe(self):
        layer = conv2d.prepack(np.ones((64, 64, 3, 3), "f4"), padding=1)
        name = layer.algorithm((1, 64, 56, 56))
        text = layer.describe((1, 64, 56, 56))
        self.assertIn("mb1ic64ih56oc64oh56kh3", text)
        self.assertIn(name, text)
        verbose = layer.describe((1, 64, 56, 56), channels_last=True, verbose=True)
        self.assertIn("in=nhwc", verbose)
        self.assertGreater(len(verbose.splitlines()), len(text.splitlines()))
        layer.describe((64, 56, 56))

    def test_info(self):
        info = conv2d.info()
        self.assertEqual(info["version"], conv2d.__version__)
        self.assertEqual(info["backend"], "cpu")
        self.assertGreaterEqual(info["n_threads"], 1)
        self.assertTrue(any(name.endswith("_generic") for name in info["kernels"]))


class CommandLine(unittest.TestCase):
    def call(self, folder, *words, path="nowhere"):
        """python -m conv2d of a package in folder that has nothing but its __main__.py."""
        package = os.path.dirname(conv2d.__file__)
        shutil.copy(os.path.join(package, "__main__.py"), folder)
        return subprocess.run([sys.executable, "-B", os.path.join(folder, "__main__.py"), *words],
                              capture_output=True, text=True, check=False,
                              env={**os.environ, "PATH": path})

    @staticmethod
    def write_tool(folder, text):
        tool = os.path.join(folder, "conv2d")
        with open(tool, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\necho {text} "$@"\nexit 7\n')
        os.chmod(tool, 0o755)

    def test_absent(self):
        with tempfile.TemporaryDirectory() as folder:
            process = self.call(folder, "info")
        self.assertEqual(process.returncode, 2)
        self.assertIn("python -m conv2d: the program `conv2d` is neither beside", process.stderr)

    def test_beside_the_package_before_the_path(self):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
            self.write_tool(other, "path")
            process = self.call(folder, "plan", "a b", path=other)
            self.assertEqual((process.returncode, process.stdout), (7, "path plan a b\n"))
            self.write_tool(folder, "beside")
            process = self.call(folder, "plan", "a b", path=other)
            self.assertEqual((process.returncode, process.stdout), (7, "beside plan a b\n"))

    def test_a_wheel_has_it(self):
        if os.path.dirname(conv2d.info()["library"]) != os.path.dirname(conv2d.__file__):
            self.skipTest("this package is a source tree")
        process = subprocess.run([sys.executable, "-B", "-m", "conv2d", "info", "--json"],
                                 capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(process.stdout)["version"], conv2d.__version__)


if __name__ == "__main__":
    unittest.main()
