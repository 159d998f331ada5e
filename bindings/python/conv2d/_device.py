# SPDX-License-Identifier: BSD-2-Clause
"""Devices: the process's CPU device, its number of threads, and what info() says."""
from __future__ import annotations

import ctypes
import threading
from typing import Any, Dict, Optional

from . import _library
from ._library import DeviceInfo, DeviceOptions, KernelInfo, check, encode, fail, lib, read_text
from ._options import integer


class Device:
    """An open device; closed with its last reference. (What was made on it keeps what it needs.)"""

    def __init__(self, name: str, n_threads: int = 0) -> None:
        self.handle = ctypes.c_void_p()
        options = DeviceOptions(struct_size=ctypes.sizeof(DeviceOptions), n_threads=n_threads)
        status = lib.conv2d_device_open(encode(name, "device"), ctypes.byref(options),
                                        ctypes.byref(self.handle))
        if status:
            fail(status)
        self.reads_host = lib.conv2d_device_name(self.handle) == b"cpu"

    def __del__(self, close: Any = lib.conv2d_device_close) -> None:
        close(self.handle)


_lock = threading.Lock()
_default: Optional[Device] = None
_others: Dict[str, Device] = {}  # devices asked for by name, which keep their wisdom


def default_device() -> Device:
    """The CPU device of the process, opened by its first user."""
    global _default
    device = _default
    if device is None:
        with _lock:
            if _default is None:
                _default = Device("cpu")
            device = _default
    return device


def find_device(device: Any) -> Device:
    """The device of an argument: None, "cpu" and "auto" are the process's own; a torch.device is
    taken by its text, and "mps" is torch's name of "metal". The library refuses others in words."""
    if device is None:
        return default_device()
    name = str(device)
    if name in ("mps", "mps:0"):
        name = "metal"
    if name in ("cpu", "auto"):
        return default_device()
    with _lock:
        if name not in _others:
            _others[name] = Device(name)
        return _others[name]


def set_num_threads(n: int) -> None:
    """Use n threads, the calling one included; 0 means as many as the process may use.

    Counts for contexts made and conv2d() calls begun afterwards; a context keeps the threads it was
    made with, and what tune() found is kept. Results do not depend on it: they are the same bits
    with any number of threads."""
    global _default
    n = integer(n, "n", 32)
    if n < 0:
        raise ValueError(f"n is {n}: expected at least 0")
    device = Device("cpu", n)
    with _lock:
        if _default is not None:
            wisdom = read_text(lib.conv2d_wisdom_export, _default.handle).encode()
            check(lib.conv2d_wisdom_import(device.handle, wisdom, len(wisdom)))
        _default = device


def _text(value: Optional[bytes]) -> str:
    return (value or b"").decode("utf-8", "replace")


def info() -> Dict[str, Any]:
    """Facts about the library and the CPU device.

    Keys: version; library (path of the shared library); backend; n_threads; isa (instruction set
    in use) and isa_detected; features (list of CPU features); model (name of the processor);
    l1d_bytes, l2_bytes, l3_bytes (data caches, 0 if unknown); kernels (names of those that may be
    used here).
    """
    device = default_device()
    facts = DeviceInfo(struct_size=ctypes.sizeof(DeviceInfo))
    status = lib.conv2d_device_get_info(device.handle, ctypes.byref(facts))
    if status:
        fail(status)
    kernels = []
    kernel = KernelInfo(struct_size=ctypes.sizeof(KernelInfo))
    for index in range(lib.conv2d_device_kernel_count(device.handle)):
        if lib.conv2d_device_kernel(device.handle, index, ctypes.byref(kernel)) == 0:
            if kernel.available:
                kernels.append(_text(kernel.name))
    return {
        "version": _library.version, "library": _library.path, "backend": _text(facts.backend),
        "n_threads": facts.n_threads, "isa": _text(facts.isa),
        "isa_detected": _text(facts.isa_detected), "features": _text(facts.features).split(),
        "model": _text(facts.model), "l1d_bytes": facts.l1d_bytes, "l2_bytes": facts.l2_bytes,
        "l3_bytes": facts.l3_bytes, "kernels": kernels}
