# SPDX-License-Identifier: BSD-2-Clause
"""Reports from real hardware: test_reports.py CONV2D FOLDER. What the library says of itself
("unproven", what "auto" means) follows from the reports in the folder, and each of them counts."""
import copy
import json
import os
import subprocess
import sys
import unittest

TOOL, FOLDER = sys.argv[1:3]


def conv2d(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=600,
                          check=True).stdout


def why_not(report):
    """Why a report does not count, or None."""
    device = report["device"]
    if device["backend"] != "metal":
        return "it is of the device " + device["backend"]
    if report["system"]["name"] != "Darwin" or "oftware" in device["model"]:
        return "it is of no Apple hardware"
    if not report["passed"] or report["failed"] or report["failures"]:
        return "it has failures"
    able = {kernel["family"] for kernel in report["built_kernels"] if kernel["available"]}
    ran = {kernel["name"].split("_")[0] for kernel in report["kernels"]}
    if able - ran:
        return "no problem ran on " + ", ".join(sorted(able - ran))
    return None


class Reports(unittest.TestCase):
    def test_what_is_said_follows_from_reports(self):
        names = sorted(os.listdir(FOLDER)) if os.path.isdir(FOLDER) else []
        for name in names:
            with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
                self.assertIsNone(why_not(json.load(file)), name)
        unproven = json.loads(conv2d("info", "--device", "metal", "--json"))["device"]["unproven"]
        self.assertEqual(unproven == "", bool(names), "a report is there, or it is unproven")
        auto = json.loads(conv2d("info", "--device", "auto", "--json"))["device"]["backend"]
        if not names:
            self.assertEqual(auto, "cpu")

    def test_which_reports_count(self):
        """A report of software Metal, made to look like one of a Mac, and what spoils it."""
        report = json.loads(conv2d("verify", "g2ic4ih6oc8oh4kh3", "ic4ih6oc8oh6kh1",
                                   "g8ic8ih6oc8oh4kh3", "--algorithm", "all", "--device", "metal",
                                   "--json"))
        self.assertEqual(why_not(report), "it is of no Apple hardware")
        report["system"]["name"] = "Darwin"
        self.assertEqual(why_not(report), "it is of no Apple hardware")
        report["device"]["model"] = "Apple M1"
        families = {kernel["family"] for kernel in report["built_kernels"]}
        missing = families - {kernel["name"].split("_")[0] for kernel in report["kernels"]}
        self.assertEqual(why_not(report) is None, not missing, missing)
        for path, value, words in ((("passed",), False, "failures"),
                                   (("failures",), [{}], "failures"),
                                   (("device", "backend"), "cpu", "device cpu"),
                                   (("kernels",), [], "no problem ran")):
            spoilt = copy.deepcopy(report)
            place = spoilt
            for key in path[:-1]:
                place = place[key]
            place[path[-1]] = value
            self.assertIn(words, why_not(spoilt))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
