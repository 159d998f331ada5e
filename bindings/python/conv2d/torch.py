# SPDX-License-Identifier: BSD-2-Clause
"""import conv2d.torch registers operators for torch.compile and torch.export.

torch.ops.conv2d.run(input, weight, bias=None, stride=[1, 1], padding=[0], dilation=[1, 1],
    groups=1, residual=None, *, padding_mode="zeros", activation=None, accuracy="default") -> Tensor
is conv2d.conv2d() with torch tensors and lists of integers; padding has one, two or four. It packs
the weights on every call.

torch.ops.conv2d.prepack(weight, bias=None, stride=[1, 1], padding=[0], dilation=[1, 1], groups=1,
    *, padding_mode="zeros", activation=None, accuracy="default") -> Tensor[]
torch.ops.conv2d.run(input, context, residual=None) -> Tensor
are conv2d.prepack() and Context.run(). A context crosses as two tensors, which can be buffers of a
module, be pickled, copied, exported and loaded into others in place:
    context[0]  uint8: an id of 32 bytes, then the bytes of a context file;
    context[1]  no elements, the weight's dtype; its sizes say what shapes follow from: 0, oc,
                c / groups, kh, kw, stride y x, padding top left bottom right, dilation y x, groups.
to_tensors() makes them of any context. The context behind them is made when they are run first and
lives as long as a tensor that was.

No operator has gradients."""
from __future__ import annotations

import ctypes
import hashlib
import threading
import weakref
from typing import Any, List, Optional, Sequence

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from . import _files
from ._arrays import DTYPES, is_channels_last
from ._context import Context, conv2d, prepack
from ._options import AUTO_PAD

_OPTIONS = ('SymInt[2] stride=1, SymInt[1] padding=0, SymInt[2] dilation=1, SymInt groups=1, ')
_WORDS = '*, str padding_mode="zeros", str? activation=None, str accuracy="default"'
_ID_BYTES = 32

_contexts: "weakref.WeakValueDictionary[bytes, Context]" = weakref.WeakValueDictionary()
_holders = WeakTensorKeyDictionary()  # bytes of a context: the context, kept alive
_shapes: "weakref.WeakKeyDictionary[Context, torch.Size]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_DTYPES = {code: getattr(torch, name) for name, code in DTYPES.items()}


