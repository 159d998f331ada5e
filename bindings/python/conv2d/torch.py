# SPDX-License-Identifier: BSD-2-Clause
"""import conv2d.torch registers torch.ops.conv2d.run, for torch.compile and torch.export.

run(input, weight, bias=None, stride=[1, 1], padding=[0], dilation=[1, 1], groups=1, residual=None,
    *, padding_mode="zeros", activation=None, accuracy="default") -> Tensor
is conv2d.conv2d() with torch tensors and lists of integers; padding has one, two or four. It has no
gradient, and packs the weights on every call."""
from __future__ import annotations

from typing import Optional, Sequence

import torch
from torch import Tensor

from ._arrays import is_channels_last
from ._context import conv2d

_SCHEMA = ('(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, '
           'SymInt[1] padding=0, SymInt[2] dilation=1, SymInt groups=1, '
           'Tensor? residual=None, *, str padding_mode="zeros", str? activation=None, '
           'str accuracy="default") -> Tensor')


def _run(input: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
         stride: Sequence[int] = (1, 1), padding: Sequence[int] = (0,),
         dilation: Sequence[int] = (1, 1), groups: int = 1,
         residual: Optional[Tensor] = None, *, padding_mode: str = "zeros",
         activation: Optional[str] = None, accuracy: str = "default") -> Tensor:
    output: Tensor = conv2d(input, weight, bias, stride, padding, dilation, groups,
                            padding_mode=padding_mode, activation=activation, residual=residual,
                            accuracy=accuracy)
    return output


run = torch.library.custom_op("conv2d::run", _run, mutates_args=(), device_types="cpu",
                              schema=_SCHEMA)


@run.register_fake
def _(input: Tensor, weight: Tensor, bias: Optional[Tensor] = None,
      stride: Sequence[int] = (1, 1), padding: Sequence[int] = (0,),
      dilation: Sequence[int] = (1, 1), groups: int = 1,
      residual: Optional[Tensor] = None, **unused: object) -> Tensor:
    sides = list(padding) * (4 // len(padding))
    channels = 0 if input.shape[-3] == 0 else weight.shape[0]
    sizes = list(input.shape[:-3]) + [channels]
    for axis in (0, 1):
        reach = dilation[axis] * (weight.shape[2 + axis] - 1) + 1
        padded = input.shape[axis - 2] + sides[axis] + sides[axis + 2]
        sizes.append((padded - reach) // stride[axis] + 1)
    if is_channels_last(input.shape, input.stride()):
        return input.new_empty(sizes[:-3] + sizes[-2:] + sizes[-3:-2]).movedim(-1, -3)
    return input.new_empty(sizes)
