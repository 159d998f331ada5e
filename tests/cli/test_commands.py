# SPDX-License-Identifier: BSD-2-Clause
"""plan, info, verify, bench, help texts: output for people and for programs, wrong usage, and the
agreement of --help with the man page."""
import csv
import io
import json
import os
import re
import subprocess

import tool

PROBLEM = "ic8ih12oc16oh12kh3ph1"
COMMANDS = ("run", "pack", "plan", "tune", "verify", "bench", "info", "completion")
PROBLEM_COMMANDS = ("plan", "tune", "verify", "bench")


class Plan(tool.ToolTest):
    def test_text(self):
        short, long = self.good("plan", PROBLEM), self.good("plan", "-v", PROBLEM)
        self.assertIn("algorithm", short)
        self.assertIn("bound", short)
        self.assertIn("refused:", long)
        self.assertIn("reference", long)
        self.assertGreater(len(long), len(short))
        self.assertEqual(short, self.good("plan", PROBLEM, "--threads", "1"))

    def test_json(self):
        plan, = self.good_json("plan", PROBLEM)["plans"]
        self.assertEqual(plan["input_sizes"], [1, 8, 12, 12])
        self.assertEqual(plan["weight_sizes"], [16, 8, 3, 3])
        self.assertEqual(plan["output_sizes"], [1, 16, 12, 12])
        chosen = [c for c in plan["candidates"] if c["chosen"]]
        self.assertEqual(len(chosen), 1)
        self.assertEqual((chosen[0]["algorithm"], chosen[0]["variant"]),
                         (plan["algorithm"], plan["variant"]))
        for candidate in plan["candidates"]:
            if candidate["refusal"] is None:
                self.assertGreater(candidate["cost_seconds"], 0)
            else:
                self.assertGreater(len(candidate["refusal"]), 5)

    def test_isa(self):
        plan, = self.good_json("plan", PROBLEM, "--isa", "generic")["plans"]
        for candidate in plan["candidates"]:
            if candidate["refusal"] is None:
                self.assertIn(candidate["isa"], ("generic", ""))

    def test_model_file(self):
        self.write("net.txt", b"# a network\n\n" + PROBLEM.encode() + b"n\"one # not a comment\"\n"
                              b"  ic3ih8oc4oh8kh3ph1 # the second\r\n")
        plans = self.good_json("plan", "net.txt", PROBLEM)["plans"]
        self.assertEqual([p["name"] for p in plans], ["one # not a comment", "", ""])
        self.assertEqual(plans[1]["input_sizes"], [1, 3, 8, 8])

    def test_refusals(self):
        self.bad(2, "plan", says="no PROBLEM")
        self.bad(2, "plan", "ic8ih", says=["'ic8ih' is neither a file nor a problem", "position"])
        self.bad(2, "plan", "missing.txt", says="missing.txt")
        self.bad(2, "plan", "ic8ih12oc16oh12kh3:algo=magic", says="magic")
        self.bad(2, "plan", ".", says="directory")
        self.write("empty.txt", b"# nothing\n")
        self.bad(2, "plan", "empty.txt", says="no problem in it")
        self.write("bad.txt", PROBLEM.encode() + b"\n\nnonsense\n")
        self.bad(2, "plan", "bad.txt", says="'bad.txt' line 3")
        self.write("zero.txt", b"ic8\0ih")
        self.bad(2, "plan", "zero.txt", says="not a text file")


class Info(tool.ToolTest):
    def test_text_and_json(self):
        text = self.good("info")
        report = self.good_json("info")
        self.assertIn(report["version"], text)
        self.assertEqual(self.good("--version").strip(), "conv2d " + report["version"])
        self.assertTrue(any(k["available"] for k in report["kernels"]))
        for kernel in report["kernels"]:
            self.assertIn(kernel["name"], text)
        states = {b["name"]: b for b in report["backends"]}
        self.assertTrue(states["cpu"]["available"])
        for backend in report["backends"]:
            self.assertEqual(backend["available"], backend["reason"] is None)

    def test_options(self):
        report = self.good_json("info", "--isa", "generic", "--threads", "3")
        self.assertEqual((report["device"]["isa"], report["device"]["n_threads"]), ("generic", 3))
        for kernel in report["kernels"]:
            self.assertEqual(kernel["available"], kernel["isa"] == "generic")

    def test_refusals(self):
        self.bad(2, "info", "one", "two", says="unexpected argument 'two'")
        self.bad(2, "info", "--device", "vulkan", says="vulkan")
        self.bad(2, "info", "--isa", "sse2", says=["--isa is \"sse2\"", "expected"])


