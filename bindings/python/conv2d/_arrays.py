# SPDX-License-Identifier: BSD-2-Clause
"""Arrays of several kinds as conv2d_tensor, without copies, and outputs of the same kind.

A kind is a class with five static functions; kind_of() finds it by the array's type. read() is
called on every run and does little: it gives a hashable key of what the memory looks like, its
address, and what must stay alive meanwhile. describe() turns a key into a conv2d_tensor, once for
each key.

Tensors in the memory of a Metal GPU have a fourth entry in their key, the device in words, and the
pair (id<MTLBuffer>, offset in bytes) for an address."""
from __future__ import annotations

import ctypes
import sys
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy

from ._library import Tensor

DTYPES = {"float32": 1, "float64": 2, "float16": 3, "bfloat16": 4, "int8": 5, "uint8": 6,
           "int32": 7}
_N_AXES = 4  # entries of conv2d_tensor.sizes
Key = Tuple[Any, ...]  # what a kind makes of an array: hashable
Place = Tuple[int, int]  # id<MTLBuffer>, offset in bytes


def metal_device(key: Optional[Key]) -> str:
    """The Metal device that a key's array is on, in words; "" for memory of the host or None."""
    return str(key[3]) if key and len(key) > 3 else ""


def check_on_host(key: Optional[Key], name: str) -> None:
    """Refuse an array on a Metal device, for a device that reads the host's memory."""
    where = metal_device(key)
    if where:
        raise ValueError(f'{name} is on {where}: expected memory of the CPU, or device="metal"')


def _dtype_code(dtype: str, name: str) -> int:
    code = DTYPES.get(dtype)
    if code is None:
        raise TypeError(f"{name} has dtype {dtype}: expected float32, float16, "
                        f"bfloat16 or float64")
    return code


def make_tensor(code: int, sizes: Tuple[int, ...], strides: Tuple[int, ...], name: str) -> Tensor:
    """Description without data. Ranks that no tensor has are left to the library, but for 0, which
    it would take as absent."""
    if not sizes:
        raise ValueError(f"{name} has rank 0: expected a tensor with axes")
    tensor = Tensor(struct_size=ctypes.sizeof(Tensor), dtype=code, rank=len(sizes))
    n = min(len(sizes), _N_AXES)
    tensor.sizes[:n] = sizes[:n]
    tensor.strides[:n] = strides[:n]
    return tensor


def is_channels_last(sizes: Sequence[int], strides: Sequence[int]) -> bool:
    """PyTorch's rule (is_channels_last_strides_2d) for rank 3 and 4 and any sign of stride. Axes
    that NumPy's newaxis made (size 1, stride 0) and an expanded batch say nothing."""
    channel, row, column = range(len(sizes) - 3, len(sizes))
    smallest = abs(strides[channel])
    if smallest == 0 or 0 in sizes:
        return False
    least = smallest * sizes[channel]
    for axis in (column, row):
        stride = abs(strides[axis])
        if sizes[axis] == 1 and stride == 0:
            continue
        if stride < least:
            return False
        least = stride * sizes[axis]
    if least == smallest:
        return False  # a single element: it lies in any order
    return len(sizes) == 3 or sizes[0] == 1 or strides[0] == 0 or abs(strides[0]) >= least


def _last_to_first(rank: int) -> Tuple[int, ...]:
    """Axes that turn an array of N H W C into N C H W."""
    return (0, 3, 1, 2) if rank == 4 else (2, 0, 1)


def _channels_to_end(sizes: Tuple[int, ...]) -> Tuple[int, ...]:
    return sizes[:-3] + sizes[-2:] + sizes[-3:-2]


_NO_BYTES = ctypes.c_char * 0  # takes a buffer of any size


