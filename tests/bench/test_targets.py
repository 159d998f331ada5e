# SPDX-License-Identifier: BSD-2-Clause
"""bench/targets.py on made-up results: keeps good ones, and misses each target when the times that
it is about get worse. SOURCE as argument."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(sys.argv[1], "bench"))
import layer as layers  # pylint: disable=wrong-import-position
import results as result_files  # pylint: disable=wrong-import-position
import targets  # pylint: disable=wrong-import-position
from contender import OURS  # pylint: disable=wrong-import-position

PEAK = 100  # GFLOP/s of one thread
PEERS = {"torch": "nchw", "litert": "nhwc", "ort_nchwc": "native", "ncnn": "native"}
NETWORK_TABLES = ("peers", "second")


def good_results(machine="avx512"):
    """Ours runs at 95 % of the peak in every layer, peers take 3.3 times as long."""
    made = result_files.Results()
    made.facts = {"class": machine, "fma_peak_gflops_1": str(PEAK),
                  "fma_peak_gflops_2": str(2 * PEAK)}
    for table in (*NETWORK_TABLES, "cliffs"):
        for threads in (1, 2) if table != "cliffs" else (1,):
            for layer in layers.read(table):
                ms = layer.flops / (0.95 * PEAK * threads * 1e6)
                for name, (layout, _) in OURS.items():
                    made.add(result_files.Row(
                        table, layer.name, threads, name, layout, ms, error=1e-6, setup_ms=0.5,
                        workspace_bytes=1 << 20, chosen_ms=ms, best_ms=ms))
                for name, layout in PEERS.items():
                    made.add(result_files.Row(table, layer.name, threads, name, layout, ms / 0.3,
                                              error=1e-6))
    return made


def rows(made, table="peers", threads=1, contenders=OURS, layer=""):
    return [row for row in made.rows.values() if row.table == table and row.threads == threads and
            row.contender in contenders and layer in row.layer]


def slower(factor, **which):
    def change(made):
        for row in rows(made, **which):
            row.least_ms *= factor
    return change


def setting(name, value, **which):
    def change(made):
        for row in rows(made, **which):
            setattr(row, name, value)
    return change


DEFAULT = targets.DEFAULT
LAYER = "vgg16/3x3_256_56"
# What gets worse, and the figures that then miss.
FAULTS = (
    (slower(2.3, contenders=["conv2d_nchw"]), {"peers x1: NCHW / best peer's NCHW"}),
    (slower(2.3, contenders=["conv2d_nhwc"]), {"peers x1: NHWC / best peer's NHWC"}),
    (slower(3.6, contenders=["conv2d_nchw"], layer=LAYER), {"peers x1: worst layer, NCHW"}),
    (slower(3.6, contenders=["conv2d_nhwc"], layer=LAYER), {"peers x1: worst layer, NHWC"}),
    (slower(0.4, contenders=["torch", "litert"]),  # 0.75 of the best in plain layouts
     {"peers x1: NCHW / best peer's NCHW", "peers x1: NHWC / best peer's NHWC",
      "peers x1: better / best in NCHW, NHWC", "peers x1: better / best of all",
      "peers x1: 3x3 stride 1", "peers x1: grouped", "peers x1: depthwise",
      "peers x1: picture filters"}),
    (slower(0.4, contenders=["ort_nchwc"]),
     {"peers x1: better / best of all", "peers x1: 3x3 stride 1", "peers x1: grouped",
      "peers x1: depthwise", "peers x1: picture filters"}),
    (slower(0.27, contenders=["ort_nchwc"], layer=LAYER), {"peers x1: worst layer, better"}),
    (slower(3.3, contenders=["conv2d_strict_nchw", "conv2d_strict_nhwc"]),
     {"peers x1: STRICT / best without Winograd"}),
    (slower(0.45, contenders=["ncnn"], layer="resnet50/3x3_"), set()),
    (slower(1.06, contenders=DEFAULT, layer="resnet50/1x1_64"),
     {"peers x1: GEMM-like, % of FMA peak"}),
    (setting("least_ms", None, contenders=["conv2d_strict_nchw"], layer=LAYER),
     {"peers x1: layers without a time"}),
    (setting("error", 3e-5, contenders=DEFAULT, layer=LAYER), {"peers x1: error / largest result"}),
    (setting("workspace_bytes", 17 << 20, layer=LAYER), {"peers x1: workspace, MB"}),
    (setting("setup_ms", 1.1, layer="mobilenet/dw3_960_7"),
     {"peers x1: planning, of 20 runs or 1 ms"}),
    (setting("best_ms", 1e-6, contenders=["conv2d_nchw"]),
     {"peers x1: planner's good choices, %"}),
    (setting("best_ms", None, contenders=["conv2d_nchw"], layer=LAYER),
     {"peers x1: planner's good choices, %"}),
    (slower(1.1, threads=2, contenders=["conv2d_nchw"], layer=LAYER),
     {"peers: 1 thread / 2 threads, compute-bound"}),
    (slower(2.2, threads=2, contenders=["conv2d_nchw"], layer="overhead"),
     {"peers: 2 threads / 1 thread"}),
    (slower(1.2, table="cliffs", contenders=["conv2d_nhwc"], layer="3x3/c-above-17"),
     {"cliffs x1: one more / next multiple"}),
    (slower(1.2, table="cliffs", contenders=["conv2d_nhwc"], layer="3x3/c-full-17-8"), set()),
)


def missed(made):
    return {figure.name for figure in targets.judge(made) if not figure.kept}


class Judge(unittest.TestCase):
    def test_good_results_are_kept(self):
        for machine in ("avx2", "avx512", "amx"):
            self.assertEqual(missed(good_results(machine)), set())

    def test_each_target_can_be_missed(self):
        seen = set()
        for change, expected in FAULTS:
            with self.subTest(expected=expected):
                made = good_results()
                change(made)
                self.assertEqual(missed(made), expected)
                seen |= expected
        every = {figure.name for figure in targets.judge(good_results())
                 if figure.limit is not None and not figure.name.startswith("second") and
                 " x2" not in figure.name}
        self.assertEqual(seen, every)

    def test_every_table_and_number_of_threads_counts(self):
        for table in NETWORK_TABLES:
            for threads in (1, 2):
                made = good_results()
                slower(2.3, table=table, threads=threads, contenders=["conv2d_nchw"])(made)
                self.assertIn(f"{table} x{threads}: NCHW / best peer's NCHW", missed(made))

    def test_peers_that_are_wrong_are_not_the_best(self):
        made = good_results()
        for row in rows(made, contenders=["torch"]):
            made.add(result_files.Row(row.table, row.layer, 1, "ort", "nchw", row.least_ms / 10,
                                      error=1e-3))
        self.assertEqual(missed(made), set())

    def test_a_layout_that_no_peer_ran_is_not_judged(self):
        made = good_results()
        for row in rows(made, contenders=["torch"], layer=LAYER):
            row.least_ms, row.failure = None, "refused"
        slower(10, contenders=["conv2d_nchw"], layer=LAYER)(made)
        self.assertNotIn("peers x1: worst layer, NCHW", missed(made))

    def test_a_layer_that_ours_did_not_run_is_missed(self):
        made = good_results()
        setting("least_ms", None, contenders=DEFAULT, layer="resnet50/1x1_64")(made)
        setting("least_ms", None, threads=2, contenders=DEFAULT, layer=LAYER)(made)
        self.assertLessEqual({f"peers x1: {words}" for words in (
            "NCHW / best peer's NCHW", "worst layer, better", "GEMM-like, % of FMA peak",
            "layers without a time")}, missed(made))

    def test_what_was_not_measured_is_missed(self):
        made = good_results()
        made.rows = {key: row for key, row in made.rows.items() if row.table != "second"}
        absent = {figure.name for figure in targets.judge(made) if not figure.kept}
        every = {figure.name for figure in targets.judge(good_results())
                 if figure.limit is not None and figure.name.startswith("second")}
        self.assertEqual(absent, every)

    def test_the_class_of_machine_sets_the_limit(self):
        made = good_results("amx")
        slower(0.3 / 0.67, contenders=["torch", "litert"])(made)
        self.assertIn("peers x1: better / best of all", missed(made))
        made.facts["class"] = "avx512"
        self.assertNotIn("peers x1: better / best of all", missed(made))

    def test_status(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "made-up.csv")
            made = good_results()
            made.save(path)
            self.assertEqual(targets.main(path), 0)
            slower(2.3, contenders=["conv2d_nchw"])(made)
            made.save(path)
            self.assertEqual(targets.main(path), 1)


class Files(unittest.TestCase):
    def test_what_is_saved_is_read(self):
        made = good_results()
        made.add(result_files.Row("peers", LAYER, 1, "absent", failure='no "such", thing'))
        with tempfile.TemporaryDirectory() as folder:
            made.save(os.path.join(folder, "a.csv"))
            read = result_files.load(os.path.join(folder, "a.csv"))
            read.save(os.path.join(folder, "b.csv"))
            for name in "ab":
                with open(os.path.join(folder, name + ".csv"), encoding="utf-8") as f:
                    self.assertEqual(f.read().count("\n"), len(made.facts) + 1 + len(made.rows))
            self.assertEqual(read.facts, made.facts)
            self.assertEqual(list(read.rows), list(made.rows))
            absent = read.rows["peers", LAYER, 1, "absent"]
            self.assertEqual((absent.least_ms, absent.failure), (None, 'no "such", thing'))

    def test_better_times_of_one_commit_stay(self):
        made = result_files.Results()

        def row(ms, commit, best=None):
            made.add(result_files.Row("peers", "layer", 1, "torch", "nchw", ms, commit=commit,
                                      peak_gflops=100 * ms, best_ms=best))
            return next(iter(made.rows.values()))
        row(3.0, "a", best=2.5)
        self.assertEqual((row(4.0, "a").least_ms, row(4.0, "a").best_ms), (3.0, 2.5))
        self.assertEqual((row(2.0, "a").least_ms, row(2.0, "a").peak_gflops), (2.0, 400))
        self.assertEqual((row(5.0, "b").least_ms, row(5.0, "b").best_ms), (5.0, None))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
