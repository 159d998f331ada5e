# SPDX-License-Identifier: BSD-2-Clause
"""Problems over torch tensors, and the writer of case files (tests/golden/README.md).

A Problem is what a user of torch.nn.functional.conv2d would call it with, plus what conv2d adds:
padding per side, padding modes, residual, activation. Tensors may be any view of any storage.
"""
import struct
from dataclasses import dataclass

import torch

MAGIC = b"C2CASE01"
INF = float("inf")

DTYPES = {torch.float32: 1, torch.float64: 2, torch.float16: 3, torch.bfloat16: 4,
          torch.int8: 5, torch.uint8: 6, torch.int32: 7}
PADDING_MODES = {"zeros": 0, "reflect": 1, "replicate": 2, "circular": 3}
AUTO_PADS = {None: 0, "valid": 1, "same": 2}
ACTIVATIONS = {name: number for number, name in enumerate(
    "none relu relu6 clamp leaky_relu sigmoid tanh silu hardswish hardsigmoid gelu gelu_tanh "
    "mish".split())}
ACCURACY_STRICT = 1
RESIDUAL_IS_OUTPUT = -1


@dataclass
class Flipped:
    """base with some axes read backwards: torch sees a flipped copy, conv2d negative strides."""
    base: torch.Tensor
    axes: tuple

    def torch(self):
        return self.base.flip(self.axes)


@dataclass
class Problem:
    input: object
    weight: object
    bias: object = None
    residual: object = None
    stride: tuple = (1, 1)
    padding: tuple = (0, 0, 0, 0)   # top, left, bottom, right
    auto_pad: object = None         # None, "same", "valid", or a string nobody knows
    padding_mode: str = "zeros"
    dilation: tuple = (1, 1)
    groups: int = 1
    activation: str = "none"
    output_min: float = -INF
    output_max: float = INF
    alpha: float = 0.01
    output_kind: str = "nchw"       # nchw, nhwc, sliced, transposed
    in_place: bool = False          # the residual is the output
    entry: int = 0                  # 0 one-shot, 1 context, 2 plan
    exact: bool = False             # small integers: results must be equal
    words: str = ""                 # of an expected error: "bias|weight"
    differs: str = ""               # conv2d refuses what torch computes, on purpose: why
    category: str = ""
    id: int = 0
    unasked: bool = False           # with differs: torch might crash
    float64_decides: bool = False   # whether torch computes: where its float32 has limits


def plain(tensor):
    """The torch.Tensor that torch is called with."""
    return tensor.torch() if isinstance(tensor, Flipped) else tensor


def describe(tensor):
    """(dtype, rank, sizes, strides, offset, storage) of a tensor, a Flipped or None."""
    if tensor is None:
        return (1, 0, (), (), 0, b"")
    flipped = tensor.axes if isinstance(tensor, Flipped) else ()
    t = tensor.base if isinstance(tensor, Flipped) else tensor
    strides, offset = list(t.stride()), t.storage_offset()
    for axis in flipped:
        offset += (t.shape[axis] - 1) * strides[axis]
        strides[axis] = -strides[axis]
    whole = torch.empty(0, dtype=t.dtype).set_(t.untyped_storage())
    raw = whole.contiguous().view(torch.uint8).numpy().tobytes() if whole.numel() else b""
    return (DTYPES[t.dtype], t.dim(), tuple(t.shape), tuple(strides), offset, raw)


def pack_tensor(description):
    dtype, rank, sizes, strides, offset, raw = description
    four = lambda values: (list(values) + [0] * 4)[:4]
    head = struct.pack("<2q4q4q2q", dtype, rank, *four(sizes), *four(strides), offset, len(raw))
    return head + raw + b"\0" * (-len(raw) % 8)


def make_output(shape, dtype, kind):
    """A tensor of shape in a storage of larger size, filled with a pattern that is no number."""
    rank = len(shape)
    if kind == "nhwc":
        order = [i for i in range(rank) if i != rank - 3] + [rank - 3]
    elif kind == "transposed":
        order = list(range(rank - 2)) + [rank - 1, rank - 2]
    else:
        order = list(range(rank))
    grown = [shape[i] + (3 if kind == "sliced" else 0) for i in order]
    integer = {2: torch.int16, 4: torch.int32, 8: torch.int64}[dtype.itemsize]
    whole = torch.full(grown, -1, dtype=integer)
    whole = whole.view(dtype) if whole.numel() else torch.empty(grown, dtype=dtype)
    for axis in range(rank):
        start = 1 if kind == "sliced" else 0
        whole = whole.narrow(axis, start, shape[order[axis]])
    return whole.permute([order.index(i) for i in range(rank)])


def text(string, size):
    raw = string.encode()
    assert len(raw) < size, string
    return raw + b"\0" * (size - len(raw))


def encode(problem, outcome):
    """One record: the problem and what is expected of it (oracle.Outcome)."""
    p = problem
    body = struct.pack("<q", p.id) + text(p.category, 32) + text(p.words, 64)
    body += struct.pack("<q", p.entry)
    body += struct.pack("<q2q4q2qqqqq3d", PADDING_MODES[p.padding_mode], *p.stride, *p.padding,
                        *p.dilation, p.groups, AUTO_PADS.get(p.auto_pad, 9),
                        ACTIVATIONS[p.activation], ACCURACY_STRICT, p.output_min, p.output_max,
                        p.alpha)
    residual, output = p.residual, None
    if not outcome.error:
        output = make_output(outcome.shape, plain(p.input).dtype, p.output_kind)
        if residual is not None and p.in_place:
            output.copy_(plain(residual))
    for tensor in (p.input, p.weight, p.bias):
        body += pack_tensor(describe(tensor))
    if residual is not None and p.in_place and not outcome.error:
        body += pack_tensor((1, RESIDUAL_IS_OUTPUT, (), (), 0, b""))
    else:
        body += pack_tensor(describe(residual))
    body += pack_tensor(describe(output))
    shape = list(outcome.shape) + [0] * (4 - len(outcome.shape))
    body += struct.pack("<2q4qq", outcome.error + outcome.sizes_error, len(outcome.shape), *shape,
                        outcome.values.numel())
    body += outcome.values.contiguous().numpy().tobytes()
    body += outcome.tolerances.contiguous().numpy().tobytes()
    return struct.pack("<q", len(body)) + body
