# SPDX-License-Identifier: BSD-2-Clause
"""torch.ops.conv2d.run: values, the fake kernel, torch.compile and torch.export."""
import unittest
import warnings

try:
    import torch
    from torch.nn import functional
except ImportError:
    torch = None
else:
    import conv2d.torch

SEED = 60


def integers(*sizes):
    return torch.randint(-8, 9, sizes).float()


def call(x, w):
    return torch.ops.conv2d.run(x, w, None, [2, 1], [1], [1, 1], 2, activation="relu") * 2


def expected(x, w):
    return functional.conv2d(x, w, None, (2, 1), 1, 1, 2).relu() * 2


@unittest.skipIf(torch is None, "torch is absent")
class Operator(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(SEED)
        warnings.simplefilter("ignore")
        self.x, self.w = integers(2, 4, 9, 8), integers(6, 2, 3, 2)
        self.last = self.x.contiguous(memory_format=torch.channels_last)

    def test_values(self):
        for x in (self.x, self.last, self.x[0]):
            self.assertTrue(torch.equal(call(x, self.w), expected(x, self.w)))

    def test_fake_kernel_agrees(self):
        for x, padding in ((self.x, [1]), (self.last, [0, 2]), (self.x[0], [1, 0, 2, 1]),
                           (self.x[:, :, ::2], [2]), (self.x[:0], [1]), (self.last[:1], [1])):
            arguments = (x, self.w, integers(6), [1, 2], padding, [2, 1], 2)
            torch.library.opcheck(torch.ops.conv2d.run.default, arguments, test_utils=(
                "test_schema", "test_faketensor", "test_aot_dispatch_dynamic"))

    def test_compile(self):
        compiled = torch.compile(call, backend="aot_eager", fullgraph=True)
        for x in (self.x, self.last, integers(3, 4, 11, 8), integers(5, 4, 12, 9)):
            self.assertTrue(torch.equal(compiled(x, self.w), expected(x, self.w)))

    def test_export(self):
        class Layer(torch.nn.Module):
            def forward(self, x, w):
                return call(x, w)
        batch = torch.export.Dim("batch", min=2)
        program = torch.export.export(Layer(), (self.x, self.w),
                                      dynamic_shapes=({0: batch}, None))
        for x in (self.x, integers(7, 4, 9, 8)):
            self.assertTrue(torch.equal(program.module()(x, self.w), expected(x, self.w)))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"params\.stride\[0\] \(y\) is 0"):
            torch.ops.conv2d.run(self.x, self.w, None, [0, 1])
        with self.assertRaisesRegex(TypeError, "int16"):
            torch.ops.conv2d.run(self.x.short(), self.w.short(), groups=2)
        with self.assertRaises((ValueError, RuntimeError)):
            torch.ops.conv2d.run(self.x.requires_grad_(), self.w, groups=2).sum().backward()


if __name__ == "__main__":
    unittest.main()
