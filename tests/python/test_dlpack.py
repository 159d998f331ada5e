# SPDX-License-Identifier: BSD-2-Clause
"""Producers of __dlpack__ that are neither NumPy's nor torch's: fakes, capsules made by hand."""
import ctypes
import gc
import sys
import types
import unittest
import unittest.mock
import weakref

import conv2d
import numpy as np
from conv2d import _arrays
from reference import convolve, integers

_new_capsule = ctypes.PYFUNCTYPE(
    ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
        ("PyCapsule_New", ctypes.pythonapi))
_CODES = {"f": 2, "i": 0, "u": 1}


class Managed(ctypes.Structure):  # DLManagedTensor, the unversioned one
    _fields_ = [("tensor", _arrays._DLTensor), ("context", ctypes.c_void_p),
                ("deleter", ctypes.c_void_p)]


class Old:
    """A producer of unversioned capsules over a NumPy array, as JAX and CuPy were."""
    name, struct, options = b"dltensor", Managed, {}
    device = 1

    def __init__(self, array, strides=True, offset=0, **members):
        self.array, self.members, self.alive = array, members, []
        self.strides, self.offset = strides, offset

    def __dlpack_device__(self):
        return (self.device, 0)

    def __dlpack__(self, stream=None):
        return self.capsule()

    def capsule(self):
        array = self.array
        managed = self.struct(**self.options)
        tensor = managed.tensor
        tensor.data, tensor.byte_offset = array.ctypes.data - self.offset, self.offset
        tensor.device_type, tensor.ndim = 1, array.ndim
        tensor.code, tensor.bits = _CODES[array.dtype.kind], array.itemsize * 8
        tensor.lanes = 1
        sizes = (ctypes.c_int64 * array.ndim)(*array.shape)
        strides = (ctypes.c_int64 * array.ndim)(*(s // array.itemsize for s in array.strides))
        tensor.shape = ctypes.cast(sizes, type(tensor.shape))
        if self.strides:
            tensor.strides = ctypes.cast(strides, type(tensor.strides))
        for name, value in self.members.items():
            setattr(tensor, name, value)
        self.alive.append((managed, sizes, strides))
        return _new_capsule(ctypes.addressof(managed), self.name, None)


class New(Old):
    """A producer of versioned capsules."""
    name, struct = b"dltensor_versioned", _arrays._DLManagedTensorVersioned
    options = {"major": 1, "minor": 1}

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        assert max_version >= (1, 0)
        return self.capsule()


class ReadOnly(New):
    options = {"major": 1, "flags": 1}


class Future(New):
    options = {"major": 2}


class Gpu(New):
    device = 2


class WithNamespace(New):
    """Its module takes arrays back, as array-API libraries do."""
    @staticmethod
    def from_dlpack(producer):
        return WithNamespace(np.from_dlpack(producer))

    def __array_namespace__(self):
        return WithNamespace


def to_bfloat16(values):
    """Bits of values that bfloat16 holds exactly."""
    return (np.ascontiguousarray(values, "f4").view("u4") >> 16).astype("u2")


def from_bfloat16(bits):
    return (bits.astype("u4") << 16).view("f4")


class Bfloat16(New):
    """A JAX-like producer: immutable, bfloat16 by its bits, with from_dlpack in its module."""
    options = {"major": 1, "flags": 1}

    def __init__(self, array, **members):
        super().__init__(array, code=4, **members)

    @staticmethod
    def from_dlpack(producer):
        capsule = producer.__dlpack__(max_version=(1, 1))
        tensor, _ = _arrays._open_capsule(capsule, "it")
        assert (tensor.code, tensor.bits, tensor.lanes) == (4, 16, 1)
        assert producer.__dlpack_device__() == (1, 0)
        bits = [tensor.shape[i] for i in range(tensor.ndim)]
        count = int(np.prod(bits))
        if tensor.strides:  # NumPy before 2.0 leaves them out for contiguous arrays
            assert [tensor.strides[i] for i in range(tensor.ndim)] == \
                [int(np.prod(bits[i + 1:])) for i in range(tensor.ndim)]
        held = (ctypes.c_uint16 * count).from_address(tensor.data + tensor.byte_offset)
        return Bfloat16(np.array(held, "u2").reshape(bits))

    def __array_namespace__(self):
        return Bfloat16


class Bfloat16Alone(New):
    """The same without from_dlpack."""
    def __init__(self, array):
        super().__init__(array, code=4)


class DLPack(unittest.TestCase):
    def setUp(self):
        rng = np.random.default_rng(30)
        self.x, self.w = integers(rng, (2, 3, 7, 8)), integers(rng, (4, 3, 3, 3))
        self.expected = convolve(self.x, self.w)

    def test_values(self):
        for kind in (Old, New, ReadOnly):
            with self.subTest(kind=kind.__name__):
                for y in (conv2d.conv2d(kind(self.x), kind(self.w)),
                          conv2d.conv2d(kind(self.x, strides=False), self.w),
                          conv2d.conv2d(kind(self.x, offset=12), self.w),
                          conv2d.conv2d(kind(np.asfortranarray(self.x)), self.w),
                          conv2d.prepack(kind(self.w))(kind(self.x))):
                    self.assertIs(type(y), np.ndarray)
                    np.testing.assert_array_equal(y, self.expected)

    def test_result_in_the_producers_kind(self):
        for y in (conv2d.conv2d(WithNamespace(self.x), self.w),
                  conv2d.prepack(self.w)(WithNamespace(self.x))):
            self.assertIs(type(y), WithNamespace)
            np.testing.assert_array_equal(y.array, self.expected)
        sys.modules[__name__].from_dlpack = WithNamespace.from_dlpack
        try:  # found in the module of the type
            self.assertIs(type(conv2d.conv2d(Old(self.x), self.w)), WithNamespace)
        finally:
            del sys.modules[__name__].from_dlpack

    def test_outputs(self):
        for kind in (Old, New):
            out = kind(np.zeros(self.expected.shape, "f4"))
            self.assertIs(conv2d.conv2d(self.x, self.w, out=out), out)
            np.testing.assert_array_equal(out.array, self.expected)
        out = ReadOnly(np.zeros(self.expected.shape, "f4"))
        for call in (conv2d.conv2d, lambda x, w, out: conv2d.prepack(w).run(x, out=out)):
            with self.assertRaisesRegex(ValueError, "out is read-only"):
                call(self.x, self.w, out=out)
        self.assertFalse(out.array.any())

    def test_refusals(self):
        x, w = self.x, self.w
        for exception, words, producer in (
                (ValueError, r"input is on DLPack device 2 \(CUDA\): expected 1", Gpu(x)),
                (ValueError, "DLPack device 2", New(x, device_type=2)),
                (TypeError, "of version 2", Future(x)),
                (TypeError, "float16", New(x, bits=16)),
                (TypeError, "bfloat16", New(x, bits=16, code=4)),
                (TypeError, "float32x4", New(x, lanes=4)),
                (TypeError, "int64", New(x.astype("i8"))),
                (TypeError, "DLPack code 17, 32", New(x, code=17)),
                (ValueError, "rank 0", New(x, ndim=0))):
            for call in (conv2d.conv2d, lambda x, w: conv2d.prepack(w)(x)):
                with self.assertRaisesRegex(exception, words):
                    call(producer, w)

    def test_bfloat16(self):
        x, w = to_bfloat16(self.x), to_bfloat16(self.w)
        for call in (lambda x, w: conv2d.conv2d(x, w), lambda x, w: conv2d.prepack(w)(x)):
            y = call(Bfloat16(x), Bfloat16(w))
            self.assertIs(type(y), Bfloat16)
            self.check_bfloat16(y.array)
            out = Bfloat16Alone(np.zeros(self.expected.shape, "u2"))
            self.assertIs(conv2d.conv2d(Bfloat16(x), Bfloat16(w), out=out), out)
            self.check_bfloat16(out.array)
        for name in ("ml_dtypes", "numpy"):  # with ml_dtypes and without
            module = types.SimpleNamespace(bfloat16=np.dtype("u2"))
            with unittest.mock.patch.dict(sys.modules, {"ml_dtypes": module}):
                if name == "numpy":
                    del sys.modules["ml_dtypes"]
                y = conv2d.conv2d(Bfloat16Alone(x), Bfloat16(w))
            self.assertEqual(hasattr(y, "__dlpack__") and type(y).__name__,
                             "ndarray" if name == "ml_dtypes" else "Bfloat16Bits")
            self.check_bfloat16(y if name == "ml_dtypes" else Bfloat16.from_dlpack(y).array)
        if "torch" in sys.modules:
            taken = sys.modules["torch"].from_dlpack(y)
            self.assertEqual(str(taken.dtype), "torch.bfloat16")
            np.testing.assert_array_equal(taken.float().numpy(), from_bfloat16(y.bits))

    def check_bfloat16(self, bits):
        """Small integers: the exact sum, rounded once."""
        got = from_bfloat16(bits)
        self.assertEqual(got.shape, self.expected.shape)
        self.assertTrue((abs(got - self.expected) <= 2.0 ** -8 * abs(self.expected)).all())

    def test_ml_dtypes(self):
        try:
            import ml_dtypes
        except ImportError:
            self.skipTest("ml_dtypes is absent")
        x, w = (a.astype(ml_dtypes.bfloat16) for a in (self.x, self.w))
        for y in (conv2d.conv2d(x, w), conv2d.prepack(w)(x[:, :, ::-1][:, :, ::-1])):
            self.assertEqual((type(y), y.dtype), (np.ndarray, x.dtype))
            np.testing.assert_array_equal(y, self.expected.astype(ml_dtypes.bfloat16))

    def test_float16_producers(self):
        x, w = self.x.astype("f2"), self.w.astype("f2")
        for kind in (Old, New, ReadOnly):
            y = conv2d.conv2d(kind(x), kind(w))
            self.assertEqual((type(y), y.dtype), (np.ndarray, np.dtype("f2")))
            np.testing.assert_array_equal(y, self.expected.astype("f2"))

    def test_no_capsule(self):
        class Liar(Old):
            def __dlpack__(self):
                return 7
        with self.assertRaisesRegex(TypeError, "expected a capsule"):
            conv2d.conv2d(Liar(self.x), self.w)

    def test_numpys_own_producer_is_freed(self):
        class Wrapped:
            def __init__(self, array):
                self.__dlpack__, self.__dlpack_device__ = array.__dlpack__, array.__dlpack_device__

        class Host(np.ndarray):
            pass
        host = self.x.copy().view(Host)
        gone = weakref.ref(host)
        y = conv2d.conv2d(Wrapped(host[...]), self.w)
        np.testing.assert_array_equal(y, self.expected)
        del host
        gc.collect()
        self.assertIsNone(gone())


if __name__ == "__main__":
    unittest.main()