def _four(padding: Sequence[int]) -> List[int]:
    return list(padding) * (4 // len(padding))


def _geometry(weight: Tensor, stride: Sequence[int], padding: Sequence[int],
              dilation: Sequence[int], groups: int) -> List[int]:
    return [0, *weight.shape, *stride, *_four(padding), *dilation, groups]


def _new_output(input: Tensor, geometry: Sequence[int]) -> Tensor:
    """The output's shape and layout, for fake tensors."""
    _, oc, _, *numbers = geometry
    kernel, stride, padding, dilation = (numbers[:2], numbers[2:4], numbers[4:8], numbers[8:10])
    sizes = list(input.shape[:-3]) + [0 if input.shape[-3] == 0 else oc]
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        padded = input.shape[axis - 2] + padding[axis] + padding[axis + 2]
        sizes.append((padded - reach) // stride[axis] + 1)
    if is_channels_last(input.shape, input.stride()):
        return input.new_empty(sizes[:-3] + sizes[-2:] + sizes[-3:-2]).movedim(-1, -3)
    return input.new_empty(sizes)


def _run(input: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
         stride: Sequence[int] = (1, 1), padding: Sequence[int] = (0,),
         dilation: Sequence[int] = (1, 1), groups: int = 1,
         residual: Optional[Tensor] = None, *, padding_mode: str = "zeros",
         activation: Optional[str] = None, accuracy: str = "default") -> Tensor:
    output: Tensor = conv2d(input, weight, bias, stride, padding, dilation, groups,
                            padding_mode=padding_mode, activation=activation, residual=residual,
                            accuracy=accuracy)
    return output


def _run_fake(input: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
              stride: Sequence[int] = (1, 1), padding: Sequence[int] = (0,),
              dilation: Sequence[int] = (1, 1), groups: int = 1, *unused: Any,
              **words: Any) -> Tensor:
    return _new_output(input, _geometry(weight, stride, padding, dilation, groups))


def _prepack(weight: Tensor, bias: Optional[Tensor] = None, stride: Sequence[int] = (1, 1),
             padding: Sequence[int] = (0,), dilation: Sequence[int] = (1, 1), groups: int = 1,
             *, padding_mode: str = "zeros", activation: Optional[str] = None,
             accuracy: str = "default") -> List[Tensor]:
    return to_tensors(prepack(weight, bias, stride, padding, dilation, groups,
                              padding_mode=padding_mode, activation=activation, accuracy=accuracy))


def _prepack_fake(weight: Tensor, bias: Optional[Tensor] = None, stride: Sequence[int] = (1, 1),
                  padding: Sequence[int] = (0,), dilation: Sequence[int] = (1, 1),
                  groups: int = 1, **words: Any) -> List[Tensor]:
    n_bytes = torch.library.get_ctx().new_dynamic_size(min=_ID_BYTES)
    return [weight.new_empty([n_bytes], dtype=torch.uint8),
            weight.new_empty(_geometry(weight, stride, padding, dilation, groups))]


def _shape_of(context: Context) -> List[int]:
    """The sizes of a context's second tensor; padding "same" in pixels."""
    weight, params = context._weight, context._params
    kernel, dilation, padding = weight.sizes[2:4], params.dilation[:], params.padding[:]
    if params.auto_pad == AUTO_PAD["same"]:
        total = [d * (k - 1) for d, k in zip(dilation, kernel)]
        padding = [n // 2 for n in total] + [n - n // 2 for n in total]
    return [0, *weight.sizes, *params.stride, *padding, *dilation, params.groups]


def to_tensors(context: Context) -> List[Tensor]:
    """The two tensors that stand for a context (of prepack() or load()) in
    torch.ops.conv2d.run(input, tensors): [n] bytes, uint8, and one without elements."""
    data = _files.to_bytes(context)
    key = hashlib.blake2b(data, digest_size=_ID_BYTES).digest()
    held = torch.frombuffer(bytearray(key + data), dtype=torch.uint8).clone()
    geometry = torch.empty(_shape_of(context), dtype=_DTYPES[context._weight.dtype])
    with _lock:
        _holders[held] = _remember(key, context)
    return [held, geometry]


def _remember(key: bytes, context: Context) -> Context:
    known = _contexts.setdefault(key, context)
    _shapes.setdefault(known, torch.Size(_shape_of(known)))
    return known


def _find(context: Sequence[Tensor]) -> Context:
    """The context behind two tensors; made from the bytes if none is alive."""
    held = context[0] if len(context) == 2 else None
    if held is None or held.dtype != torch.uint8 or held.dim() != 1 or not held.is_cpu or \
            held.numel() < _ID_BYTES:
        raise ValueError("context is not what torch.ops.conv2d.prepack gave: expected its two "
                         "tensors, the bytes on the CPU")
    found: Optional[Context] = None
    if held.is_contiguous():
        found = _contexts.get(ctypes.string_at(held.data_ptr(), _ID_BYTES))
    if found is None:
        flat = held.detach().contiguous()
        data = ctypes.string_at(flat.data_ptr(), flat.numel())
        key, data = data[:_ID_BYTES], data[_ID_BYTES:]
        if hashlib.blake2b(data, digest_size=_ID_BYTES).digest() != key:
            raise ValueError("context has bytes that do not belong to its id: damaged")
        with _lock:
            found = _contexts.get(key)
            if found is None:
                found = _remember(key, _files.from_bytes(data))
            _holders[held] = found
    if _shapes[found] != context[1].shape:
        raise ValueError(f"context has bytes of one convolution and sizes of another: "
                         f"{list(context[1].shape)}, expected {list(_shapes[found])}")
    return found


def _run_context(input: Tensor, context: Sequence[Tensor],
                 residual: Optional[Tensor] = None) -> Tensor:
    output: Tensor = _find(context).run(input, residual=residual)
    return output


def _run_context_fake(input: Tensor, context: Sequence[Tensor],
                      residual: Optional[Tensor] = None) -> Tensor:
    return _new_output(input, context[1].shape)


def _register(name: str, schema: str, function: Any, fake: Any) -> Any:
    operator = torch.library.custom_op(f"conv2d::{name}", function, mutates_args=(),
                                       device_types="cpu", schema=schema)
    operator.register_fake(fake)
    return operator


run = _register("run", f"(Tensor input, Tensor weight, Tensor? bias=None, {_OPTIONS}"
                f"Tensor? residual=None, {_WORDS}) -> Tensor", _run, _run_fake)
run_context = _register("run.context", "(Tensor input, Tensor[] context, Tensor? residual=None) "
                        "-> Tensor", _run_context, _run_context_fake)
prepack_operator = _register("prepack", f"(Tensor weight, Tensor? bias=None, {_OPTIONS}{_WORDS}) "
                             "-> Tensor[]", _prepack, _prepack_fake)
