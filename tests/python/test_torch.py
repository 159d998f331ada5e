# SPDX-License-Identifier: BSD-2-Clause
"""torch tensors: values equal torch's own bit by bit (integer data), layouts, refusals."""
import unittest

import conv2d
import numpy as np

try:
    import torch
    from torch.nn import functional
except ImportError:
    torch = None

SEED = 40
DTYPES = torch and (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def integers(*sizes, dtype=None):
    return torch.randint(-8, 9, sizes).to(dtype or torch.float32)


@unittest.skipIf(torch is None, "torch is absent")
class Torch(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        self.x, self.w = integers(2, 4, 9, 8), integers(6, 2, 3, 2)

    def check(self, x, w, b=None, **options):
        # Of integers that float32 adds exactly; the half types round the exact sum once.
        exact = functional.conv2d(x.double(), w.double(), None if b is None else b.double(),
                                  **options)
        expected = exact.to(x.dtype)
        layer = conv2d.prepack(w, b, **options)
        for y in (conv2d.conv2d(x, w, b, **options), layer(x), layer(x)):
            self.assertIs(type(y), torch.Tensor)
            self.assertTrue(torch.equal(y, expected))
            self.assertEqual(y.dtype, expected.dtype)
        return y

    def test_options(self):
        for dtype in DTYPES:
            x, w, b = self.x.to(dtype), self.w.to(dtype), integers(6, dtype=dtype)
            for options in (dict(), dict(stride=2), dict(stride=(1, 2), padding=(2, 1)),
                            dict(padding="same"), dict(padding="valid", dilation=(2, 1)),
                            dict(padding=3, dilation=2, stride=3)):
                with self.subTest(dtype=dtype, options=options):
                    self.check(x, w, b, groups=2, **options)
                    self.check(x[0], w, groups=2, **options)

    def test_strides(self):
        for dtype in DTYPES:
            with self.subTest(dtype=dtype):
                self.check_strides(dtype)

    def check_strides(self, dtype):
        self.x, self.w = self.x.to(dtype), self.w.to(dtype)
        last = self.x.contiguous(memory_format=torch.channels_last)
        y = self.check(last, self.w, groups=2, padding=1)
        self.assertTrue(y.is_contiguous(memory_format=torch.channels_last))
        y = self.check(self.x, self.w, groups=2, padding=1)
        self.assertTrue(y.is_contiguous())
        w_last = self.w.contiguous(memory_format=torch.channels_last)
        host = integers(3, 9, 20, 19, dtype=dtype)
        for x in (last, self.x.transpose(2, 3), host[1:, ::2][:, :4, 3:12, 1:17:2],
                  self.x[:1].expand(5, 4, 9, 8), self.x[:, :, :1].expand(2, 4, 9, 8),
                  last[:, :, 1::2], last[1]):
            self.check(x, w_last, groups=2)

    def test_output_and_residual(self):
        expected = functional.conv2d(self.x, self.w, groups=2)
        layer = conv2d.prepack(self.w, groups=2, activation="relu")
        residual = integers(*expected.shape)
        for out in (torch.zeros(expected.shape), torch.zeros(2, 7, 6, 7).permute(0, 2, 1, 3),
                    np.zeros(expected.shape, "f4")):
            self.assertIs(layer.run(self.x, residual=residual, out=out), out)
            self.assertTrue(torch.equal(torch.as_tensor(out), (expected + residual).relu()))

    def test_kinds_may_be_mixed(self):
        expected = functional.conv2d(self.x, self.w, groups=2)
        y = conv2d.conv2d(self.x, self.w.numpy(), groups=2)
        self.assertIs(type(y), torch.Tensor)
        self.assertTrue(torch.equal(y, expected))
        y = conv2d.conv2d(self.x.numpy(), self.w, groups=2)
        self.assertIs(type(y), np.ndarray)
        np.testing.assert_array_equal(y, expected.numpy())

    def test_requires_grad(self):
        weight = torch.nn.Parameter(self.w)
        layer = conv2d.prepack(weight.detach(), groups=2)
        for call in (lambda: conv2d.prepack(weight), lambda: conv2d.conv2d(self.x, weight),
                     lambda: layer(self.x.clone().requires_grad_())):
            with self.assertRaisesRegex(ValueError, "requires grad"):
                call()
        expected = functional.conv2d(self.x, self.w, groups=2)
        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                y = conv2d.conv2d(self.x, weight, groups=2)
                self.assertTrue(torch.equal(y, expected))
                self.assertTrue(torch.equal(layer(self.x.clone().requires_grad_()), expected))

    def test_refusals(self):
        for exception, words, x in (
                (TypeError, "bfloat16, weight has float32", self.x.bfloat16()),
                (TypeError, "float16, weight has float32", self.x.half()),
                (TypeError, "int64", self.x.long()),
                (TypeError, "complex64", self.x.to(torch.complex64)),
                (TypeError, "layout", self.x.to_sparse()),
                (ValueError, "input is on meta", self.x.to("meta")),
                (ValueError, "negative bit", torch.complex(self.x, self.x).conj().imag),
                (TypeError, "weight|float64", self.x.double())):
            with self.subTest(words=words):
                with self.assertRaisesRegex(exception, words):
                    conv2d.conv2d(x, self.w, groups=2)
                with self.assertRaisesRegex(exception, words):
                    conv2d.prepack(self.w, groups=2)(x)

    def test_half_values(self):
        for dtype, rounding, least in ((torch.float16, 2.0 ** -11, 2.0 ** -25),
                                       (torch.bfloat16, 2.0 ** -8, 2.0 ** -134)):
            x, w, b = (torch.randn(n).to(dtype) for n in ((2, 16, 12, 11), (8, 16, 3, 3), (8,)))
            y = functional.conv2d(x.double(), w.double(), b.double(), padding=1)
            s = functional.conv2d(x.double().abs(), w.double().abs(), b.double().abs(), padding=1)
            for source in (x, x.contiguous(memory_format=torch.channels_last)):
                got = conv2d.conv2d(source, w, b, padding=1)
                self.assertEqual(got.dtype, dtype)
                allowed = 147 * 2.0 ** -24 * s + rounding * y.abs() + least
                self.assertTrue(bool(((got.double() - y).abs() <= allowed).all()))

    def test_half_extremes(self):
        one = torch.ones(1, 1, 1, 1)
        for dtype in (torch.float16, torch.bfloat16):
            limits = torch.finfo(dtype)
            tiny = limits.tiny * limits.eps  # the smallest denormal
            values = [0.0, -0.0, limits.max, -limits.max, limits.tiny, tiny, -tiny, float("inf"),
                      -float("inf"), float("nan")]
            x = torch.tensor(values, dtype=dtype).reshape(1, 1, 1, -1)
            y = conv2d.conv2d(x, one.to(dtype))
            self.assertEqual(torch.equal(y[..., :-1], x[..., :-1]), True)
            self.assertTrue(bool(y[..., -1].isnan()))
            doubled = conv2d.conv2d(x, (2 * one).to(dtype))
            self.assertTrue(bool(doubled[0, 0, 0, 2].isposinf() and doubled[0, 0, 0, 3].isneginf()))

    def test_empty(self):
        self.check(torch.zeros(0, 4, 9, 8), self.w, groups=2)

    def test_device_argument(self):
        y = conv2d.conv2d(self.x, self.w, groups=2, device=torch.device("cpu"))
        self.assertTrue(torch.equal(y, functional.conv2d(self.x, self.w, groups=2)))


if __name__ == "__main__":
    unittest.main()
