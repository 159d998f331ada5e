# SPDX-License-Identifier: BSD-2-Clause
"""conv2d run on good input: values of arrays and pictures against plain loops written here."""
import os

import tool
from tool import count, convolve, npy, permuted, pfm, png, ppm, ramp, read_npy, read_pfm, read_png

CHANNELS_LAST, CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


class Arrays(tool.ToolTest):
    """.npy in, .npy out; data are small multiples of a power of two, so results are exact."""

    def setUp(self):
        super().setUp()
        self.x = ramp([2, 4, 7, 6])
        self.w = ramp([6, 2, 3, 2], 0.5, 7)
        self.b = ramp([6], 1.0, 5)
        self.write("x.npy", npy(self.x))
        self.write("w.npy", npy(self.w))
        self.write("b.npy", npy(self.b))

    def run_to_array(self, *words):
        self.good("run", *words, "-o", "y.npy")
        return read_npy(self.read("y.npy"))

    def test_all_parameters(self):
        sizes, values, descr = self.run_to_array(
            "x.npy", "-w", "w.npy", "-b", "b.npy", "--groups", "2", "--stride", "2,1",
            "--padding", "1,2,0,1", "--dilation", "1,2")
        expected = convolve(self.x, self.w, self.b, (2, 1), (1, 2, 0, 1), (1, 2), 2)
        self.assertEqual((sizes, values), expected)
        self.assertEqual(descr, "<f4")

    def test_one_number_and_pair(self):
        for words, arguments in ((["-s", "2", "-p", "1"], ((2, 2), (1, 1, 1, 1))),
                                 (["-s", "1,2", "-p", "0,2"], ((1, 2), (0, 2, 0, 2)))):
            got = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", *words)
            self.assertEqual(got[:2], convolve(self.x, self.w, None, *arguments, groups=2))

    def test_same_and_valid(self):
        got = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", "-p", "same")
        self.assertEqual(got[:2], convolve(self.x, self.w, None, (1, 1), (1, 0, 1, 1), groups=2))
        got = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", "-p", "valid")
        self.assertEqual(got[:2], convolve(self.x, self.w, groups=2))

    def test_every_kind_of_npy(self):
        expected = convolve(self.x, self.w, groups=2)
        for descr in ("<f4", ">f4", "<f8", ">f8"):
            for fortran in (False, True):
                for version in (1, 2, 3):
                    with self.subTest(descr=descr, fortran=fortran, version=version):
                        self.write("v.npy", npy(self.x, descr, fortran, version))
                        weight = "w.npy" if descr[1:] == "f4" else "w8.npy"
                        self.write("w8.npy", npy(self.w, "<f8"))
                        got = self.run_to_array("v.npy", "-w", weight, "-g", "2")
                        self.assertEqual(got[:2], expected)
                        self.assertEqual(got[2], "<" + descr[1:])

    def test_header_with_other_spelling(self):
        header = '{"shape":(2,4,7,6),"fortran_order":False,"descr":"<f4"}'
        self.write("v.npy", npy(self.x, header=header))
        self.assertEqual(self.run_to_array("v.npy", "-w", "w.npy", "-g", "2")[:2],
                         convolve(self.x, self.w, groups=2))

    def test_unaligned_data(self):
        # A header length that is no multiple of the element: legal, and copied into place.
        data = npy(self.x)
        length = int.from_bytes(data[8:10], "little")
        odd = data[:8] + (length + 1).to_bytes(2, "little") + data[10:9 + length] + b" \n" + \
            data[10 + length:]
        self.write("v.npy", odd)
        self.assertEqual(self.run_to_array("v.npy", "-w", "w.npy", "-g", "2")[:2],
                         convolve(self.x, self.w, groups=2))

    def test_unbatched(self):
        x = (self.x[0][1:], self.x[1][:count(self.x[0][1:])])
        self.write("x3.npy", npy(x))
        sizes, values = convolve(([1] + x[0], x[1]), self.w, groups=2)
        self.assertEqual(self.run_to_array("x3.npy", "-w", "w.npy", "-g", "2")[:2],
                         (sizes[1:], values))

    def test_empty_batch(self):
        self.write("none.npy", npy(([0, 4, 7, 6], [])))
        got = self.run_to_array("none.npy", "-w", "w.npy", "-g", "2", "--verify")
        self.assertEqual(got[:2], ([0, 6, 5, 5], []))

    def test_channels_last_files(self):
        self.write("last.npy", npy(permuted(self.x, CHANNELS_LAST)))
        r = ramp([2, 5, 5, 6], 1.0)
        self.write("r.npy", npy(r))
        got = self.run_to_array("last.npy", "-w", "w.npy", "-g", "2", "--layout", "nhwc",
                                "--residual", "r.npy")
        sizes, values = permuted(convolve(self.x, self.w, groups=2), CHANNELS_LAST)
        self.assertEqual(got[:2], (sizes, [v + s for v, s in zip(values, r[1])]))

    def test_channels_last_unbatched_fortran(self):
        x = (self.x[0][1:], self.x[1][:count(self.x[0][1:])])
        self.write("last.npy", npy(permuted(x, [1, 2, 0]), fortran=True))
        got = self.run_to_array("last.npy", "-w", "w.npy", "-g", "2", "--layout", "nhwc")
        sizes, values = convolve(([1] + x[0], x[1]), self.w, groups=2)
        self.assertEqual(got[:2], permuted((sizes[1:], values), [1, 2, 0]))

    def test_residual_and_activation(self):
        exact = convolve(self.x, self.w, groups=2)
        r = ramp(exact[0], 1.0)
        self.write("r.npy", npy(r))
        sums = [a + b for a, b in zip(exact[1], r[1])]
        for name, function in (("relu", lambda v: max(v, 0)),
                               ("relu6", lambda v: min(max(v, 0), 6)),
                               ("clamp:-1,2.5", lambda v: min(max(v, -1), 2.5)),
                               ("clamp:,2", lambda v: min(v, 2)),
                               ("clamp:1", lambda v: max(v, 1)),
                               ("clamp:-3,", lambda v: max(v, -3)),
                               ("leaky_relu:0.5", lambda v: v if v > 0 else v / 2),
                               ("none", lambda v: v)):
            got = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", "-r", "r.npy", "-a", name)
            self.assertEqual(got[1], [function(v) for v in sums], name)

    def test_every_activation_verifies(self):
        for name in ("relu", "relu6", "clamp:-0.3,0.7", "leaky_relu", "leaky_relu:2.5", "sigmoid",
                     "tanh", "silu", "hardswish", "hardsigmoid", "gelu", "gelu_tanh", "mish"):
            for dtype in ("float32", "float64"):
                report = self.good_json("run", "x.npy", "-w", "w.npy", "-g", "2", "-a", name,
                                        "--dtype", dtype, "--verify", "-o", "y.npy")
                self.assertTrue(report["results"][0]["verify"]["passed"], name)

    def test_dtype_converts(self):
        self.write("w8.npy", npy(self.w, "<f8"))
        got = self.run_to_array("x.npy", "-w", "w8.npy", "-g", "2", "--dtype", "float32")
        self.assertEqual((got[1], got[2]), (convolve(self.x, self.w, groups=2)[1], "<f4"))
        got = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", "--dtype", "float64")
        self.assertEqual((got[1], got[2]), (convolve(self.x, self.w, groups=2)[1], "<f8"))

    def test_same_result_however_it_is_computed(self):
        expected = self.run_to_array("x.npy", "-w", "w.npy", "-g", "2")
        for words in (["--threads", "1"], ["--threads", "3"], ["--isa", "generic"],
                      ["--algorithm", "reference"], ["--workspace-limit", "0"],
                      ["--flush-denormals"], ["--accuracy", "strict"], ["--accuracy", "tf32"],
                      ["--device", "cpu"], ["--repeat", "3"]):
            self.assertEqual(self.run_to_array("x.npy", "-w", "w.npy", "-g", "2", *words),
                             expected, words)

    def test_safetensors(self):
        self.write("net.safetensors", tool.safetensors({
            "other": (ramp([3]), "F64"), "conv.weight": (self.w, "F32"),
            "conv.bias": (self.b, "F32")}))
        got = self.run_to_array("x.npy", "-w", "net.safetensors:conv.weight", "-b",
                                "net.safetensors:conv.bias", "-g", "2")
        self.assertEqual(got[:2], convolve(self.x, self.w, self.b, groups=2))

    def test_report(self):
        report = self.good_json("run", "x.npy", "-w", "w.npy", "-g", "2", "--verify", "--repeat",
                                "5", "-o", "y.npy")
        result, = report["results"]
        self.assertEqual(result["input_sizes"], [2, 4, 7, 6])
        self.assertEqual(result["output_sizes"], [2, 6, 5, 5])
        self.assertEqual(result["repeat"], 5)
        self.assertGreater(result["seconds"], 0)
        self.assertGreaterEqual(result["seconds_median"], result["seconds"])
        self.assertGreater(result["gflops"], 0)
        self.assertTrue(result["verify"]["passed"])
        self.assertLessEqual(result["verify"]["max_error_over_bound"], 1)
        for key in ("problem", "backend", "algorithm", "variant", "layout", "bound", "bound_text",
                    "packed_bytes", "workspace_shared_bytes", "workspace_worker_bytes"):
            self.assertIn(key, result["plan"])
        text = self.good("run", "x.npy", "-w", "w.npy", "-g", "2", "--verify", "-o", "y.npy")
        self.assertRegex(text, r"^y\.npy: 2x4x7x6 -> 2x6x5x5, .* of the bound\n$")

    def test_special_values_pass_verification(self):
        values = list(self.x[1])
        values[3], values[40], values[77] = float("nan"), float("inf"), float("-inf")
        self.write("odd.npy", npy((self.x[0], values)))
        for name in ("none", "relu", "clamp:-1,1", "sigmoid", "gelu", "mish"):
            report = self.good_json("run", "odd.npy", "-w", "w.npy", "-g", "2", "-a", name,
                                    "--verify", "-o", "y.npy")
            self.assertTrue(report["results"][0]["verify"]["passed"])