class NumPyKind:
    """numpy.ndarray; key (sizes, strides in bytes, dtype)."""

    @staticmethod
    def read(array: Any, name: str) -> Tuple[Key, int, Any]:
        key = (array.shape, array.strides, array.dtype)
        if array.flags.carray:  # contiguous and writeable: a buffer, in a quarter of the time
            try:
                held = _NO_BYTES.from_buffer(array)
                return key, ctypes.addressof(held), held
            except ValueError:  # a dtype that buffers cannot tell, such as bfloat16
                pass
        interface = array.__array_interface__
        return key, interface["data"][0], interface

    @staticmethod
    def describe(key: Key, name: str) -> Tensor:
        sizes, strides, dtype = key
        if not dtype.isnative:
            raise TypeError(f"{name} has dtype {dtype.str}: expected this machine's byte order")
        code = _dtype_code(dtype.name, name)
        for stride in strides:
            if stride % dtype.itemsize:
                raise ValueError(f"{name} has strides of {strides} bytes: expected multiples of "
                                 f"the element's {dtype.itemsize}")
        return make_tensor(code, sizes, tuple(s // dtype.itemsize for s in strides), name)

    @staticmethod
    def check_output(array: Any) -> None:
        if not array.flags.writeable:
            raise ValueError("out is read-only: expected an array that can be written")

    @staticmethod
    def allocate(key: Key, sizes: Tuple[int, ...], channels_last: bool) -> Tuple[Any, int]:
        if channels_last:
            array = numpy.empty(_channels_to_end(sizes), key[2])
            array = array.transpose(_last_to_first(len(sizes)))
        else:
            array = numpy.empty(sizes, key[2])
        return array, array.__array_interface__["data"][0]

    @staticmethod
    def deliver(output: Any, like: Any) -> Any:
        return output


def _mps_place(array: Any) -> Place:
    """Where a torch tensor on "mps" lies. The storage's address is the id<MTLBuffer>; data_ptr() of
    a tensor with an offset, which torch's capsules hold, is none."""
    return (array.untyped_storage().data_ptr(), array.storage_offset() * array.element_size())


class TorchKind:
    """torch.Tensor; key (sizes, strides in elements, torch.dtype)."""

    @staticmethod
    def read(array: Any, name: str) -> Tuple[Key, Any, Any]:
        if array.requires_grad and sys.modules["torch"].is_grad_enabled():
            raise ValueError(f"{name} requires grad, and conv2d computes no gradients: expected a "
                             f"call under torch.no_grad(), or {name}.detach()")
        on_host = array.is_cpu
        if not (on_host or array.is_mps):
            raise ValueError(f"{name} is on {array.device}: expected a tensor on the CPU or mps")
        if array.is_neg():
            raise ValueError(f"{name} has its negative bit set: expected {name}.resolve_neg()")
        try:
            if on_host:
                return (array.shape, array.stride(), array.dtype), array.data_ptr(), array
            key = (array.shape, array.stride(), array.dtype, str(array.device))
            return key, _mps_place(array), array
        except RuntimeError as error:
            raise TypeError(f"{name} has layout {array.layout}: expected a tensor with strides "
                            f"and memory ({error})") from None

    @staticmethod
    def describe(key: Key, name: str) -> Tensor:
        sizes, strides, dtype = key[:3]
        code = _dtype_code(str(dtype).replace("torch.", ""), name)
        return make_tensor(code, tuple(sizes), strides, name)

    @staticmethod
    def check_output(array: Any) -> None:
        pass

    @staticmethod
    def allocate(key: Key, sizes: Tuple[int, ...], channels_last: bool) -> Tuple[Any, Any]:
        empty = sys.modules["torch"].empty
        where = metal_device(key)
        if channels_last:
            array = empty(_channels_to_end(sizes), dtype=key[2], device=where or "cpu")
            array = array.permute(_last_to_first(len(sizes)))
        else:
            array = empty(sizes, dtype=key[2], device=where or "cpu")
        return array, _mps_place(array) if where else array.data_ptr()

    @staticmethod
    def deliver(output: Any, like: Any) -> Any:
        return output


class _DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


class _DLManagedTensorVersioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32), ("minor", ctypes.c_uint32), ("manager", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p), ("flags", ctypes.c_uint64), ("tensor", _DLTensor)]


_DL_CPU = 1
_DL_METAL = 8
_DL_DEVICES = {2: " (CUDA)", 3: " (CUDA host memory)", 4: " (OpenCL)", 7: " (Vulkan)",
               8: " (Metal)", 10: " (ROCm)", 13: " (CUDA managed memory)", 14: " (oneAPI)"}
_DL_READ_ONLY = 1
_DL_MAJOR = 1
_DL_BFLOAT = 4
_DL_CODES = {0: "int", 1: "uint", 2: "float", _DL_BFLOAT: "bfloat", 5: "complex", 6: "bool"}

_capsule_is = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_IsValid", ctypes.pythonapi))
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi))


def _capsule(array: Any) -> Any:
    """Capsule of the newest version that the producer knows; only these know read-only memory."""
    try:
        return array.__dlpack__(max_version=(_DL_MAJOR, 0))
    except TypeError:
        return array.__dlpack__()


def _open_capsule(capsule: Any, name: str) -> Tuple[_DLTensor, bool]:
    """The tensor in a capsule and whether it is read-only. The capsule is left as it is: kept alive
    during the call, then it frees the tensor itself."""
    if _capsule_is(capsule, b"dltensor_versioned"):
        managed = _DLManagedTensorVersioned.from_address(
            _capsule_pointer(capsule, b"dltensor_versioned"))
        if managed.major != _DL_MAJOR:
            raise TypeError(f"{name}.__dlpack__() is of version {managed.major}: expected "
                            f"{_DL_MAJOR}")
        return managed.tensor, bool(managed.flags & _DL_READ_ONLY)
    if _capsule_is(capsule, b"dltensor"):
        return _DLTensor.from_address(_capsule_pointer(capsule, b"dltensor")), False
    raise TypeError(f"{name}.__dlpack__() gave {capsule!r}: expected a capsule 'dltensor'")


