# SPDX-License-Identifier: BSD-2-Clause
"""Values: random problems over NumPy arrays of any strides, bit by bit against reference.py."""
import math
import unittest

import conv2d
import numpy as np
from reference import convolve, integers, strided

SEED = 20


def random_problem(rng):
    """(sizes of input, sizes of weight, options, padding as four numbers or a word)."""
    groups = int(rng.choice([1, 1, 2, 3]))
    per_group, per_out = (int(n) for n in rng.integers(1, 5, 2))
    kernel = [int(n) for n in rng.integers(1, 4, 2)]
    dilation = tuple(int(n) for n in rng.integers(1, 3, 2))
    sizes = [int(n) for n in rng.integers(6, 14, 2)]
    padding = [0, 2, (1, 2), (1, 0, 2, 3), "same", "valid"][rng.integers(6)]
    stride = (1, 1) if padding == "same" else tuple(int(n) for n in rng.integers(1, 4, 2))
    mode = str(rng.choice(["zeros", "reflect", "replicate", "circular"]))
    batch = [[int(rng.integers(1, 4))], []][rng.integers(2)]
    return (batch + [groups * per_group] + sizes, [groups * per_out, per_group] + kernel,
            dict(stride=stride, padding=padding, dilation=dilation, groups=groups,
                 padding_mode=mode))


class Values(unittest.TestCase):
    def check(self, problem, rng, dtype):
        sizes, sizes_w, options = problem
        x, w = integers(rng, sizes, dtype), integers(rng, sizes_w, dtype)
        b = integers(rng, sizes_w[:1], dtype) if rng.integers(2) else None
        exact = convolve(x, w, b, options["stride"], options["padding"], options["dilation"],
                         options["groups"], options["padding_mode"])
        residual = integers(rng, exact.shape, dtype)
        # Of integers that float32 adds exactly, but by Winograd's transforms; float16 rounds the
        # exact sum once.
        default, options = options, dict(options, accuracy="strict")
        expected, added, clamped = (v.astype(dtype) for v in (
            exact, exact + residual, np.maximum(exact + residual, -20)))
        xs, ws, rs = (strided(rng, a) for a in (x, w, residual))
        xs.flags.writeable = ws.flags.writeable = rs.flags.writeable = False
        layer = conv2d.prepack(ws, b, **options)
        out = strided(rng, np.zeros(expected.shape, dtype))
        for got in (conv2d.conv2d(xs, ws, b, **options), layer(x), layer.run(xs, out=out)):
            np.testing.assert_array_equal(got, expected)
            self.assertEqual(got.dtype, x.dtype)
        np.testing.assert_array_equal(layer(xs, residual=rs), added)
        out[...] = residual  # in place
        self.assertIs(layer.run(xs, residual=out, out=out), out)
        np.testing.assert_array_equal(out, added)
        got = conv2d.conv2d(xs, ws, b, residual=rs, out=out, activation="clamp:-20,", **options)
        np.testing.assert_array_equal(got, clamped)
        # Whatever the planner takes by default; float16 rounds what differs a little.
        magnitude = convolve(abs(x), abs(w), None, *(options[name] for name in (
            "stride", "padding", "dilation", "groups", "padding_mode"))).max()
        np.testing.assert_allclose(conv2d.conv2d(xs, ws, b, **default), expected,
                                   rtol=1e-3 if dtype == "f2" else 0, atol=2e-5 * magnitude)

    def test_random_problems(self):
        for seed in range(SEED, SEED + 150):
            rng = np.random.default_rng(seed)
            problem = random_problem(rng)
            for dtype in ("f4", "f8", "f2"):
                with self.subTest(seed=seed, dtype=dtype, problem=problem):
                    self.check(problem, rng, dtype)

    def test_forms_of_the_same_options(self):
        rng = np.random.default_rng(SEED)
        x, w = integers(rng, (2, 4, 9, 8)), integers(rng, (6, 2, 3, 2))
        expected = convolve(x, w, None, (2, 2), (1, 1, 1, 1), (1, 1), 2)
        for stride in (2, (2,), [2, 2], np.int64(2), np.array([2, 2])):
            for padding in (1, (1,), [1, 1], (1, 1, 1, 1), np.int32(1)):
                got = conv2d.conv2d(x, w, None, stride, padding, 1, np.int8(2))
                np.testing.assert_array_equal(got, expected)

    def test_activations(self):
        x = np.linspace(-6, 6, 97).astype("f4").reshape(1, 1, 1, 97)
        v = x.astype("f8")
        s = 1 / (1 + np.exp(-v))
        erf = np.vectorize(math.erf)
        inner = math.sqrt(2 / math.pi) * (v + 0.044715 * v ** 3)
        six = np.clip(v + 3, 0, 6) / 6
        expected = {
            None: v, "none": v, "relu": np.maximum(v, 0), "relu6": np.clip(v, 0, 6),
            "clamp:-1,2.5": np.clip(v, -1, 2.5), "clamp:,2": np.minimum(v, 2),
            "clamp:-2,": np.maximum(v, -2), "clamp:1": np.maximum(v, 1),
            "leaky_relu": np.where(v > 0, v, 0.01 * v),
            "leaky_relu:0.25": np.where(v > 0, v, 0.25 * v), "sigmoid": s, "tanh": np.tanh(v),
            "silu": v * s, "hardswish": v * six, "hardsigmoid": six,
            "gelu": v / 2 * (1 + erf(v / math.sqrt(2))), "gelu_tanh": v / 2 * (1 + np.tanh(inner)),
            "mish": v * np.tanh(np.log1p(np.exp(v)))}
        one = np.ones((1, 1, 1, 1), "f4")
        for activation, values in expected.items():
            with self.subTest(activation=activation):
                got = conv2d.conv2d(x, one, activation=activation)
                np.testing.assert_allclose(got, values, rtol=1e-5, atol=1e-6)

    def test_empty_batch(self):
        w = np.ones((5, 3, 3, 3), "f4")
        got = conv2d.conv2d(np.ones((0, 3, 8, 8), "f4"), w, padding=1)
        self.assertEqual(got.shape, (0, 5, 8, 8))
        self.assertEqual(conv2d.prepack(w)(np.ones((0, 3, 8, 8), "f4")).shape, (0, 5, 6, 6))

    def test_accuracy_levels(self):
        rng = np.random.default_rng(SEED)
        x, w = integers(rng, (1, 8, 9, 9)), integers(rng, (8, 8, 3, 3))
        for accuracy in ("default", "strict", "fast", "tf32"):
            got = conv2d.conv2d(x, w, accuracy=accuracy)
            np.testing.assert_allclose(got, convolve(x, w), rtol=1e-2, atol=1)


