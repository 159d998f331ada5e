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


def integers(*sizes, dtype=None):
    return torch.randint(-8, 9, sizes).to(dtype or torch.float32)


@unittest.skipIf(torch is None, "torch is absent")
class Torch(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        self.x, self.w = integers(2, 4, 9, 8), integers(6, 2, 3, 2)

    def check(self, x, w, b=None, **options):
        expected = functional.conv2d(x, w, b, **options)
        layer = conv2d.prepack(w, b, **options)
        for y in (conv2d.conv2d(x, w, b, **options), layer(x), layer(x)):
            self.assertIs(type(y), torch.Tensor)
            self.assertTrue(torch.equal(y, expected))
            self.assertEqual(y.dtype, expected.dtype)
        return y

    def test_options(self):
        for dtype in (torch.float32, torch.float64):
            x, w, b = self.x.to(dtype), self.w.to(dtype), integers(6, dtype=dtype)
            for options in (dict(), dict(stride=2), dict(stride=(1, 2), padding=(2, 1)),
                            dict(padding="same"), dict(padding="valid", dilation=(2, 1)),
                            dict(padding=3, dilation=2, stride=3)):
                with self.subTest(dtype=dtype, options=options):
                    self.check(x, w, b, groups=2, **options)
                    self.check(x[0], w, groups=2, **options)

    def test_strides(self):
        last = self.x.contiguous(memory_format=torch.channels_last)
        y = self.check(last, self.w, groups=2, padding=1)
        self.assertTrue(y.is_contiguous(memory_format=torch.channels_last))
        y = self.check(self.x, self.w, groups=2, padding=1)
        self.assertTrue(y.is_contiguous())
        w_last = self.w.contiguous(memory_format=torch.channels_last)
        host = integers(3, 9, 20, 19)
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
                (TypeError, "bfloat16: this version computes", self.x.bfloat16()),
                (TypeError, "float16: this version computes", self.x.half()),
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

    def test_empty(self):
        self.check(torch.zeros(0, 4, 9, 8), self.w, groups=2)

    def test_device_argument(self):
        y = conv2d.conv2d(self.x, self.w, groups=2, device=torch.device("cpu"))
        self.assertTrue(torch.equal(y, functional.conv2d(self.x, self.w, groups=2)))


if __name__ == "__main__":
    unittest.main()