def _check_device(number: int, name: str) -> None:
    if number not in (_DL_CPU, _DL_METAL):
        raise ValueError(f"{name} is on DLPack device {number}{_DL_DEVICES.get(number, '')}: "
                         f"expected 1, memory of the CPU, or 8 (Metal)")


class Bfloat16Bits:
    """A producer of bfloat16 over a NumPy array of its bits: NumPy itself has no such dtype."""

    def __init__(self, bits: Any) -> None:
        self.bits = bits

    def __dlpack_device__(self) -> Tuple[int, int]:
        return (_DL_CPU, 0)

    def __dlpack__(self, **options: Any) -> Any:
        try:
            capsule = self.bits.__dlpack__(**options)
        except TypeError:  # NumPy before 2.1 makes unversioned capsules, without options
            capsule = self.bits.__dlpack__()
        _open_capsule(capsule, "output")[0].code = _DL_BFLOAT  # same bits, lanes, deleter
        return capsule


def _find_from_dlpack(like: Any) -> Any:
    """from_dlpack of the module of an array, or None."""
    find_module = getattr(like, "__array_namespace__", None)
    module = find_module() if find_module else sys.modules.get(
        type(like).__module__.partition(".")[0])
    return getattr(module, "from_dlpack", None)


class DLPackKind:
    """Any other producer of __dlpack__; key (sizes, strides in elements, name of the dtype)."""

    @staticmethod
    def read(array: Any, name: str) -> Tuple[Key, Any, Any]:
        _check_device(int(array.__dlpack_device__()[0]), name)
        capsule = _capsule(array)
        tensor, _ = _open_capsule(capsule, name)
        _check_device(tensor.device_type, name)
        sizes = tuple(tensor.shape[:tensor.ndim])
        if tensor.strides:
            strides = tuple(tensor.strides[:tensor.ndim])
        else:
            steps = [1]
            for size in reversed(sizes[1:]):
                steps.insert(0, steps[0] * size)
            strides = tuple(steps[:len(sizes)])
        kind = _DL_CODES.get(tensor.code, f"of DLPack code {tensor.code}, ")
        dtype = f"{kind}{tensor.bits}" + (f"x{tensor.lanes}" if tensor.lanes != 1 else "")
        data, offset = tensor.data or 0, tensor.byte_offset
        if tensor.device_type == _DL_METAL:
            return (sizes, strides, dtype, "DLPack device 8 (Metal)"), (data, offset), capsule
        return (sizes, strides, dtype), data + offset, capsule

    @staticmethod
    def describe(key: Key, name: str) -> Tensor:
        sizes, strides, dtype = key[:3]
        return make_tensor(_dtype_code(dtype, name), sizes, strides, name)

    @staticmethod
    def check_output(array: Any) -> None:
        if _open_capsule(_capsule(array), "out")[1]:
            raise ValueError("out is read-only: expected an array that can be written")

    @staticmethod
    def allocate(key: Key, sizes: Tuple[int, ...], channels_last: bool) -> Tuple[Any, int]:
        if metal_device(key):
            raise ValueError(f"out is None, and input is on {metal_device(key)}, where only torch "
                             f"makes tensors: expected out")
        dtype = numpy.uint16 if key[2] == "bfloat16" else key[2]
        array, address = NumPyKind.allocate((None, None, dtype), sizes, channels_last)
        return Bfloat16Bits(array) if key[2] == "bfloat16" else array, address

    @staticmethod
    def deliver(output: Any, like: Any) -> Any:
        """A NumPy output in the kind of `like`, where its module can take one."""
        from_dlpack = _find_from_dlpack(like)
        if from_dlpack is not None:
            return from_dlpack(output)
        if not isinstance(output, Bfloat16Bits):
            return output
        extension = sys.modules.get("ml_dtypes")
        return output if extension is None else output.bits.view(extension.bfloat16)


_kinds: Dict[type, Any] = {numpy.ndarray: NumPyKind}


def find_kind(array: Any, name: str) -> Any:
    """The kind of an array of a type not met before; remembered by its type."""
    torch = sys.modules.get("torch")
    if isinstance(array, numpy.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, and conv2d knows no masks: expected "
                        f"{name}.filled(value)")
    if isinstance(array, numpy.ndarray):
        kind: Any = NumPyKind
    elif torch is not None and isinstance(array, getattr(torch, "Tensor", ())):
        kind = TorchKind
    elif hasattr(array, "__dlpack__") and hasattr(array, "__dlpack_device__"):
        kind = DLPackKind
    else:
        raise TypeError(f"{name} is of type {type(array).__name__}: expected a NumPy array, a "
                        f"torch tensor, or an object with __dlpack__")
    _kinds[type(array)] = kind
    return kind


def kind_of(array: Any, name: str) -> Any:
    """The kind of an array argument, or TypeError."""
    return _kinds.get(type(array)) or find_kind(array, name)
