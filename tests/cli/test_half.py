# SPDX-License-Identifier: BSD-2-Clause
"""float16 and bfloat16: files in and out, conversions by --dtype, verify and bench, and what cannot
be: bfloat16 in .npy, mixed types."""
import struct

import tool
from tool import (bfloat16, convolve, float16, npy, permuted, png, ramp, read_npy,
                  read_safetensors, safetensors)


class Half(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.x, self.w = ramp([2, 4, 7, 6]), ramp([6, 4, 3, 3], step=0.5)  # exact in both types
        self.expected = convolve(self.x, self.w)
        self.write("x.npy", npy(self.x))
        self.write("w.npy", npy(self.w))
        self.write("x16.npy", npy(self.x, "<f2"))
        self.write("w16.npy", npy(self.w, "<f2"))

    def test_float16_arrays(self):
        for descr in ("<f2", ">f2"):
            for fortran in (False, True):
                self.write("v.npy", npy(self.x, descr, fortran))
                self.good("run", "v.npy", "-w", "w16.npy", "--verify", "-o", "y.npy")
                sizes, values, got = read_npy(self.read("y.npy"))
                self.assertEqual((sizes, got), (self.expected[0], "<f2"))
                self.assertEqual(values, [float16(v) for v in self.expected[1]])

    def test_channels_last(self):
        self.write("v.npy", npy(permuted(self.x, [0, 2, 3, 1]), "<f2"))
        self.good("run", "v.npy", "-w", "w16.npy", "--layout", "nhwc", "-o", "y.npy")
        self.assertEqual(read_npy(self.read("y.npy"))[:2],
                         permuted((self.expected[0], [float16(v) for v in self.expected[1]]),
                                  [0, 2, 3, 1]))

    def test_bfloat16_goes_through_safetensors(self):
        self.write("n.safetensors", safetensors({"x": (self.x, "BF16"), "w": (self.w, "BF16")}))
        words = ["run", "n.safetensors:x", "-w", "n.safetensors:w"]
        self.good(*words, "--verify", "-o", "y.safetensors")
        self.assertEqual(read_safetensors(self.read("y.safetensors")),
                         {"output": (self.expected[0], [bfloat16(v) for v in self.expected[1]],
                                     "BF16")})
        self.good("run", "y.safetensors:output", "-w", "identity", "-p", "1", "-o", "z.safetensors")
        self.assertEqual(self.read("y.safetensors"), self.read("z.safetensors"))
        self.bad(2, *words, "-o", "y.npy", says=["y.npy", "no bfloat16", "--dtype f32"])
        self.bad(2, *words, "-o", "n.safetensors", says="is also read")
        self.good(*words, "--dtype", "f32", "-o", "y.npy")
        self.assertEqual(read_npy(self.read("y.npy"))[1], self.expected[1])

    def test_every_type_in_safetensors(self):
        for name, rounded in (("F16", float16), ("BF16", bfloat16), ("F32", float), ("F64", float)):
            self.write("n.safetensors", safetensors({"x": (self.x, name), "w": (self.w, name)}))
            self.good("run", "n.safetensors:x", "-w", "n.safetensors:w", "-o", "y.safetensors")
            sizes, values, dtype = read_safetensors(self.read("y.safetensors"))["output"]
            self.assertEqual((sizes, dtype), (self.expected[0], name))
            self.assertEqual(values, [rounded(v) for v in self.expected[1]])

    def test_dtype_converts(self):
        for dtype in ("f16", "float16"):
            self.good("run", "x.npy", "-w", "w.npy", "--dtype", dtype, "-o", "y.npy")
            self.assertEqual(read_npy(self.read("y.npy"))[1:],
                             ([float16(v) for v in self.expected[1]], "<f2"))
        self.good("run", "x16.npy", "-w", "w.npy", "--dtype", "f32", "-o", "y.npy")
        self.assertEqual(read_npy(self.read("y.npy"))[1:], (self.expected[1], "<f4"))
        result, = self.good_json("run", "x.npy", "-w", "w.npy", "--dtype", "bf16", "-o",
                                 "y.safetensors")["results"]
        self.assertEqual(result["dtype"], "bfloat16")

    def test_narrowing_rounds_once(self):
        """A float64 between two float16 whose float32 neighbour is the tie."""
        tie = 1 + 2.0 ** -11
        values = [tie, tie + 2.0 ** -40, tie - 2.0 ** -40, 65519.999999999, 65520.0, 2.0 ** -25,
                  2.0 ** -25 + 2.0 ** -60, -tie - 2.0 ** -40, 1e300]
        self.write("v.npy", npy(([1, 1, len(values)], values), "<f8"))
        self.write("one.npy", npy(([1, 1, 1, 1], [1.0]), "<f8"))
        self.good("run", "v.npy", "-w", "one.npy", "--dtype", "f16", "-o", "y.npy")
        infinite = float("inf")
        self.assertEqual(read_npy(self.read("y.npy"))[1],
                         [1.0, 1 + 2.0 ** -10, 1.0, 65504.0, infinite, 0.0, 2.0 ** -24,
                          -1 - 2.0 ** -10, infinite])

    def test_pictures(self):
        self.write("a.png", png(4, 3, 1, [0, 255, 128, 7] * 3))
        self.good("run", "a.png", "-w", "identity", "-p", "1", "--dtype", "f16", "-o", "y.npy")
        self.assertEqual(read_npy(self.read("y.npy"))[1],
                         [float16(struct.unpack("<f", struct.pack("<f", v / 255))[0])
                          for v in [0, 255, 128, 7] * 3])
        self.good("run", "a.png", "-w", "identity", "-p", "1", "--dtype", "bf16", "-o", "y.png")

    def test_mixed_types(self):
        self.bad(2, "run", "x16.npy", "-w", "w.npy", "-o", "y.npy",
                 says=["'w.npy' is float32", "'x16.npy' is float16", "--dtype"])
        self.bad(2, "run", "x.npy", "-w", "w16.npy", "-o", "y.npy", says="float16")
        self.bad(2, "run", "x.npy", "-w", "w.npy", "--dtype", "f8", "-o", "y.npy", says="--dtype")

    def test_verify_bench_plan(self):
        for dtype in ("f16", "bf16", "f64"):
            report = self.good_json("verify", "--random", "20", "--dtype", dtype)
            self.assertEqual((report["failed"], report["runs"]), (0, 40))
            report = self.good_json("verify", "ic8ih9oc8oh9kh3ph1:act=gelu", "--dtype", dtype)
            self.assertEqual(report["failed"], 0)
            for run in report["results"]:
                self.assertIn(f"dtype={dtype}", run["plan"]["problem"])
            for command in ("bench", "plan"):
                words = ["--seconds", "0.01"] if command == "bench" else []
                self.assertIn(f"dtype={dtype}", self.good(command, "ic8ih9oc8oh9kh3ph1", "--dtype",
                                                          dtype, *words))
        report = self.good_json("verify", "ic8ih9oc8oh9kh3ph1:dtype=f16")
        self.assertGreater(report["max_error_over_bound"], 0.5)  # rounding to float16 is most of it
        self.assertLessEqual(report["max_error_over_bound"], 1)


if __name__ == "__main__":
    tool.main()
