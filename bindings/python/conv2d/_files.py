# SPDX-License-Identifier: BSD-2-Clause
"""Contexts in files and as bytes: save(), load(), load_all(), and pickling."""
from __future__ import annotations

import ctypes
import os
from typing import (Any, Dict, Iterable, List, Mapping, Optional, Sequence, SupportsIndex, Tuple,
                    Union)

from . import _context
from ._device import find_device
from ._library import WRITE, LoadOptions, SaveOptions, Tensor, check, encode, lib

Path = Union[str, bytes, "os.PathLike[Any]"]
Shapes = Iterable[Sequence[SupportsIndex]]


def _path_bytes(path: Path) -> bytes:
    return encode(os.fsdecode(path), "path")


def _save_options(contexts: Mapping[str, _context.Context], input_shapes: Shapes,
                  channels_last: bool, isas: Optional[str], packed: bool
                  ) -> Tuple[SaveOptions, Any]:
    """conv2d_save_options and what it points to."""
    first = next(iter(contexts.values()), None)
    described = [_context.describe_input(first, shape, channels_last)
                 for shape in input_shapes if first is not None]
    inputs = (Tensor * len(described))(*described)
    options = SaveOptions(
        struct_size=ctypes.sizeof(SaveOptions), n_inputs=len(described),
        inputs=ctypes.addressof(inputs) if described else None,
        isas=None if isas is None else encode(isas, "isas"), without_packed=int(not packed))
    return options, inputs


def _arguments(contexts: Mapping[str, _context.Context]) -> Tuple[Any, Any]:
    """The arrays of handles and of names; the contexts must stay alive meanwhile."""
    for name, context in contexts.items():
        if not isinstance(name, str) or not isinstance(context, _context.Context):
            raise TypeError(f"contexts has {name!r}: {type(context).__name__}: expected names and "
                            f"Context objects")
    handles = (ctypes.c_void_p * len(contexts))(*(c._handle for c in contexts.values()))
    names = (ctypes.c_char_p * len(contexts))(*(encode(name, "name") for name in contexts))
    return handles, names


def save(path: Path, contexts: Mapping[str, _context.Context], input_shapes: Shapes = (), *,
         channels_last: bool = False, isas: Optional[str] = None, packed: bool = True) -> None:
    """Write several contexts, {name: context}, into one file for load() and load_all(); weights
    that they share are stored once. All other arguments, path too, as in Context.save(): each of
    input_shapes, in the first context's dtype, is taken for every context whose weights it fits."""
    contexts = dict(contexts)
    handles, names = _arguments(contexts)
    options, alive = _save_options(contexts, input_shapes, channels_last, isas, packed)
    check(lib.conv2d_contexts_save(len(contexts), handles, names, _path_bytes(path),
                                   ctypes.byref(options)))


class _File:
    """An open file of contexts, for the length of a with block."""

    def __init__(self) -> None:
        self.handle = ctypes.c_void_p()

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *unused: Any) -> None:
        lib.conv2d_file_close(self.handle)

    def open(self, path: Path, read: bool, checksums: bool) -> "_File":
        options = LoadOptions(struct_size=ctypes.sizeof(LoadOptions), read=int(read),
                              skip_checksums=int(not checksums))
        check(lib.conv2d_file_open(_path_bytes(path), ctypes.byref(options),
                                   ctypes.byref(self.handle)))
        return self

    def names(self) -> List[str]:
        """Names of the contexts."""
        return [lib.conv2d_file_name(self.handle, i).decode()
                for i in range(lib.conv2d_file_count(self.handle))]

    def context(self, name: Optional[str], device: Any) -> _context.Context:
        handle, used = ctypes.c_void_p(), find_device(device)
        check(lib.conv2d_file_context(self.handle, used.handle,
                                      None if name is None else encode(name, "name"),
                                      ctypes.byref(handle)))
        return _context.Context(handle.value, used)


def load(path: Path, name: Optional[str] = None, *, device: Any = None, read: bool = False,
         checksums: bool = True) -> _context.Context:
    """A context from a file that Context.save() or save() wrote. Packed weights in it that fit this
    machine are used where they lie, others are packed from the weights.

    path       of the file.
    name       of the context; None if the file has only one.
    device     as in conv2d().
    read       True: read the file into memory. False: map it; its content must not change while
               the context lives (but another file may take its name, as save() does).
    checksums  False: do not verify weights and packed weights (the header is always verified).
    Raises     OSError for a file that cannot be read, is damaged or of another format; ValueError
               for an unknown name. Damaged weights may be found by the run that uses them first."""
    with _File().open(path, read, checksums) as file:
        return file.context(name, device)


def load_all(path: Path, *, device: Any = None, read: bool = False,
             checksums: bool = True) -> Dict[str, _context.Context]:
    """All contexts of a file, {name: context}; they share the weights that the file shares.
    Arguments as in load()."""
    with _File().open(path, read, checksums) as file:
        return {name: file.context(name, device) for name in file.names()}


def to_bytes(context: _context.Context, packed: bool = True) -> bytes:
    """What save() would write: the context with the packed weights that it holds now."""
    parts: List[bytes] = []
    raised: List[BaseException] = []

    def write(user: Any, data: int, n: int) -> int:
        try:
            parts.append(ctypes.string_at(data, n))
        except BaseException as error:  # no memory; a callback cannot pass it on
            raised.append(error)
        return len(raised)

    contexts = {"context": context}
    handles, names = _arguments(contexts)
    options, _ = _save_options(contexts, (), False, None, packed)
    status = lib.conv2d_contexts_write(1, handles, names, WRITE(write), None,
                                       ctypes.byref(options))
    if raised:
        raise raised[0]
    check(status)
    return b"".join(parts)


def from_bytes(data: bytes) -> _context.Context:
    """The context in the bytes that to_bytes() made, on the CPU."""
    options = LoadOptions(struct_size=ctypes.sizeof(LoadOptions), read=1)
    with _File() as file:
        check(lib.conv2d_file_open_memory(data, len(data), ctypes.byref(options),
                                          ctypes.byref(file.handle)))
        return file.context(None, None)
