# SPDX-License-Identifier: BSD-2-Clause
"""tune and --wisdom: what is measured is what later commands use; foreign and damaged wisdom, and
files that cannot be written."""
import os
import select
import time

import tool
from tool import npy, ramp

PROBLEM = "mb1ic8ih12oc16oh12kh3ph1"
QUICK = ["--seconds", "0.02", "--threads", "1"]


class Tune(tool.ToolTest):
    def chosen(self, *words):
        plan, = self.good_json("plan", PROBLEM, *words)["plans"]
        return plan

    def test_it_is_used(self):
        text = self.good("tune", PROBLEM, *QUICK, "-o", "w.txt")
        self.assertRegex(text, "^" + PROBLEM + r"\n  \w+ \w+, [\d.]+ ms[,;] ")
        lines = self.read("w.txt").decode().splitlines()
        self.assertEqual(len(lines), 3)
        problem, algorithm, kernel, seconds = lines[1].split(" ")
        self.assertEqual(problem, PROBLEM)
        self.assertGreater(float(seconds), 0)
        before, after = self.chosen(), self.chosen("--wisdom", "w.txt")
        self.assertEqual((before["choice"], after["choice"]), ("estimate", "wisdom"))
        self.assertEqual((after["algorithm"], after["variant"]), (algorithm, kernel))
        self.assertIn("choice     wisdom\n", self.good("plan", PROBLEM, "--wisdom", "w.txt"))
        bench, = self.good_json("bench", PROBLEM, *QUICK, "--wisdom", "w.txt")["results"]
        self.assertEqual(bench["plan"]["choice"], "wisdom")
        report = self.good_json("verify", PROBLEM, "--wisdom", "w.txt")
        self.assertEqual({r["plan"]["choice"] for r in report["results"]}, {"wisdom"})

    def test_run_and_pack(self):
        self.write("x.npy", npy(ramp([1, 8, 12, 12])))
        self.write("w.npy", npy(ramp([16, 8, 3, 3])))
        self.good("tune", PROBLEM, *QUICK, "-o", "wisdom")
        run = ["run", "x.npy", "-w", "w.npy", "-p", "1", "-o", "y.npy"]
        for words, choice in (([], "estimate"), (["--wisdom", "wisdom"], "wisdom"),
                              (["--wisdom", "wisdom", "--algorithm", "reference"], "forced")):
            result, = self.good_json(*run, *words)["results"]
            self.assertEqual(result["plan"]["choice"], choice)
        self.good("pack", "-w", "w.npy", "-p", "1", "-i", "1,8,12,12", "--wisdom", "wisdom", "-o",
                  "l.conv2d")
        result, = self.good_json("run", "x.npy", "-c", "l.conv2d", "--wisdom", "wisdom", "-o",
                                 "y.npy")["results"]
        self.assertEqual(result["plan"]["choice"], "wisdom")
        self.bad(2, *run[:-1], "wisdom", "--wisdom", "wisdom", says="is also read")

    def teach(self, problem, algorithm, kernel):
        """Wisdom by hand: FNV-1a over the lines before the checksum."""
        head = self.read("wisdom").splitlines(True)[0]
        lines = head + f"{problem} {algorithm} {kernel} 0.001\n".encode()
        total = 14695981039346656037
        for byte in lines:
            total = (total ^ byte) * 1099511628211 % 2 ** 64
        self.write("wisdom", lines + f"checksum {total:016x}\n".encode())

    def test_it_decides(self):
        """Even a choice that the model would never make."""
        self.write("x.npy", npy(ramp([1, 8, 12, 12])))
        self.write("w.npy", npy(ramp([16, 8, 3, 3])))
        self.good("tune", "ic4ih8oc4oh8kh1", *QUICK, "-o", "wisdom")
        self.teach(PROBLEM, "reference", "plain_f64")
        self.assertNotEqual(self.chosen()["algorithm"], "reference")
        self.assertEqual(self.chosen("--wisdom", "wisdom")["algorithm"], "reference")
        self.good("pack", "-w", "w.npy", "-p", "1", "-i", "1,8,12,12", "--wisdom", "wisdom", "-o",
                  "l.conv2d")
        packed, = self.good_json("info", "l.conv2d")["contexts"][0]["packed"]
        self.assertIn("/reference/", packed["key"])
        for words in (["-c", "l.conv2d"], ["-w", "w.npy", "-p", "1"]):
            result, = self.good_json("run", "x.npy", *words, "--wisdom", "wisdom", "--verify", "-o",
                                     "y.npy")["results"]
            self.assertEqual(result["plan"]["algorithm"], "reference")

    def test_json(self):
        result, = self.good_json("tune", PROBLEM, *QUICK)["results"]
        self.assertEqual(result["plan"]["choice"], "wisdom")
        measured = [c for c in result["candidates"] if c.get("measured_seconds")]
        self.assertGreaterEqual(len(measured), 2)
        chosen, = [c for c in result["candidates"] if c["chosen"]]
        self.assertEqual(chosen["measured_seconds"], result["seconds"])
        self.assertLessEqual(result["seconds"],
                             min(c["measured_seconds"] for c in measured) / 0.97)
        for candidate in result["candidates"]:
            self.assertEqual(candidate["refusal"] is None, "measured_seconds" in candidate)

    def test_verbose(self):
        short, long = self.good("tune", PROBLEM, *QUICK), self.good("tune", PROBLEM, "-v", *QUICK)
        self.assertNotIn("refused:", short)
        self.assertIn("refused:", long)
        self.assertRegex(long, r"(?m)^ +reference +plain_f64 +(\d|not measured)")

    def test_wisdom_grows(self):
        self.good("tune", PROBLEM, *QUICK, "-o", "w.txt")
        self.write("net.txt", b"ic4ih8oc4oh8kh1n\"first\"\nic4ih8oc4oh8kh3ph1:dtype=f64\n")
        text = self.good("tune", "net.txt", "--wisdom", "w.txt", *QUICK, "-o", "w.txt")
        self.assertTrue(text.startswith("first: mb1"))
        self.assertEqual(len(self.read("w.txt").splitlines()), 5)
        self.good("tune", PROBLEM, "--dtype", "f64", "--wisdom", "w.txt", *QUICK, "-o", "w.txt")
        self.assertIn((PROBLEM + ":dtype=f64 reference ").encode(), self.read("w.txt"))

    def test_refusals(self):
        self.good("tune", PROBLEM, *QUICK, "-o", "w.txt")
        good = self.read("w.txt")
        for name, data, says in (
                ("empty", b"", "line 1"), ("cut", good[:-5], "line 3"),
                ("junk", b"\x00\xff\n" * 9, "line 1"),
                ("changed", good.replace(b"ic8", b"ic9"), "checksum"),
                ("other", good.replace(b" 0.1.0 ", b" 9.9.9 "), "9.9.9")):
            self.write(name, data)
            for words in (["plan", PROBLEM], ["bench", PROBLEM], ["tune", PROBLEM],
                          ["verify", PROBLEM]):
                self.bad(2, *words, "--wisdom", name, says=[f"'{name}'", "wisdom", says])
        self.bad(2, "plan", PROBLEM, "--wisdom", "w.txt", "--isa", "generic",
                 says="instruction set")
        self.bad(2, "plan", PROBLEM, "--wisdom", "missing", says="missing")
        self.bad(2, "tune", says="no PROBLEM")
        self.bad(2, "tune", PROBLEM + ":algo=reference", says="tuning chooses it")
        self.bad(2, "tune", PROBLEM, "--seconds", "0", says="--seconds is '0'")
        self.bad(2, "tune", PROBLEM, "nonsense", says="nonsense")

    def test_failing_writes(self):
        words = ["tune", "ic4ih8oc4oh8kh1", *QUICK, "-o"]
        self.write("old", b"old")
        self.bad(2, *words, "missing/w.txt", says="missing/w.txt")
        self.bad(2, *words, ".", says="directory")
        result = self.call(*words, "/dev/full")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("No space left", result.stderr)
        with open("/dev/full", "w", encoding="ascii") as full:
            result = self.call(*words, "old", stdout=full)
        self.assertEqual(result.returncode, 2)
        self.assertIn("standard output", result.stderr)
        self.assertEqual(self.read("old"), b"old")
        self.good("tune", "ic4ih8oc4oh8kh1", *QUICK, "-o", "/dev/null")

    def test_progress_is_for_terminals(self):
        try:
            terminal, inside = os.openpty()
        except OSError as error:
            self.skipTest(f"no terminals here: {error}")
        try:
            import subprocess
            with subprocess.Popen([tool.TOOL, "tune", PROBLEM, *QUICK], stderr=inside,
                                  stdout=subprocess.DEVNULL) as process:
                text, end = b"", time.monotonic() + 60
                # A terminal that nobody reads holds the writer up after some thousand bytes.
                while process.poll() is None and time.monotonic() < end:
                    if select.select([terminal], [], [], 0.1)[0]:
                        text += os.read(terminal, 65536)
                self.assertEqual(process.poll(), 0)
            self.assertRegex(text.decode(), r"conv2d tune: 0 of 1, +\d+ %")
        finally:
            os.close(inside)
            os.close(terminal)


if __name__ == "__main__":
    tool.main()
