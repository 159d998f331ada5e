# SPDX-License-Identifier: BSD-2-Clause
"""Runs on devices that do not read the host's memory: tensors are copied into buffers of the device
and the result back. A set of buffers belongs to a combination of shapes, as a call's structs do."""
from __future__ import annotations

import ctypes
from typing import Any, Optional

from ._library import Tensor, check, lib


class _Staged:
    """A host tensor's twin in a buffer of the device, contiguous in the same order of axes."""

    def __init__(self, device: Any, host: Tensor, channels_last: bool) -> None:
        self.buffer = ctypes.c_void_p()
        self.tensor = Tensor.from_buffer_copy(host)
        self.tensor.data = None
        lib.conv2d_tensor_set_order(ctypes.byref(self.tensor), int(channels_last))
        n_bytes = lib.conv2d_dtype_bytes(host.dtype)
        for axis in range(host.rank):
            n_bytes *= max(host.sizes[axis], 0)
        check(lib.conv2d_buffer_create(device.handle, n_bytes, ctypes.byref(self.buffer)))
        self.tensor.buffer = self.buffer.value
        self.host, self.address = ctypes.addressof(host), ctypes.addressof(self.tensor)

    def __del__(self, destroy: Any = lib.conv2d_buffer_destroy) -> None:
        destroy(self.buffer)


class Stage:
    """The device's side of a run: start() copies in, runs, copies out."""

    def __init__(self, device: Any, input: Tensor, residual: Optional[Tensor], output: Tensor,
                 channels_last: bool) -> None:
        self.inputs = [_Staged(device, tensor, channels_last)
                       for tensor in (input, residual) if tensor is not None]
        self.output = _Staged(device, output, channels_last)

    def start(self, args: Any, handle: int, address: int) -> int:
        """A run with the structs at address, args; its status, once the result is in the host's
        memory."""
        args.input = self.inputs[0].address
        args.residual = self.inputs[1].address if len(self.inputs) > 1 else None
        args.output = self.output.address
        status = 0
        for tensor in self.inputs:
            status = status or lib.conv2d_copy_to_device(tensor.host, tensor.address)
        return int(status or lib.conv2d_run(handle, address) or
                   lib.conv2d_copy_to_host(self.output.address, self.output.host))
