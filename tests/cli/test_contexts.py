# SPDX-License-Identifier: BSD-2-Clause
"""pack, run --context and info FILE: the same bits as with the weights, files for other instruction
sets, names, damaged files, and nothing written when something is wrong."""
import os
import resource
import signal
import subprocess

import tool
from tool import npy, permuted, png, ramp, read_npy, read_png, safetensors

OPTIONS = ["-p", "1", "-a", "clamp:-3,4", "-s", "2,1", "-g", "2"]


class Contexts(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.x, self.w, self.b = ramp([2, 4, 7, 6]), ramp([6, 2, 3, 3]), ramp([6])
        self.write("x.npy", npy(self.x))
        self.write("w.npy", npy(self.w))
        self.write("b.npy", npy(self.b))
        self.good("run", "x.npy", "-w", "w.npy", "-b", "b.npy", *OPTIONS, "-o", "want.npy")

    def pack(self, *words, output="l.conv2d"):
        return self.good("pack", "-w", "w.npy", "-b", "b.npy", *OPTIONS, *words, "-o", output)

    def test_round_trip(self):
        text = self.pack("--input", "2,4,7,6")
        self.assertRegex(text, r"^l\.conv2d: weights 6x2x3x3 float32, packed for 1 input, "
                         + str(os.path.getsize(self.path("l.conv2d"))) + " bytes\n$")
        for words in ([], ["--verify"], ["--name", "context"], ["--threads", "3"]):
            result, = self.good_json("run", "x.npy", "-c", "l.conv2d", *words, "-o", "y.npy")[
                "results"]
            self.assertEqual(self.read("y.npy"), self.read("want.npy"))
            self.assertEqual(result["weight_sizes"], [6, 2, 3, 3])
            if words == ["--verify"]:
                self.assertTrue(result["verify"]["passed"])

    def test_weights_alone(self):
        self.assertIn("packed for 0 inputs", self.pack())
        self.assertEqual(self.good_json("info", "l.conv2d")["contexts"][0]["packed"], [])
        self.good("run", "x.npy", "-c", "l.conv2d", "-o", "y.npy")
        self.assertEqual(self.read("y.npy"), self.read("want.npy"))

    def test_same_bytes_each_time(self):
        self.pack("-i", "2,4,7,6", "--isa", "all")
        self.pack("-i", "2,4,7,6", "--isa", "all", output="again.conv2d")
        self.assertEqual(self.read("l.conv2d"), self.read("again.conv2d"))

    def test_levels(self):
        """Packed for one level, run on another: packed again, the same result."""
        self.pack("--input", "2,4,7,6", "--isa", "generic")
        packed = self.good_json("info", "l.conv2d")["contexts"][0]["packed"]
        self.assertEqual(len(packed), 1)
        self.assertTrue(packed[0]["key"].startswith("cpu/generic/"))
        self.good("run", "x.npy", "-c", "l.conv2d", "--verify", "-o", "y.npy")
        self.assertEqual(self.read("y.npy"), self.read("want.npy"))
        self.good("run", "x.npy", "-c", "l.conv2d", "--isa", "generic", "--verify", "-o", "y.npy")
        self.pack("--input", "2,4,7,6", "--isa", "all")
        levels = {p["key"].split("/")[1]
                  for p in self.good_json("info", "l.conv2d")["contexts"][0]["packed"]}
        self.assertIn("generic", levels)
        known = {k["isa"] for k in self.good_json("info")["kernels"]}
        self.assertEqual(levels - known, set())
        self.assertGreaterEqual(len(levels), min(2, len(known)))

    def test_inputs(self):
        self.pack("-i", "4,9,8", "-i", "2,4,7,6", "--problem",
                  "g2mb3ic4ih8oc6oh4ow9kh3sh2sw1ph1iw9:in=nhwc", "--layout", "nchw")
        self.assertGreaterEqual(len(self.good_json("info", "l.conv2d")["contexts"][0]["packed"]), 1)
        for text in ("", "4", "4,5", "1,2,3,4,5", "0,4,7,6", "2,4,7,", "2,4,7,x", "-2,4,7,6",
                     "2,4,7,99999999999", "2.5,4,7,6"):
            self.bad(2, "pack", "-w", "w.npy", *OPTIONS, "-i", text, "-o", "m.conv2d",
                     says="--input is")
        self.bad(2, "pack", "-w", "w.npy", *OPTIONS, "-i", "2,6,7,6", "-o", "m.conv2d",
                 says="channels")
        self.bad(2, "pack", "-w", "w.npy", "--problem", "ic4", "-o", "m.conv2d",
                 says=["--problem 'ic4'", "ih is missing"])
        self.bad(2, "pack", "-w", "w.npy", *OPTIONS, *["-i", "2,4,7,6"] * 65, "-o", "m.conv2d",
                 says="more than 64 times")

    def test_picture_kernels(self):
        self.write("a.png", png(8, 6, 3, [(5 * i) % 256 for i in range(144)]))
        self.good("run", "a.png", "-w", "gaussian:5", "-p", "same", "-o", "want.png")
        for words in (["-g", "3"], ["-i", "3,6,8", "--layout", "nhwc"]):
            self.good("pack", "-w", "gaussian:5", "-p", "same", *words, "-o", "blur.conv2d")
            self.good("run", "a.png", "-c", "blur.conv2d", "-o", "y.png")
            self.assertEqual(read_png(self.read("y.png")), read_png(self.read("want.png")))
        self.bad(2, "pack", "-w", "gaussian:5", "-o", "m.conv2d", says="--groups or --input")
        self.bad(2, "pack", "-w", "gaussian:5", "-g", "3", "-i", "4,6,8", "-o", "m.conv2d",
                 says=["3 channels", "has 4"])

    def test_half_types(self):
        for dtype, name in (("f16", "float16"), ("bf16", "bfloat16"), ("f64", "float64")):
            self.pack("-i", "2,4,7,6", "--dtype", dtype)
            self.assertEqual(self.good_json("info", "l.conv2d")["contexts"][0]["dtype"], name)
            self.good("run", "x.npy", "-c", "l.conv2d", "--dtype", dtype, "--verify", "-o",
                      "y.safetensors")
            self.bad(2, "run", "x.npy", "-c", "l.conv2d", "--dtype", "f32", "-o", "y.npy",
                     says=["--dtype is float32", name, "pack them anew"])
            self.bad(2, "run", "x.npy", "-c", "l.conv2d", "-o", "y.npy", says="dtype")

    def test_names(self):
        self.pack("--name", "layer one")
        self.good("run", "x.npy", "-c", "l.conv2d", "-o", "y.npy")
        self.good("run", "x.npy", "-c", "l.conv2d", "--name", "layer one", "-o", "y.npy")
        self.assertEqual(self.read("y.npy"), self.read("want.npy"))
        self.bad(2, "run", "x.npy", "-c", "l.conv2d", "--name", "two", "-o", "z.npy",
                 says=["no context 'two'", "layer one"])
        self.assertIn("context layer one\n", self.good("info", "l.conv2d"))

    def test_several_inputs_and_residual(self):
        self.pack()
        os.mkdir(self.path("out"))
        self.write("v.npy", npy(ramp([1, 4, 9, 9])))
        self.write("r.npy", npy(ramp([2, 6, 4, 6])))
        self.good("run", "x.npy", "v.npy", "-c", "l.conv2d", "-o", "out")
        self.assertEqual(self.read("out/x.npy"), self.read("want.npy"))
        self.assertEqual(read_npy(self.read("out/v.npy"))[0], [1, 6, 5, 9])
        self.good("run", "x.npy", "-w", "w.npy", "-b", "b.npy", *OPTIONS, "-r", "r.npy", "-o",
                  "a.npy")
        self.good("run", "x.npy", "-c", "l.conv2d", "-r", "r.npy", "--verify", "-o", "b2.npy")
        self.assertEqual(self.read("a.npy"), self.read("b2.npy"))

    def test_layout(self):
        self.pack("-i", "2,4,7,6", "--layout", "nhwc")
        self.write("v.npy", npy(permuted(self.x, [0, 2, 3, 1])))
        self.good("run", "v.npy", "-c", "l.conv2d", "--layout", "nhwc", "-o", "y.npy")
        want = read_npy(self.read("want.npy"))
        self.assertEqual(read_npy(self.read("y.npy"))[:2], permuted(want[:2], [0, 2, 3, 1]))

    def test_refusals(self):
        self.pack()
        run = ["run", "x.npy", "-c", "l.conv2d", "-o", "y.npy"]
        for words in (["-w", "w.npy"], ["-b", "b.npy"], ["-p", "1"], ["--stride", "1"],
                      ["--flush-denormals"], ["--algorithm", "igemm_px"], ["-a", "relu"],
                      ["--groups", "2"], ["--accuracy", "strict"], ["--workspace-limit", "0"]):
            self.bad(2, *run, *words, says="--context and --")
        self.bad(2, "run", "x.npy", "-w", "w.npy", "--name", "a", "-o", "y.npy", says="--name")
        self.bad(2, "run", "x.npy", "-c", "missing.conv2d", "-o", "y.npy", says="missing.conv2d")
        self.bad(2, "run", "x.npy", "-c", "w.npy", "-o", "y.npy", says="w.npy")
        self.bad(2, "run", "x.npy", "-c", ".", "-o", "y.npy")
        self.bad(2, "run", "x.npy", "-c", "l.conv2d", "-o", "l.conv2d", says="is also read")
        self.write("v.npy", npy(ramp([1, 5, 9, 9])))
        self.bad(2, "run", "v.npy", "-c", "l.conv2d", "-o", "y.npy", says="channels")
        self.bad(2, "pack", says="--weight is missing")
        self.bad(2, "pack", "-w", "w.npy", says="--output is missing")
        self.bad(2, "pack", "x", "-w", "w.npy", "-o", "m.conv2d", says="unexpected argument 'x'")
        self.bad(2, "pack", "-w", "w.npy", "--isa", "all", "-o", "m.conv2d", says="no --input")
        self.bad(2, "pack", "-w", "w.npy", *OPTIONS, "-i", "2,4,7,6", "--isa", "sse9", "-o",
                 "m.conv2d", says="sse9")
        self.bad(2, "pack", "-w", "w.npy", "-g", "4", "-o", "m.conv2d", says="groups = 4")
        self.bad(2, "pack", "-w", "w.npy", "-b", "w.npy", "-o", "m.conv2d", says="w.npy")
        self.bad(2, "pack", "-w", "w.npy", "-o", "w.npy", says="is also read")
        self.bad(2, "pack", "-w", "w.npy", "-o", "missing/m.conv2d", says="missing/m.conv2d")
        self.bad(2, "pack", "-w", "missing.npy", "-o", "m.conv2d", says="missing.npy")

    def test_damage(self):
        self.pack("-i", "2,4,7,6")
        whole = self.read("l.conv2d")
        for cut in (0, 7, 100, len(whole) // 2, len(whole) - 1):
            self.write("cut.conv2d", whole[:cut])
            self.bad(2, "run", "x.npy", "-c", "cut.conv2d", "-o", "y.npy", says="cut.conv2d")
            self.bad(2, "info", "cut.conv2d", says="cut.conv2d")
        for at in range(0, len(whole), max(1, len(whole) // 60)):
            self.write("bad.conv2d", whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
            result = self.call("run", "x.npy", "-c", "bad.conv2d", "-o", "y.npy")
            if result.returncode == 0:  # a byte that this run does not use
                self.assertEqual(self.read("y.npy"), self.read("want.npy"))
            else:
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertIn("bad.conv2d", result.stderr)

    def test_failing_writes(self):
        self.write("l.conv2d", b"old")
        words = ["pack", "-w", "w.npy", *OPTIONS, "-o", "l.conv2d"]

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        self.bad(2, *words, says=["l.conv2d", "File too large"], preexec_fn=limit)
        with open("/dev/full", "w", encoding="ascii") as full:
            result = self.call(*words, stdout=full)
        self.assertEqual(result.returncode, 2)
        self.assertIn("standard output", result.stderr)
        self.assertEqual(self.read("l.conv2d"), b"old")
        result = self.call(*words[:-1], "/dev/full")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("No space left", result.stderr)
        options = self.without_privileges()
        os.chmod(self.path("l.conv2d"), 0o444)
        self.bad(2, *words, says="Permission denied", **options)


class Info(tool.ToolTest):
    def test_arrays(self):
        self.write("x.npy", npy(ramp([2, 3]), "<f8", fortran=True))
        tensor, = self.good_json("info", "x.npy")["tensors"]
        self.assertEqual(tensor, {"name": "array", "dtype": "float64", "shape": [2, 3],
                                  "bytes": 48, "fortran_order": True})
        self.assertEqual(self.good("info", "x.npy").splitlines()[0],
                         f"x.npy: npy, {len(self.read('x.npy'))} bytes")

    def test_safetensors(self):
        self.write("n.safetensors", safetensors({"a.weight": (ramp([2, 3, 1, 1]), "BF16"),
                                                 "b": (ramp([4]), "F64")}))
        report = self.good_json("info", "n.safetensors")
        self.assertEqual((report["kind"], report["contexts"]), ("safetensors", []))
        self.assertEqual({t["name"]: (t["dtype"], t["shape"], t["bytes"])
                          for t in report["tensors"]},
                         {"a.weight": ("BF16", [2, 3, 1, 1], 12), "b": ("F64", [4], 32)})
        text = self.good("info", "n.safetensors")
        self.assertRegex(text, r"a\.weight +BF16 +2x3x1x1, 12 bytes")

    def test_context(self):
        self.write("w.npy", npy(ramp([6, 4, 3, 3])))
        self.good("pack", "-w", "w.npy", "-p", "same", "-a", "leaky_relu:0.25", "-i", "1,4,8,8",
                  "-o", "l.conv2d")
        report = self.good_json("info", "l.conv2d")
        context, = report["contexts"]
        self.assertEqual(report["kind"], "contexts")
        self.assertEqual((context["name"], context["dtype"], context["weight_sizes"],
                          context["bias"]), ("context", "float32", [6, 4, 3, 3], False))
        self.assertEqual((context["params"]["auto_pad"], context["params"]["activation"],
                          context["params"]["alpha"]), ("same", "leaky_relu", 0.25))
        self.assertEqual(context["forms_for_this_device"], 1)
        packed, = context["packed"]
        self.assertGreaterEqual(packed["bytes"], 6 * 4 * 9 * 4)
        self.assertIn(context["packed"][0]["name"], [t["name"] for t in report["tensors"]])
        text = self.good("info", "l.conv2d")
        for part in (packed["key"], "activation=leaky_relu", "alpha=0.25", "auto_pad=same"):
            self.assertIn(part, text)

    def test_refusals(self):
        self.bad(2, "info", "missing", says="missing")
        self.bad(2, "info", ".", says="not a regular file")
        for data in (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"abc", b"\xff" * 100):
            self.write("bad", data)
            self.bad(2, "info", "bad", says="bad")

    def test_interrupt_while_packing(self):
        """No temporary is left behind."""
        self.write("w.npy", npy(([400, 200, 3, 3], [0.5] * 720000)))
        process = subprocess.Popen([tool.TOOL, "pack", "-w", "w.npy", "-i", "1,200,9,9", "--isa",
                                    "all", "-o", "l.conv2d"], cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith(".")], [])


if __name__ == "__main__":
    tool.main()