class Layout(unittest.TestCase):
    """A new output lies in memory as the input does."""
    weight = np.ones((4, 3, 3, 3), "f4")

    def last(self, array):
        return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array.transpose(1, 2, 0)

    def check(self, x, channels_last, weight=None):
        weight = self.weight if weight is None else weight
        for y in (conv2d.conv2d(x, weight), conv2d.prepack(weight)(x)):
            first, last = y.flags.c_contiguous, self.last(y).flags.c_contiguous
            self.assertEqual((first, last), (not channels_last, channels_last), x.strides)

    def test_channels_last_in_channels_last_out(self):
        x = np.ones((2, 8, 9, 3), "f4")
        self.check(x.transpose(0, 3, 1, 2), True)
        self.check(x[0].transpose(2, 0, 1), True)
        self.check(x[0].transpose(2, 0, 1)[None], True)  # NumPy gives the new axis stride 0
        self.check(x.transpose(0, 3, 1, 2)[:, :, ::-2], True)
        self.check(np.broadcast_to(x[:1], x.shape).transpose(0, 3, 1, 2), True)

    def test_a_column_of_channels_last_pixels(self):
        x = np.ones((2, 8, 3), "f4")[:, :, None].transpose(0, 3, 1, 2)  # one column, stride 0
        y = conv2d.conv2d(x, self.weight, padding=1)
        self.assertEqual(y.shape, (2, 4, 8, 1))
        self.assertEqual(y.strides[1], y.itemsize)

    def test_others(self):
        x = np.ones((2, 3, 8, 9), "f4")
        for y in (x, x[0], x[0][None], x[:, :, ::2], x.transpose(0, 1, 3, 2),
                  np.broadcast_to(np.float32(1), x.shape)):
            self.check(y, False)

    def test_grey_pictures(self):
        weight = np.ones((4, 1, 3, 3), "f4")
        x = np.ones((8, 9), "f4")
        for y in (x[None], x[None, None], np.ones((2, 8, 9), "f4")[:, None]):
            self.check(y, False, weight)


if __name__ == "__main__":
    unittest.main()
