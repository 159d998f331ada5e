# SPDX-License-Identifier: BSD-2-Clause
"""Runs on devices that do not read the host's memory. Tensors of the host are copied into buffers
of the device and the result back; tensors in Metal memory of others are used in place. A Stage
belongs to a combination of shapes, as a call's structs do."""
from __future__ import annotations

import ctypes
import sys
import threading
import weakref
from typing import Any, List, Optional, Tuple, Union

from ._arrays import Place
from ._library import RunArgs, Tensor, check, fail, lib


def _count_bytes(tensor: Tensor) -> int:
    """Bytes of the elements."""
    n_bytes = int(lib.conv2d_dtype_bytes(tensor.dtype))
    for size in tensor.sizes[:tensor.rank]:
        n_bytes *= max(size, 0)
    return n_bytes


class _Import:
    """The library's buffer over an id<MTLBuffer>, as long as runs use it: no memory is held."""

    def __init__(self, device: Any, native: int, name: str) -> None:
        self.buffer, handle = ctypes.c_void_p(), device.handle
        status = (lib.conv2d_buffer_import(handle, native, ctypes.byref(self.buffer)) if native
                  else lib.conv2d_buffer_create(handle, 0, ctypes.byref(self.buffer)))
        if status:
            fail(status, f"{name}: ")
        # Not in __del__: while that runs, weak references still give the object to other threads.
        weakref.finalize(self, lib.conv2d_buffer_destroy, self.buffer).atexit = False


# One for each id<MTLBuffer>, for all threads: the library sees what overlaps by its own buffers.
_imports: "weakref.WeakValueDictionary[Tuple[int, int], _Import]" = weakref.WeakValueDictionary()
_lock = threading.Lock()


def _import(device: Any, native: int, name: str) -> _Import:
    """The buffer over native; over no bytes for 0, which tensors without elements have."""
    key = (device.handle.value, native)
    with _lock:
        found = _imports.get(key)
        if found is None:
            _imports[key] = found = _Import(device, native, name)
    return found


class _Staged:
    """A host tensor and its twin in a buffer of the device, contiguous in the same order of axes.
    A run writes the host's address into data."""
    data: int

    def __init__(self, device: Any, host: Tensor, channels_last: bool) -> None:
        self.buffer = ctypes.c_void_p()
        self.host, self.tensor = host, Tensor.from_buffer_copy(host)
        self.tensor.data = None
        lib.conv2d_tensor_set_order(ctypes.byref(self.tensor), int(channels_last))
        check(lib.conv2d_buffer_create(device.handle, _count_bytes(host),
                                       ctypes.byref(self.buffer)))
        self.tensor.buffer = self.buffer.value

    def __del__(self, destroy: Any = lib.conv2d_buffer_destroy) -> None:
        destroy(self.buffer)

    def bind(self) -> None:
        """Take the address over."""
        self.host.data = self.data

    def unbind(self) -> None:
        pass

    def load(self) -> None:
        """Copy to the device."""
        check(lib.conv2d_copy_to_device(ctypes.byref(self.host), ctypes.byref(self.tensor)))

    def store(self) -> None:
        """Copy to the host once the run is done."""
        check(lib.conv2d_copy_to_host(ctypes.byref(self.tensor), ctypes.byref(self.host)))


class _InPlace:
    """A tensor in Metal memory of others. A run writes its place into data."""
    data: Place

    def __init__(self, device: Any, tensor: Tensor, name: str) -> None:
        self.device, self.tensor, self.name = device, tensor, name
        self.event = ctypes.c_void_p()
        self.held: Optional[_Import] = None

    def __del__(self, destroy: Any = lib.conv2d_event_destroy) -> None:
        destroy(self.event)

    def bind(self) -> None:
        native, self.tensor.byte_offset = self.data
        self.held = _import(self.device, native, self.name)
        self.tensor.buffer = self.held.buffer.value

    def unbind(self) -> None:
        self.held = None

    def load(self) -> None:
        pass

    def store(self) -> None:
        """Wait for the run, and for it alone: other threads may have theirs under way."""
        status = lib.conv2d_event_wait(self.event)
        if status:  # the device knows what the GPU said, unless another thread has asked
            fail(lib.conv2d_device_sync(self.device.handle) or status)


class Stage:
    """What takes conv2d_run()'s place: start() brings tensors in, runs, brings the result out."""

    def __init__(self, device: Any, args: RunArgs, channels_last: bool, of_torch: bool) -> None:
        self.device, self.args, self.last, self.of_torch = device, args, channels_last, of_torch
        self.sides: List[Union[_Staged, _InPlace]] = []

    def add(self, name: str, tensor: Tensor, in_place: bool) -> Union[_Staged, _InPlace]:
        """A tensor of the run, `name` a member of its args, the output last. Gives what takes its
        address as data."""
        side = (_InPlace(self.device, tensor, "out" if name == "output" else name) if in_place
                else _Staged(self.device, tensor, self.last))
        setattr(self.args, name, ctypes.addressof(side.tensor))
        if name == "output" and isinstance(side, _InPlace):
            check(lib.conv2d_event_create(self.device.handle, ctypes.byref(side.event)))
            self.args.event = side.event.value
        self.sides.append(side)
        return side

    def start(self, handle: int, address: int) -> int:
        """A run with args, which lie at address; its status, once the result is where it belongs.
        """
        if self.of_torch:  # its own queue may still be writing the tensors
            sys.modules["torch"].mps.synchronize()
        try:
            for side in self.sides:
                side.bind()
            for side in self.sides[:-1]:
                side.load()
            status = int(lib.conv2d_run(handle, address))
            if not status:
                self.sides[-1].store()
            return status
        finally:
            for side in self.sides:
                side.unbind()


def fetch(device: Any, tensor: Tensor, place: Place, name: str) -> Tuple[Tensor, Any]:
    """(a contiguous copy in the host's memory, that memory) of a tensor in Metal memory."""
    side, host = _InPlace(device, tensor, name), Tensor.from_buffer_copy(tensor)
    side.data = place
    lib.conv2d_tensor_set_order(ctypes.byref(host), 0)
    memory = ctypes.create_string_buffer(_count_bytes(tensor) + 1)
    host.data = ctypes.addressof(memory)
    if tensor.rank in (1, 3, 4):  # prepack() refuses others by the argument's own name
        side.bind()
        status = lib.conv2d_copy_to_host(ctypes.byref(tensor), ctypes.byref(host))
        if status:
            fail(status, f"{name}: ")
    return host, memory
