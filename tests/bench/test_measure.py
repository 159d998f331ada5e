# SPDX-License-Identifier: BSD-2-Clause
"""bench/measure.py without peers: a small run of conv2d, and contenders that are wrong or die.
SOURCE and BUILD as arguments."""
import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import unittest

SOURCE, BUILD = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(SOURCE, "bench"))
import layer as layers  # pylint: disable=wrong-import-position
import results as result_files  # pylint: disable=wrong-import-position

OURS = "conv2d_nchw,conv2d_nhwc,conv2d_strict_nchw,conv2d_strict_nhwc"
SMALL, TINY = "mobilenet/1x1_960-160_7", "overhead/1x1_16_1"
# Speaks the protocol; its output is all 0, and the tiny layer kills it.
LIAR = textwrap.dedent("""\
    #!{python}
    import sys
    print("ok version=0 layout=nchw isa=none", flush=True)
    for line in sys.stdin:
        words = line.split(" ", 2)
        if words[0] == "setup" and "overhead" in line:
            sys.exit(3)
        if words[0] == "setup":
            open(words[1] + "/y.f32", "wb").write(bytes(4 * 160 * 49))
        print({{"setup": "ok setup_ms=1", "time": "error it is late", "peak": "ok gflops=10",
               "copy": "ok gb_s=1"}}[words[0].strip()], flush=True)
    """)


def measure(folder, build, *options):
    path = os.path.join(folder, "results.csv")
    subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "bench/measure.py"), "--build",
                    build, "--out", path, "--tables", "peers", "--match", f"{SMALL}|{TINY}",
                    "--seconds", "0.02", "--rounds", "2", *options],
                   check=True, stdout=subprocess.DEVNULL)
    return result_files.load(path)


class Measure(unittest.TestCase):
    def test_small_run(self):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(folder, BUILD, "--threads", "1,2", "--contenders",
                            OURS + ",conv2d_python", "--candidates", "0.004")
        self.assertEqual(len(found.rows), 2 * 2 * 5)  # layers, threads, contenders
        self.assertGreater(found.peak(2), 0)
        for row in found.rows.values():
            with self.subTest(row=row.key):
                self.assertEqual(row.failure, "")
                self.assertGreater(row.least_ms, 0)
                self.assertGreaterEqual(row.median_ms, row.least_ms)
                self.assertLess(row.error, 2e-6)
                self.assertGreater(row.peak_gflops, 0)
                if "python" not in row.contender:
                    self.assertIn("/", row.algorithm)
                    self.assertIsNotNone(row.workspace_bytes)
                    self.assertGreater(row.setup_ms, 0)
                if row.contender in ("conv2d_nchw", "conv2d_nhwc"):
                    self.assertLessEqual(row.best_ms, row.chosen_ms)
                    self.assertIn("/", row.best_candidate)

    def test_wrong_and_dead_contenders(self):
        with tempfile.TemporaryDirectory() as folder:
            os.makedirs(os.path.join(folder, "bench"))
            runner = os.path.join(folder, "bench/runner")
            with open(runner, "w", encoding="utf-8") as f:
                f.write(LIAR.format(python=sys.executable))
            os.chmod(runner, stat.S_IRWXU)
            found = measure(folder, folder, "--threads", "1", "--contenders", "conv2d_nchw")
        wrong = found.rows["peers", SMALL, 1, "conv2d_nchw"]
        self.assertEqual((wrong.error, wrong.least_ms), (1, None))
        self.assertEqual(wrong.failure, "it is late")
        dead = found.rows["peers", TINY, 1, "conv2d_nchw"]
        self.assertEqual((dead.failure, dead.least_ms), ("the process ended with status 3", None))


class Layers(unittest.TestCase):
    def test_tables(self):
        """Names are unique, and the second table has other layers than the first."""
        for table, least in (("peers", 63), ("second", 60), ("cliffs", 60)):
            with self.subTest(table=table):
                listed = layers.read(table)
                self.assertGreaterEqual(len(listed), least)
                self.assertEqual(len({layer.name for layer in listed}), len(listed))
        peers, second = ({layer.text.split("n\"")[0] for layer in layers.read(table)}
                         for table in ("peers", "second"))
        self.assertFalse(peers & second)

    def test_sizes(self):
        layer = layers.parse('g2mb3ic4ih9iw5oc6kh3kw1sh2sw1ph1pw0dh1dw0n"a/b"')
        self.assertEqual((layer.name, layer.n, layer.g, layer.oh, layer.ow), ("a/b", 3, 2, 4, 5))
        self.assertEqual((layer.dh, layer.dw, layer.pw), (2, 1, 0))
        self.assertEqual(layer.flops, 2 * 3 * 6 * 20 * 2 * 3)
        for text in ("ic3ih8oc4oh8kh4ph1", "ic3ih8oc4kh3:mode=reflect"):
            with self.assertRaises(ValueError):
                layers.parse(text)

    def test_reference(self):
        """The float64 sum, against a convolution written out."""
        layer = layers.parse("g2mb2ic4ih7iw6oc6kh3kw2sh2sw1ph1pw1dh1dw0")
        x, weight, bias = layers.data(layer)
        y = layers.reference(layer, x, weight, bias)
        for n, o, i, j in ((0, 0, 0, 0), (1, 5, 2, 6), (1, 2, 1, 3)):
            total = float(bias[o])
            for c in range(2):
                for a in range(3):
                    for b in range(2):
                        h, w = 2 * i - 1 + 2 * a, j - 1 + b
                        if 0 <= h < 7 and 0 <= w < 6:
                            total += (float(x[n, o // 3 * 2 + c, h, w]) *
                                      float(weight[o, c, a, b]))
            self.assertAlmostEqual(y[n, o, i, j], total, 12)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
