# SPDX-License-Identifier: BSD-2-Clause
"""The tool linked with a library that gets one element wrong (faulty_run.c): every check must find
it, say where, give the command that repeats it, write nothing, and end with exit code 1."""
import json
import re
import subprocess

import tool
from tool import npy, ramp

PROBLEM = "mb2ic6ih7iw5oc4oh7ow5kh3kw3ph1pw1"
WHERE = "element (1, 3, 6, 4)"


class FoundDifferences(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy(ramp([2, 6, 7, 5])))
        self.write("w.npy", npy(ramp([4, 6, 3, 3])))
        self.write("y.npy", b"old")
        self.words = ["run", "x.npy", "-w", "w.npy", "-p", "1", "-o", "y.npy"]

    def test_run_writes_nothing(self):
        before = self.snapshot()
        result = self.call(*self.words, "--verify")
        self.assertEqual(result.returncode, 1)
        self.assertIn(WHERE, result.stderr)
        self.assertIn("1 of 280 elements", result.stderr)
        self.assertIn("nothing was written", result.stderr)
        result = self.call(*self.words, "--verify", "--json")
        self.assertEqual(result.returncode, 1)
        report = json.loads(result.stdout)["results"][0]["verify"]
        self.assertEqual((report["passed"], report["beyond_bound"]), (False, 1))
        self.assertGreater(report["max_error_over_bound"], 1)
        self.assertEqual(self.snapshot(), before)

    def test_run_without_verify_does_not_look(self):
        self.good(*self.words)
        self.good(*self.words, "--verify", "--dtype", "float64")

    def test_activations_do_not_hide_it(self):
        for name in ("leaky_relu:3", "silu", "gelu", "mish", "clamp:-100,100", "tanh"):
            self.assertEqual(self.call(*self.words, "--verify", "-a", name).returncode, 1, name)

    def test_verify_gives_the_command(self):
        result = self.call("verify", PROBLEM, "--seed", "9", "--threads", "1", "--isa", "generic",
                           "--algorithm", "all")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertIn(WHERE, result.stdout)
        for kind in ("real data", "integer data"):
            self.assertIn(kind, result.stdout)
        commands = re.findall(r"repeat: (conv2d .*)", result.stdout)
        self.assertGreaterEqual(len(commands), 4)
        for command in commands:
            again = subprocess.run(["sh", "-c", command.replace("conv2d", f"'{tool.TOOL}'", 1)],
                                   stdout=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertEqual(again.returncode, 1)
            self.assertIn(command, again.stdout)

    def test_random_problems(self):
        result = self.call("verify", "--random", "10", "--json")
        self.assertEqual(result.returncode, 1)
        report = json.loads(result.stdout)
        self.assertEqual((report["runs"], report["failed"], len(report["failures"])), (20, 20, 20))
        for failure in report["failures"]:
            self.assertIn(failure["problem"], failure["repeat"])


if __name__ == "__main__":
    tool.main()
