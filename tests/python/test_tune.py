# SPDX-License-Identifier: BSD-2-Clause
"""tune(), and wisdom as text: what is measured, kept, given away, refused."""
import unittest

import conv2d
import numpy as np

SHAPE, OTHER = (1, 8, 12, 12), (1, 8, 13, 12)


class Tune(unittest.TestCase):
    def setUp(self):
        conv2d.set_num_threads(1)
        conv2d.forget_wisdom()
        self.weight = np.ones((8, 8, 3, 3), "f4")
        self.problem = conv2d.prepack(self.weight).problem(SHAPE)

    def tearDown(self):
        conv2d.forget_wisdom()
        conv2d.set_num_threads(0)

    def known(self):
        """Does the default device have wisdom of the problem?"""
        return "wisdom" in conv2d.prepack(self.weight).describe(SHAPE)

    def test_tuning(self):
        self.assertFalse(self.known())
        candidates = conv2d.tune(self.problem, seconds=0.02)
        measured = [c for c in candidates if c["measured_seconds"] > 0]
        self.assertGreater(len(measured), 1)
        chosen, = (c for c in candidates if c["chosen"])
        self.assertIn(chosen, measured)
        for candidate in candidates:
            self.assertFalse(candidate["refusal"] and candidate["measured_seconds"])
        layer = conv2d.prepack(self.weight)
        self.assertIn("wisdom", layer.describe(SHAPE))
        self.assertEqual(layer.algorithm(SHAPE), chosen["algorithm"])
        self.assertIn("estimate", layer.describe(OTHER))
        self.assertEqual(layer(np.ones(SHAPE, "f4")).max(), 72)

    def test_wisdom_travels(self):
        nothing = conv2d.export_wisdom()
        conv2d.tune(self.problem, seconds=0.02)
        text = conv2d.export_wisdom()
        self.assertGreater(len(text.splitlines()), len(nothing.splitlines()))
        conv2d.forget_wisdom()
        self.assertFalse(self.known())
        self.assertEqual(conv2d.export_wisdom(), nothing)
        conv2d.import_wisdom(text)
        self.assertTrue(self.known())
        self.assertEqual(conv2d.export_wisdom(), text)
        conv2d.set_num_threads(2)  # another device underneath
        self.assertTrue(self.known())

    def test_bad_wisdom_changes_nothing(self):
        conv2d.tune(self.problem, seconds=0.02)
        text = conv2d.export_wisdom()
        conv2d.forget_wisdom()
        for damaged in (text[:-2], text.replace("ic8", "ic9"), "", "x" + text, text + "\n7"):
            with self.assertRaises(ValueError):
                conv2d.import_wisdom(damaged)
            self.assertFalse(self.known())
        with self.assertRaisesRegex(TypeError, "expected str"):
            conv2d.import_wisdom(text.encode())

    def test_progress(self):
        seen = []
        conv2d.tune(self.problem, seconds=0.02, progress=lambda *said: seen.append(said))
        self.assertTrue(seen)
        for done, total, text in seen:
            self.assertTrue(0 <= done <= total and text, (done, total, text))

    def test_progress_that_raises_ends_it(self):
        class Enough(BaseException):
            pass
        calls = []

        def stop(*said):
            calls.append(said)
            raise Enough
        with self.assertRaises(Enough):
            conv2d.tune(self.problem, seconds=30, progress=stop)
        self.assertEqual(len(calls), 1)
        self.assertFalse(self.known())

    def test_refusals(self):
        for exception, words, problem, options in (
                (ValueError, "ic8oops|position|expected", "ic8oops", {}),
                (TypeError, "problem is of type int", 7, {}),
                (ValueError, "seconds is 0: expected more", self.problem, {"seconds": 0}),
                (ValueError, "seconds is nan: expected more", self.problem,
                 {"seconds": float("nan")}),
                (ValueError, 'name is "tpu"', self.problem, {"device": "tpu"})):
            with self.assertRaisesRegex(exception, words):
                conv2d.tune(problem, **options)


if __name__ == "__main__":
    unittest.main()
