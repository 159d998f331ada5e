# SPDX-License-Identifier: BSD-2-Clause
"""Options of a convolution, from Python values to conv2d_params.

Only what C cannot see is judged here: types, unknown words, and integers beyond 64 bits. Everything
else is refused by the library in its own words."""
from __future__ import annotations

import ctypes
import math
import operator
from typing import Any, Dict, List, Optional, Sequence, SupportsIndex, Tuple, Union

from ._library import Params

IntOrPair = Union[SupportsIndex, Sequence[SupportsIndex]]
Padding = Union[SupportsIndex, Sequence[SupportsIndex], str]

_PADDING_MODES = {"zeros": 0, "reflect": 1, "replicate": 2, "circular": 3}
AUTO_PAD = {"valid": 1, "same": 2}
_ACCURACIES = {"default": 0, "strict": 1, "fast": 2, "tf32": 3}
_ACTIVATIONS = {name: value for value, name in enumerate(
    ("none", "relu", "relu6", "clamp", "leaky_relu", "sigmoid", "tanh", "silu", "hardswish",
     "hardsigmoid", "gelu", "gelu_tanh", "mish"))}
_ACTIVATION_EXPECTED = (
    "none, relu, relu6, clamp:MIN,MAX (one may be missing), leaky_relu[:SLOPE], sigmoid, tanh, "
    "silu, hardswish, hardsigmoid, gelu, gelu_tanh or mish")
_WORKSPACE_UNLIMITED = 2 ** 64 - 1


def integer(value: SupportsIndex, name: str, bits: int = 64) -> int:
    """value as an int that fits `bits` bits, so that ctypes does not cut it."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}: expected an integer") from None
    if not -2 ** (bits - 1) <= number < 2 ** (bits - 1):
        raise ValueError(f"{name} is {number}: does not fit {bits} bits")
    return number


def _integers(value: Any, name: str, lengths: Tuple[int, ...], expected: str) -> List[int]:
    if isinstance(value, str) or not hasattr(value, "__len__"):
        if not hasattr(value, "__index__"):
            raise TypeError(f"{name} is {value!r}: expected {expected}")
        return [integer(value, name)]
    if len(value) not in lengths:
        raise ValueError(f"{name} is {tuple(value)!r}: expected {expected}")
    return [integer(v, f"{name}[{i}]") for i, v in enumerate(value)]


def _pair(value: IntOrPair, name: str) -> List[int]:
    numbers = _integers(value, name, (1, 2), "an integer or (y, x)")
    return numbers * 2 if len(numbers) == 1 else numbers


def _word(value: str, name: str, words: Dict[str, int]) -> int:
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}: expected one of {', '.join(words)}")
    if value not in words:
        raise ValueError(f"{name} is {value!r}: expected one of {', '.join(words)}")
    return words[value]


def _set_padding(params: Params, value: Padding) -> None:
    if isinstance(value, str):
        params.auto_pad = _word(value, "padding", AUTO_PAD)
        return
    numbers = _integers(value, "padding", (1, 2, 4),
                        "an integer, (y, x), (top, left, bottom, right), 'same' or 'valid'")
    params.padding[:] = numbers * (4 // len(numbers))


def _set_activation(params: Params, value: Optional[str]) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise TypeError(f"activation is {value!r}: expected None or a string")
    name, colon, text = value.partition(":")
    try:
        params.activation = _ACTIVATIONS[name]
        if name == "clamp":
            low, comma, high = text.partition(",")
            if not (low or high):
                raise ValueError
            params.output_min = float(low) if low else -math.inf
            params.output_max = float(high) if high else math.inf
        elif name == "leaky_relu" and colon:
            params.alpha = float(text)
        elif colon:
            raise ValueError
    except (KeyError, ValueError):
        raise ValueError(f"activation is {value!r}, expected {_ACTIVATION_EXPECTED}") from None


def make_params(stride: IntOrPair, padding: Padding, dilation: IntOrPair, groups: SupportsIndex,
                padding_mode: str, activation: Optional[str], accuracy: str) -> Params:
    """conv2d_params of the options that conv2d() and prepack() share."""
    params = Params(
        struct_size=ctypes.sizeof(Params), groups=integer(groups, "groups"),
        padding_mode=_word(padding_mode, "padding_mode", _PADDING_MODES),
        accuracy=_word(accuracy, "accuracy", _ACCURACIES),
        output_min=-math.inf, output_max=math.inf, alpha=0.01,
        workspace_limit=_WORKSPACE_UNLIMITED)
    params.stride[:] = _pair(stride, "stride")
    params.dilation[:] = _pair(dilation, "dilation")
    _set_padding(params, padding)
    _set_activation(params, activation)
    return params
