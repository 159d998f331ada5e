# SPDX-License-Identifier: BSD-2-Clause
"""torch.ops.conv2d.run and .prepack: values, fake kernels, torch.compile and torch.export, contexts
as tensors."""
import copy
import gc
import io
import os
import pickle
import tempfile
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


OPTIONS = ([2, 1], [1, 0, 2, 1], [1, 2], 2)


def pack(w, b=None):
    return torch.ops.conv2d.prepack(w, b, *OPTIONS, activation="relu")


def unpacked(x, w, b=None):
    """What torch makes of OPTIONS, in float64."""
    padded = functional.pad(x.double(), (0, 1, 1, 2))
    b = None if b is None else b.double()
    return functional.conv2d(padded, w.double(), b, (2, 1), 0, (1, 2), 2).relu()


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


@unittest.skipIf(torch is None, "torch is absent")
class Contexts(unittest.TestCase):
    """A context crosses as two tensors."""
    def setUp(self):
        torch.manual_seed(SEED)
        warnings.simplefilter("ignore")
        self.x, self.w, self.b = integers(2, 4, 9, 8), integers(6, 2, 3, 2), integers(6)
        self.expected = unpacked(self.x, self.w, self.b)
        self.packed = pack(self.w, self.b)

    def module(self):
        class Layer(torch.nn.Module):
            def __init__(self, packed):
                super().__init__()
                for i, tensor in enumerate(packed):
                    self.register_buffer(f"packed_{i}", tensor)

            def forward(self, x):
                return torch.ops.conv2d.run(x, [self.packed_0, self.packed_1]) * 2
        return Layer(self.packed)

    def check(self, function, x=None):
        x = self.x if x is None else x
        self.assertTrue(torch.equal(function(x).double(), 2 * unpacked(x, self.w, self.b)))

    def test_values(self):
        for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
            packed = pack(self.w.to(dtype), self.b.to(dtype))
            self.assertEqual([t.dtype for t in packed], [torch.uint8, dtype])
            self.assertEqual(tuple(packed[1].shape),
                             (0, 6, 2, 3, 2, 2, 1, 1, 0, 2, 1, 1, 2, 2))
            for x in (self.x, self.x.contiguous(memory_format=torch.channels_last), self.x[0]):
                y = torch.ops.conv2d.run(x.to(dtype), packed)
                self.assertEqual(y.dtype, dtype)
                self.assertTrue(torch.equal(y, unpacked(x, self.w, self.b).to(dtype)))
        residual = integers(*self.expected.shape)
        y = torch.ops.conv2d.run(self.x, self.packed, residual)
        one_shot = torch.ops.conv2d.run(self.x, self.w, self.b, *OPTIONS, residual,
                                        activation="relu")
        self.assertTrue(torch.equal(y, one_shot))

    def test_fake_kernels_agree(self):
        tests = ("test_schema", "test_faketensor")
        arguments = (self.w, self.b, *OPTIONS)
        torch.library.opcheck(torch.ops.conv2d.prepack.default, arguments, test_utils=tests)
        for x in (self.x, self.x.contiguous(memory_format=torch.channels_last), self.x[0],
                  self.x[:0]):
            torch.library.opcheck(torch.ops.conv2d.run.context, (x, self.packed),
                                  test_utils=tests + ("test_aot_dispatch_dynamic",))

    def test_compile(self):
        compiled = torch.compile(self.module(), backend="aot_eager", fullgraph=True)
        for x in (self.x, self.x.contiguous(memory_format=torch.channels_last),
                  integers(3, 4, 11, 8), integers(5, 4, 12, 9)):
            self.check(compiled, x)

        def both(x, w, b):
            return torch.ops.conv2d.run(x, pack(w, b)) * 2
        compiled = torch.compile(both, backend="aot_eager", fullgraph=True)
        self.check(lambda x: compiled(x, self.w, self.b))

    def test_export(self):
        batch = torch.export.Dim("batch", min=2)
        program = torch.export.export(self.module(), (self.x,), dynamic_shapes=({0: batch},))
        file = io.BytesIO()
        torch.export.save(program, file)
        file.seek(0)
        for exported in (program, torch.export.load(file)):
            for x in (self.x, integers(7, 4, 9, 8)):
                self.check(exported.module(), x)

    def test_copied_and_pickled(self):
        module = self.module()
        saved = io.BytesIO()
        torch.save(module.state_dict(), saved)
        saved.seek(0)
        other = self.module()
        other.packed_0 = torch.zeros_like(other.packed_0)
        other.load_state_dict(torch.load(saved))  # copies into the buffers in place
        for again in (copy.deepcopy(module), other):
            self.check(again)
        copied = pickle.loads(pickle.dumps(self.packed))
        self.check(lambda x: torch.ops.conv2d.run(x, copied) * 2)

    def test_made_once_and_freed(self):
        from conv2d import torch as operators
        copied = [t.clone() for t in self.packed]
        del self.packed
        gc.collect()
        before = len(operators._contexts)
        torch.ops.conv2d.run(self.x, copied)
        kept = operators._find(copied)
        for _ in range(3):
            torch.ops.conv2d.run(self.x, copied)
            self.assertIs(operators._find(copied), kept)
        self.assertEqual(kept.info()["times_packed"], 1)
        self.assertEqual(len(operators._contexts), before + 1)
        del copied, kept
        gc.collect()
        self.assertEqual(len(operators._contexts), before)

    def test_any_context(self):
        """Of a file, or with "same" padding, which the operator's integers cannot say."""
        layer = conv2d.prepack(self.w, self.b, padding="same", dilation=(2, 1), groups=2)
        expected = layer(self.x)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.conv2d")
            layer.save(path)
            layer = conv2d.load(path)
        packed = conv2d.torch.to_tensors(layer)
        self.assertEqual(tuple(packed[1].shape), (0, 6, 2, 3, 2, 1, 1, 2, 0, 2, 1, 2, 1, 2))
        self.assertTrue(torch.equal(torch.ops.conv2d.run(self.x, packed), expected))
        torch.library.opcheck(torch.ops.conv2d.run.context, (self.x, packed),
                              test_utils=("test_schema", "test_faketensor"))

    def test_refusals(self):
        data, geometry = self.packed
        for words, packed in (("not what", [data]), ("not what", []), ("not what", [geometry] * 2),
                              ("not what", [data[:31], geometry]),
                              ("sizes of another", [data, geometry[None]]),
                              ("damaged", [data.flip(0), geometry]),
                              ("damaged", [data[:-1].clone() + 1, geometry])):
            with self.assertRaisesRegex(ValueError, words):
                torch.ops.conv2d.run(self.x, packed)
        with self.assertRaisesRegex(ValueError, "channels"):
            torch.ops.conv2d.run(self.x[:, :3], self.packed)
        with self.assertRaisesRegex(ValueError, "groups"):
            torch.ops.conv2d.prepack(self.w, groups=7)
        with self.assertRaises((ValueError, RuntimeError)):
            torch.ops.conv2d.run(self.x.requires_grad_(), self.packed).sum().backward()


if __name__ == "__main__":
    unittest.main()
