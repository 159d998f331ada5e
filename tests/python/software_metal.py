# SPDX-License-Identifier: BSD-2-Clause
"""Software Metal (tests/software_metal) for tests of the Python package: cases in processes of
their own, and producers of __dlpack__ over an id<MTLBuffer>.

The environment variable CONV2D_SOFTWARE_METAL names its library; the processes have it in
CONV2D_METAL_LIBRARY, as a user would. Software Metal ends one that leaks or breaks a rule."""
import ctypes
import os
import subprocess
import sys
import unittest

import numpy as np
from test_dlpack import New

PATH = os.environ.get("CONV2D_SOFTWARE_METAL")
HERE = os.path.dirname(os.path.abspath(__file__))
_START = """if True:
    import gc, os, sys
    sys.path.insert(0, sys.argv[1])
    import conv2d, numpy as np
    from conv2d import _device
    from reference import convolve, integers, strided
    rng = np.random.default_rng(110)
    x, w, b = integers(rng, (2, 4, 9, 8)), integers(rng, (6, 2, 3, 2)), integers(rng, 6)
    options = dict(stride=(2, 1), padding=(1, 0, 2, 1), groups=2)
    expected = convolve(x, w, b, (2, 1), (1, 0, 2, 1), (1, 1), 2)
    def equal(y, wanted=expected):
        assert y.shape == wanted.shape and (y == wanted).all(), y
    layer = conv2d.prepack(w, b, device="metal", **options)
    assert layer.describe(x.shape).count("metal"), layer.describe(x.shape)
    """
_END = """
    del layer
    gc.collect()
    _device._others.clear()
    gc.collect()
    print("done")
    """


@unittest.skipUnless(PATH, "software Metal is not built (CONV2D_SOFTWARE_METAL)")
class Case(unittest.TestCase):
    maxDiff = None
    start = ""  # what the cases of a class share

    def run_code(self, code):
        process = subprocess.run(
            [sys.executable, "-B", "-c", _START + self.start + code + _END, HERE],
            capture_output=True, text=True, check=False, timeout=300,
            env={**os.environ, "CONV2D_METAL_LIBRARY": PATH})
        self.assertEqual((process.returncode, process.stdout, process.stderr), (0, "done\n", ""))


class _Library:
    """The few functions that make buffers, found when the first is made."""

    def __init__(self):
        self.library = ctypes.CDLL(os.environ["CONV2D_METAL_LIBRARY"])
        pointer = ctypes.c_void_p
        self.selector = self.function("sel_registerName", pointer, ctypes.c_char_p)
        self.send = self.function("objc_msgSend", pointer, pointer, pointer)
        self.make = self.function("objc_msgSend", pointer, pointer, pointer, ctypes.c_ulong,
                                  ctypes.c_ulong)
        self.device = self.function("MTLCreateSystemDefaultDevice", pointer)

    def function(self, name, result, *arguments):
        address = ctypes.cast(getattr(self.library, name), ctypes.c_void_p).value
        return ctypes.CFUNCTYPE(result, *arguments)(address)

    def message(self, to, name):
        return self.send(to, self.selector(name))


class Buffer:
    """An id<MTLBuffer>, native, and its memory at address, filled with 0xee; released with it."""
    _library = None

    def __init__(self, n_bytes):
        metal = Buffer._library = Buffer._library or _Library()
        device = metal.device()
        self.native = metal.make(device, metal.selector(b"newBufferWithLength:options:"), n_bytes,
                                 0)
        metal.message(device, b"release")
        self.address = metal.message(self.native, b"contents")
        self.memory = np.ctypeslib.as_array((ctypes.c_ubyte * n_bytes).from_address(self.address))
        self.memory[:] = 0xee

    def __del__(self):
        Buffer._library.message(self.native, b"release")


class MetalTensor(New):
    """A producer of kDLMetal: `array` is a view of the buffer's memory, for the test to look at."""
    device = 8

    def __init__(self, array, buffer, **members):
        super().__init__(array, **{"data": buffer.native, "device_type": 8,
                                   "byte_offset": array.ctypes.data - buffer.address, **members})
        self.buffer = buffer


def place(values, layout="nchw", offset=0, kind=MetalTensor):
    """Values in a Metal tensor, `offset` bytes into its buffer and some before its end. layout:
    "nchw", "nhwc", or "gaps": a window of a larger tensor, its rows reversed."""
    sizes, ends = values.shape, values.ndim * [slice(None)]
    if layout == "gaps":
        sizes = [2 * n + 1 for n in sizes]
        ends = [slice(1, None, 2) for _ in sizes]
        ends[-1] = slice(-2, None, -2)
    elif layout == "nhwc":
        sizes = sizes[:-3] + sizes[-2:] + sizes[-3:-2]
    n_bytes = int(np.prod(sizes)) * values.itemsize
    buffer = Buffer(offset + n_bytes + 12)
    array = buffer.memory[offset:offset + n_bytes].view(values.dtype).reshape(sizes)
    if layout == "nhwc":
        array = np.moveaxis(array, -1, -3)
    array = array[tuple(ends)]
    array[...] = values
    return kind(array, buffer)