class Pictures(tool.ToolTest):
    WIDTH, HEIGHT = 9, 6

    def samples(self, channels, levels=256):
        return [(i * 37 + i // 7) % levels for i in range(self.WIDTH * self.HEIGHT * channels)]

    def test_identity_keeps_every_format(self):
        size = (self.WIDTH, self.HEIGHT)
        for channels in (1, 3, 4):
            for depth in (8, 16):
                samples = self.samples(channels, 1 << depth)
                self.write("in.png", png(*size, channels, samples, depth))
                self.good("run", "in.png", "-w", "identity", "-p", "same", "-o", "out.png")
                self.assertEqual(read_png(self.read("out.png")), (*size, channels, depth, samples))
        for channels, name in ((1, "x.pgm"), (3, "x.ppm")):
            for maximum in (255, 65535):
                samples = self.samples(channels, maximum + 1)
                self.write(name, ppm(*size, channels, samples, maximum))
                self.good("run", name, "-w", "identity", "-p", "1", "-o", "out-" + name)
                body = self.read("out-" + name)
                self.assertEqual(body, ppm(*size, channels, samples, maximum)
                                 .replace(b"# a comment\n", b""))
        for channels in (1, 3):
            for scale in ("-1.0", "1.0"):
                samples = [v / 16 - 3 for v in self.samples(channels)]
                self.write("x.pfm", pfm(*size, channels, samples, scale))
                self.good("run", "x.pfm", "-w", "identity", "-p", "1", "-o", "out.pfm")
                self.assertEqual(read_pfm(self.read("out.pfm")), (*size, channels, samples))

    def test_palette_and_transparency(self):
        palette = tool.chunk(b"PLTE", bytes([0, 0, 0, 255, 0, 0, 0, 255, 0]))
        self.write("in.png", png(2, 1, 1, [1, 2], extra=palette, color_type=3))
        self.good("run", "in.png", "-w", "identity", "-p", "1", "-o", "out.png")
        self.assertEqual(read_png(self.read("out.png"))[2:], (3, 8, [255, 0, 0, 0, 255, 0]))
        extra = palette + tool.chunk(b"tRNS", bytes([255, 128]))
        self.write("in.png", png(2, 1, 1, [1, 2], extra=extra, color_type=3))
        self.good("run", "in.png", "-w", "identity", "-p", "1", "-o", "out.png")
        self.assertEqual(read_png(self.read("out.png"))[2:],
                         (4, 8, [255, 0, 0, 128, 0, 255, 0, 255]))
        self.write("in.png", png(2, 1, 2, [10, 20, 30, 40]))
        self.good("run", "in.png", "-w", "identity", "-p", "1", "-o", "out.png")
        self.assertEqual(read_png(self.read("out.png"))[2:], (4, 8, [10, 10, 10, 20, 30, 30, 30,
                                                                     40]))

    def test_kernels(self):
        taps = {
            "sobel-x": [-1, 0, 1, -2, 0, 2, -1, 0, 1],
            "sobel-y": [-1, -2, -1, 0, 0, 0, 1, 2, 1],
            "laplacian": [0, 1, 0, 1, -4, 1, 0, 1, 0],
            "sharpen": [0, -1, 0, -1, 5, -1, 0, -1, 0],
            "emboss": [-2, -1, 0, -1, 1, 1, 0, 1, 2],
            "identity": [0, 0, 0, 0, 1, 0, 0, 0, 0],
            "box:4": [1 / 16] * 16,
        }
        x = ramp([1, 3, 6, 9])
        self.write("x.npy", npy(x, "<f8"))
        for name, values in taps.items():
            side = int(len(values) ** 0.5)
            w = ([3, 1, side, side], values * 3)
            self.good("run", "x.npy", "-w", name, "-o", "y.npy")
            self.assertEqual(read_npy(self.read("y.npy"))[:2], convolve(x, w, groups=3), name)

    def test_gaussian(self):
        from math import exp, isclose
        self.write("one.npy", npy(([1, 1, 1, 1], [1.0]), "<f8"))
        for text, size, sigma in (("gaussian:5", 5, 1.1), ("gaussian:7,2.5", 7, 2.5),
                                  ("gaussian:1", 1, 0.5)):
            self.good("run", "one.npy", "-w", text, "-p", size - 1, "-o", "y.npy")
            got = read_npy(self.read("y.npy"))[1]
            line = [exp(-(i - size // 2) ** 2 / (2 * sigma ** 2)) for i in range(size)]
            total = sum(line)
            for i, value in enumerate(got):
                self.assertTrue(isclose(value, line[i // size] * line[i % size] / total ** 2,
                                        rel_tol=1e-12))
            self.assertAlmostEqual(sum(got), 1, places=12)

    def test_clipping_and_normalizing(self):
        self.write("x.npy", npy(([1, 1, 5], [-1.0, 0.0, 0.5, 1.0, 3.0])))
        self.good("run", "x.npy", "-w", "box:1", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4], [0, 0, 128, 255, 255])
        self.good("run", "x.npy", "-w", "box:1", "--normalize", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4], [0, 64, 96, 128, 255])
        self.good("run", "x.npy", "-w", "box:1", "-o", "y.pfm")
        self.assertEqual(read_pfm(self.read("y.pfm"))[3], [-1.0, 0.0, 0.5, 1.0, 3.0])
        self.write("x.npy", npy(([1, 1, 3], [float("nan"), float("inf"), float("-inf")])))
        self.good("run", "x.npy", "-w", "box:1", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4], [0, 255, 0])
        self.write("x.npy", npy(([1, 1, 2], [0.25, 0.25])))
        self.good("run", "x.npy", "-w", "box:1", "--normalize", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4], [0, 0])

    def test_picture_with_array_weights(self):
        samples = self.samples(3)
        self.write("in.png", png(self.WIDTH, self.HEIGHT, 3, samples))
        w = ([2, 3, 1, 1], [255.0, 0, 0, 0, 0, 255.0])
        for descr in ("<f4", "<f8"):  # NumPy makes float64 unless told otherwise
            self.write("w.npy", npy(w, descr))
            self.good("run", "in.png", "-w", "w.npy", "-o", "y.npy", "--verify")
            sizes, values, _ = read_npy(self.read("y.npy"))
            self.assertEqual(sizes, [2, self.HEIGHT, self.WIDTH])
            self.assertEqual([round(v) for v in values], samples[0::3] + samples[2::3])
            self.good("run", "in.png", "-w", "w.npy", "-o", "y.npy", "--layout", "nhwc")
            sizes, values, _ = read_npy(self.read("y.npy"))
            self.assertEqual(sizes, [self.HEIGHT, self.WIDTH, 2])
            self.assertEqual([round(v) for v in values],
                             [v for i in range(0, len(samples), 3)
                              for v in (samples[i], samples[i + 2])])

    def test_residual_of_a_picture(self):
        samples = self.samples(3, 100)
        self.write("in.png", png(self.WIDTH, self.HEIGHT, 3, samples))
        self.good("run", "in.png", "-w", "identity", "-p", "1", "-r", "in.png", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4], [2 * v for v in samples])
        self.write("r.npy", npy(([3, self.HEIGHT, self.WIDTH],
                                 [c / 255 for c in range(3)
                                  for _ in range(self.WIDTH * self.HEIGHT)])))
        self.good("run", "in.png", "-w", "identity", "-p", "1", "-r", "r.npy", "-o", "y.png")
        self.assertEqual(read_png(self.read("y.png"))[4],
                         [v + i % 3 for i, v in enumerate(samples)])

    def test_photographs(self):
        folder = os.path.join(tool.SOURCE, "demo", "images")
        for name in ("astronaut.png", "rocket.jpg"):
            report = self.good_json("run", os.path.join(folder, name), "-w", "gaussian:5", "-p",
                                    "same", "--verify", "-o", "out.jpg")
            result = report["results"][0]
            self.assertEqual(result["input_sizes"], result["output_sizes"])
            self.assertEqual(self.read("out.jpg")[:3], b"\xff\xd8\xff")
            # What was written reads back as nearly the same picture.
            self.good("run", "out.jpg", "-w", "identity", "-p", "1", "-o", "again.ppm")
            self.good("run", os.path.join(folder, name), "-w", "gaussian:5", "-p", "same", "-o",
                      "direct.ppm")
            pairs = list(zip(self.read("again.ppm")[-60000:], self.read("direct.ppm")[-60000:]))
            self.assertLess(sum(abs(a - b) for a, b in pairs) / len(pairs), 3)


if __name__ == "__main__":
    tool.main()
