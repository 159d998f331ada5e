# SPDX-License-Identifier: BSD-2-Clause
"""bench/check.py calls a figure above its limit missed, an absent one too: SOURCE as argument."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(sys.argv[1], "bench"))
import check  # pylint: disable=wrong-import-position

QUIET = "plan_run_allocations {} limit 0\nplan_run_locks {} limit 0\nplan_run_system_calls {}\n"
LOADING = "loading / packing: {} % (opening / packing; with every checksum verified 8.3 %)"
GOOD = {"quiet_run": QUIET.format(0, 0, 0), "startup": LOADING.format(4.9),
        "numpy": "python_overhead_us numpy 4.91 torch none limit 5",
        "torch": "python_overhead_us numpy 4.91 torch 5.00 limit 5"}
BAD = {"quiet_run": QUIET.format(0, 1, 0), "startup": LOADING.format(5.1),
       "numpy": "python_overhead_us numpy 5.01 torch 4.00 limit 5",
       "torch": "python_overhead_us numpy 4.91 torch 15.00 limit 5"}


class Judge(unittest.TestCase):
    def test_limits(self):
        self.assertEqual(set(check.FIGURES), set(GOOD))
        for source, figures in check.FIGURES.items():
            with self.subTest(source=source):
                lines, kept = check.judge(figures, GOOD[source])
                self.assertTrue(kept and all(line.endswith("kept") for line in lines), lines)
                for text in (BAD[source], "Segmentation fault"):
                    lines, kept = check.judge(figures, text)
                    self.assertFalse(kept)
                    self.assertTrue(any(line.endswith("MISSED") for line in lines), lines)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