class Verify(tool.ToolTest):
    def test_problem(self):
        text = self.good("verify", PROBLEM)
        self.assertRegex(text, r"1 problems, 2 runs, 0 failed; largest error 0\.\d+ of its bound")
        report = self.good_json("verify", PROBLEM, "--algorithm", "all")
        self.assertEqual((report["problems"], report["failed"], report["failures"]), (1, 0, []))
        names = {r["plan"]["algorithm"] for r in report["results"]}
        plan, = self.good_json("plan", PROBLEM)["plans"]
        self.assertEqual(names, {c["algorithm"] for c in plan["candidates"]
                                 if c["refusal"] is None})
        self.assertEqual(report["runs"], len(report["results"]))
        self.assertGreater(report["max_error_over_bound"], 0)

    def test_random(self):
        first = self.good("verify", "--random", "60", "--seed", "3", "--algorithm", "all")
        self.assertRegex(first, r"^seed 3: 60 problems, \d+ runs, 0 failed")
        self.assertEqual(first, self.good("verify", "--random", "60", "--seed", "3",
                                          "--algorithm", "all"))
        self.assertNotEqual(first[8:], self.good("verify", "--random", "60", "--seed", "4",
                                                 "--algorithm", "all")[8:])
        report = self.good_json("verify", "--random", "20", "--isa", "generic")
        self.assertEqual((report["problems"], report["runs"], report["failed"]), (20, 40, 0))

    def test_report(self):
        text = self.good("verify", PROBLEM, "--algorithm", "all", "-o", "report.json")
        self.assertRegex(text, "1 problems, [0-9]+ runs, 0 failed")
        report = json.loads(self.read("report.json"))
        self.assertEqual((report["passed"], report["problems"], report["failures"]), (True, 1, []))
        self.assertRegex(report["version"], r"^\d+\.\d+\.\d+")
        self.assertRegex(report["commit"], r"^([0-9a-f]{12}\+?)?$")
        self.assertEqual(report["system"]["name"], os.uname().sysname)
        self.assertEqual(report["device"]["backend"], "cpu")
        self.assertEqual(report["device"]["max_buffer_bytes"], 0)
        self.assertEqual(report["built_kernels"], self.good_json("info")["kernels"])
        self.assertEqual(sum(k["runs"] for k in report["kernels"]), report["runs"])
        self.assertEqual(max(k["max_error_over_bound"] for k in report["kernels"]),
                         report["max_error_over_bound"])
        for kernel in report["kernels"]:
            self.assertTrue(kernel["passed"])
            self.assertEqual((kernel["dtype"], kernel["problems"]), ("f32", 1))
            self.assertGreater(kernel["fastest"]["gflops"], 0)
            self.assertLessEqual(kernel["fastest"]["seconds"], kernel["seconds"])
        self.assertEqual(self.good("verify", PROBLEM, "--json", "-o", "report.json"), "")
        self.assertEqual(self.snapshot().keys(), {"report.json"})
        self.bad(2, "verify", PROBLEM, "-o", "absent/report.json", says="absent")

    def test_standard_problems(self):
        words = ("verify", "--algorithm", "depthwise_ch", "--isa", "generic", "-o", "report.json")
        text = self.good(*words)
        self.assertRegex(text, r"dw_ch_4x8_generic +f16 +ok +\d+ problems")
        report = json.loads(self.read("report.json"))
        self.assertEqual((report["problems"], report["failed"]), (220, 0))
        self.assertEqual({(k["name"], k["dtype"]) for k in report["kernels"]},
                         {("dw_ch_4x8_generic", "f32"), ("dw_ch_4x8_generic", "f16")})
        self.assertEqual({r["plan"]["problem"].split(":")[0] for r in report["results"]},
                         {"g144mb1ic144ih56oc144oh56kh3ph1"})

    def test_forced_algorithm(self):
        self.bad(2, "verify", PROBLEM, "--algorithm", "depthwise_ch", says="--algorithm")
        self.bad(2, "verify", PROBLEM, "--algorithm", "magic", says="magic")
        report = self.good_json("verify", "--random", "40", "--algorithm", "depthwise_ch")
        self.assertGreater(report["refused"], 0)
        self.assertGreater(report["runs"], 0)
        self.assertEqual(report["runs"] + report["refused"], 80)
        text = self.good("verify", "--random", "40", "--algorithm", "depthwise_ch")
        self.assertIn(f"{report['refused']} runs left out", text)

    def test_refusals(self):
        self.bad(2, "verify", PROBLEM, "--random", "3", says="both given")
        for dtype in ("s8", "u8", "s32"):
            for command in ("verify", "bench"):
                self.bad(2, command, f"{PROBLEM}:dtype={dtype}", says="none of float32, float64")
        self.bad(2, "verify", f"{PROBLEM}:out=s0,0,0,0", says="overlap")
        self.bad(2, "verify", "--random", "0", says="--random is '0'")
        self.bad(2, "verify", "--random", "1", "--seed", "-1", says="--seed is '-1'")


