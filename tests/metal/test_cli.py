# SPDX-License-Identifier: BSD-2-Clause
"""The command line on Metal: test_cli.py CONV2D LAYERS [TEST...]; the environment names software
Metal. Results are held against float64 by `verify` and by `run --verify`."""
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

TOOL, LAYERS = sys.argv[1:3]


def conv2d(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=600)


class Metal(unittest.TestCase):
    def json_of(self, *arguments):
        done = conv2d(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_info(self):
        info = self.json_of("info", "--device", "metal")
        self.assertEqual(info["device"]["backend"], "metal")
        self.assertIn("never run on Apple hardware", info["device"]["unproven"])
        self.assertIn("plain_f32", [kernel["name"] for kernel in info["kernels"]])

    def test_run(self):
        with tempfile.TemporaryDirectory() as folder:
            source, result = (os.path.join(folder, name) for name in ("in.pfm", "out.pfm"))
            with open(source, "wb") as file:
                file.write(b"Pf\n7 5\n-1.0\n" + struct.pack("<35f", *range(-20, 15)))
            report = self.json_of("run", source, "--weight", "gaussian:3", "--padding", "same",
                                  "--padding-mode", "reflect", "--activation", "gelu", "--device",
                                  "metal", "--verify", "-o", result)
            self.assertIn("depthwise_1x4", json.dumps(report))
            self.assertTrue(os.path.exists(result))

    def test_layers(self):
        """Layers of ResNet-50, MobileNetV2, ResNeXt-50 and ConvNeXt-T."""
        report = self.json_of("verify", LAYERS, "--device", "metal")
        self.assertEqual((report["problems"], report["failed"]), (79, 0))
        used = {run["plan"]["algorithm"] for run in report["results"]}
        self.assertEqual(used, {"depthwise", "direct", "gemm", "gemm1x1", "grouped",
                                "winograd_f2x3"})

    def test_every_candidate(self):
        report = self.json_of("verify", "--random", "4", "--seed", "5", "--algorithm", "all",
                              "--device", "metal")
        self.assertEqual(report["failed"], 0)
        self.assertGreaterEqual(report["runs"], 48)

    def test_report(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "report.json")
            done = conv2d("verify", "--random", "6", "--seed", "2", "--algorithm", "all",
                          "--device", "metal", "--json", "-o", path)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
            with open(path, encoding="utf-8") as file:
                report = json.load(file)
        device = report["device"]
        self.assertIn("apple7", device["features"].split())
        self.assertEqual(device["threadgroup_bytes"], 32768)
        self.assertGreater(device["max_buffer_bytes"], 1 << 30)
        self.assertIn("never run on Apple hardware", device["unproven"])
        names = {kernel["name"] for kernel in report["kernels"] if kernel["passed"]}
        self.assertLessEqual({"plain_1x1", "gemm_32x32", "gemm_64x32", "gemm_64x64"}, names)
        self.assertIn("gemm_f16_64x64", {kernel["name"] for kernel in report["built_kernels"]})

    def test_report_of_a_text_that_does_not_compile(self):
        """One family is refused once: the report says so, and has the other kernels."""
        environment = dict(os.environ, CONV2D_SOFTWARE_METAL_FAIL="library:1")
        done = subprocess.run([TOOL, "verify", "ic4ih6oc8oh5kh2", "--algorithm", "all", "--device",
                               "metal", "--json"], capture_output=True, text=True, timeout=600,
                              env=environment, check=False)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        report = json.loads(done.stdout)
        self.assertFalse(report["passed"])
        kernels = {kernel["name"]: kernel for kernel in report["kernels"]}
        self.assertFalse(kernels["gemm/32x32"]["passed"])
        self.assertTrue(kernels["plain_1x1"]["passed"])
        self.assertIn("does not compile", report["failures"][0]["reason"])
        self.assertIn("--device metal", report["failures"][0]["repeat"])

    def test_bad_name(self):
        done = conv2d("run", "x.npy", "--device", "metall", "--weight", "box:3", "-o", "y.npy")
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