class Bench(tool.ToolTest):
    def test_forms(self):
        words = ["bench", PROBLEM, "--seconds", "0.02", "--threads", "1"]
        self.assertRegex(self.good(*words), r"min [\d.]+ ms, median [\d.]+ ms of \d+ runs")
        self.assertRegex(self.good(*words, "--peak"), r"% of the peak [\d.]+")
        result, = self.good_json(*words, "--peak")["results"]
        self.assertGreaterEqual(result["seconds_median"], result["seconds"])
        self.assertGreater(result["peak_gflops"], 0)
        self.assertAlmostEqual(result["percent_of_peak"],
                               100 * result["gflops"] / result["peak_gflops"], places=3)
        self.assertNotIn("peak_gflops", self.good_json(*words)["results"][0])

    def test_csv(self):
        self.write("net.txt", b"ic3ih8oc4oh8kh3ph1n\"a, b\":act=clamp,0,6\nic3ih8oc4oh8kh3ph1\n")
        text = self.good("bench", "net.txt", "--csv", "--seconds", "0.01", "--peak")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([r["name"] for r in rows], ["a, b", ""])
        for row in rows:
            self.assertGreater(float(row["gflops"]), 0)
            self.assertGreater(float(row["percent_of_peak"]), 0)
            self.assertEqual(len(row), 11)

    def test_refusals(self):
        self.bad(2, "bench", says="no PROBLEM")
        self.bad(2, "bench", PROBLEM, "--csv", "--json", says="both given")
        for value in ("0", "-1", "nan", "x", "1e9", ""):
            self.bad(2, "bench", PROBLEM, "--seconds", value, says="--seconds is")


class Usage(tool.ToolTest):
    def test_no_command(self):
        result = self.call()
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("Usage: conv2d COMMAND", result.stderr)
        self.bad(2, "paint", says=["unknown command 'paint'", "expected run, pack, plan, tune, "
                                   "verify, bench, info or completion\n"])

    def test_unknown_options(self):
        for command in COMMANDS:
            self.bad(2, command, "--nonsense", says=["--nonsense", f"conv2d {command} --help"])
            self.bad(2, command, "x", "-Z", says="unknown option -Z")
            if command != "completion":
                self.bad(2, command, "--threads", says="option --threads needs a value")
                self.bad(2, command, "--json=1", says="option --json takes no value")
        self.bad(2, "info", "--weight", "w", says="--weight")
        self.bad(2, "run", says="no INPUT")
        self.bad(2, "run", "x.npy", says="--weight is missing")
        self.bad(2, "run", "x.npy", "-w", "box:3", says="--output is missing")
        self.bad(2, "info", "-w", "x", says="unknown option -w")
        self.bad(2, "plan", "-o", "x", PROBLEM, says="unknown option -o")

    def test_help(self):
        general = self.good("--help")
        self.assertEqual(general, self.good("-h"))
        for command in COMMANDS:
            self.assertIn(f"  {command} ", general)
            text = self.good(command, "--help")
            self.assertEqual(text, self.good(command, "-h"))
            self.assertTrue(text.startswith(f"Usage: conv2d {command} "))
            self.assertIn("Examples:\n  conv2d " + command, text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_examples_parse(self):
        """Problems of the examples are real ones, and options of the examples are in the help."""
        for command in COMMANDS:
            text = self.good(command, "--help")
            options, examples = text.split("Examples:\n")
            for option in re.findall(r"(--[a-z-]+|(?<= )-[a-z]\b)", examples):
                self.assertIn(option, options, command)
            if command in PROBLEM_COMMANDS:
                for problem in re.findall(r"\b(?:g\d+mb\d+)?ic\d\S+", examples):
                    self.good("plan", problem)

    def test_help_and_man_page_agree(self):
        with open(os.path.join(tool.SOURCE, "docs", "man", "conv2d.1"), encoding="utf-8") as file:
            page = file.read()
        in_page = set()
        for line in page.splitlines():
            if line.startswith(".It Fl"):
                in_page.update(re.findall(r"Fl -([a-z-]+)", line))
                in_page.update(re.findall(r"Fl ([a-z])\b", line))
        in_help = set(re.findall(r"--([a-z]+)  ", self.good("--help")))
        for command in COMMANDS:
            for line in self.good(command, "--help").splitlines():
                found = re.match(r"  (?:-([a-z]), |    )--([a-z-]+)", line)
                if found:
                    in_help.update(name for name in found.groups() if name)
        self.assertEqual(in_page, in_help)
        synopsis = page[:page.index(".Sh DESCRIPTION")]
        self.assertEqual(re.findall(r"^\.Cm (\w+)$", synopsis, re.MULTILINE), list(COMMANDS))
        for command in COMMANDS:
            self.assertIn(f".Ss conv2d {command}\n", page)

    def test_man_page_is_well_formed(self):
        path = os.path.join(tool.SOURCE, "docs", "man", "conv2d.1")
        try:
            result = subprocess.run(["mandoc", "-T", "lint", "-W", "error", path],
                                    stdout=subprocess.PIPE, text=True, timeout=60)
        except FileNotFoundError:
            self.skipTest("mandoc is not installed")
        self.assertEqual((result.returncode, result.stdout), (0, ""))


if __name__ == "__main__":
    tool.main()
