# SPDX-License-Identifier: BSD-2-Clause
"""Categories of problems that are refused, and DIFFERENCES: where conv2d refuses on purpose what
PyTorch computes, with the reason. Nothing else may differ: "wild" draws anything at all, and then
torch decides whether an error or values are expected.
"""
from dataclasses import replace

import torch

from categories import CATEGORIES
from draw import Draw, LAYOUTS, tensor

NAN, INF = float("nan"), float("inf")

# name -> reason. difference() finds them in a problem; docs/semantics.md has the same list.
DIFFERENCES = {
    "dtype": "integers are not implemented yet",
    "mixed dtypes": "PyTorch skips the check for empty tensors; an error is the same for all sizes",
    "kernel size 0": "PyTorch skips the check where there are no input channels",
    "dilation 0": "PyTorch skips the check for empty tensors",
    "negative padding": "F.pad crops, conv2d refuses",
    "63 bits": "PyTorch's size arithmetic may wrap around and then computes something",
    "NaN bound": "PyTorch makes every element NaN",
    "NaN slope": "PyTorch makes negative elements NaN",
}
# Where PyTorch raises and conv2d computes.
BEYOND = {
    "oneDNN limits": "PyTorch's float32 backend refuses some far strides and dilations that its "
                     "float64 computes",
    "padding mode, no channels": "F.pad refuses reflect and replicate but takes circular; here all "
                                 "give the empty output that zeros give",
}


def shape_of(t):
    return tuple((t.base if hasattr(t, "base") else t).shape)


def dtype_of(t):
    return (t.base if hasattr(t, "base") else t).dtype


def difference(p):
    """Reason if p is one of DIFFERENCES, else ""."""
    present = [t for t in (p.input, p.weight, p.bias, p.residual) if t is not None]
    dtypes = {dtype_of(t) for t in present}
    if not dtypes <= {torch.float32, torch.float64, torch.float16, torch.bfloat16}:
        return DIFFERENCES["dtype"]
    if len(dtypes) > 1:
        return DIFFERENCES["mixed dtypes"]
    if 0 in shape_of(p.weight)[2:]:
        return DIFFERENCES["kernel size 0"]
    if min(p.dilation) < 1:
        return DIFFERENCES["dilation 0"]
    if p.output_min != p.output_min or p.output_max != p.output_max:
        return DIFFERENCES["NaN bound"]
    if p.activation == "leaky_relu" and not abs(p.alpha) < INF:
        return DIFFERENCES["NaN slope"]
    return ""


def valid(rng):
    d = Draw(rng, torch.float64 if rng.random() < 0.2 else torch.float32)
    return d.fit()


def wrong_dtype(rng):
    p = valid(rng).build()
    name = rng.choice(("weight", "bias")) if p.bias is not None else "weight"
    other = {torch.float32: torch.float64, torch.float64: torch.float32}
    setattr(p, name, getattr(p, name).to(other[p.input.dtype]))
    p.words = "dtype"
    return p


def wrong_bias(rng):
    p = valid(rng).build()
    oc = p.weight.shape[0]
    shape = rng.choice(([oc + 1], [oc + 7], [0], [oc, 1], [1, oc, 1, 1], [2 * oc]) +
                       (([1], [oc - 1]) if oc > 1 else ()))
    p.bias = tensor(rng, shape, p.input.dtype)
    p.words = "bias"
    return p


def wrong_channels(rng):
    p = valid(rng).build()
    n, c, h, w = p.input.shape
    change = rng.choice(("input", "weight", "oc"))
    if change == "input":
        p.input = tensor(rng, (n, c + rng.choice((1, 2, 5)), h, w), p.input.dtype)
    elif change == "weight" or p.groups == 1:
        oc, icg, kh, kw = p.weight.shape
        p.weight = tensor(rng, (oc, rng.choice((icg + 1, icg * 2, 0)), kh, kw), p.input.dtype)
    else:
        oc, icg, kh, kw = p.weight.shape
        p.weight = tensor(rng, (oc + 1, icg, kh, kw), p.input.dtype)
        p.bias = None
    p.words = "channels|groups"
    return p


def wrong_groups(rng):
    p = valid(rng).build()
    p.groups = rng.choice((0, -1, -2, p.groups + 1, p.groups * 2 + 1, 1000))
    p.words = "groups"
    return p


def wrong_number(name, values):
    def draw(rng):
        p = valid(rng).build()
        both = list(getattr(p, name))
        value = rng.choice(values)
        axis = rng.randrange(2)
        both[axis] = value
        if name == "padding":       # symmetric, so that F.conv2d itself is asked
            both[axis + 2] = value
        setattr(p, name, tuple(both))
        p.words = name
        return p
    return draw


def wrong_kernel(rng):
    d = valid(rng)
    axis = rng.randrange(2)
    d.kernel[axis] = d.size[axis] + d.padding[axis] * 2 + rng.randint(1, 3)
    d.stride[axis] = rng.choice((1, 2, 3))
    if rng.random() < 0.3:
        d.n = 0
    return d.build(words="kernel")


def wrong_rank(rng):
    p = valid(rng).build()
    p.input, p.weight = rng.choice((
        (p.input[0, 0], p.weight), (p.input[None], p.weight), (p.input, p.weight[0]),
        (p.input, p.weight[None]), (p.input[0], p.weight[0]), (p.input[0, 0, 0], p.weight)))
    p.words = "rank"
    return p


def zero_size(rng):
    d = valid(rng)
    kind = rng.choice(("h", "w", "oc", "kernel", "padded h"))
    if kind == "oc":
        d.ocg = 0
        return d.build(words="weight")
    if kind == "kernel":
        d.kernel[rng.randrange(2)] = 0
        return d.build(words="kernel")
    axis = 1 if kind == "w" else 0
    d.size[axis] = 0
    if kind == "padded h":
        d.padding[0] = d.padding[2] = d.reach(0)
    d.unbatched = rng.random() < 0.3
    return d.build(words="input|rows|columns")


def wrong_auto_pad(rng):
    d = valid(rng)
    d.auto_pad = rng.choice(("same", "same", "full"))
    d.stride = [rng.choice((1, 2)), rng.choice((2, 3))] if d.auto_pad == "same" else [1, 1]
    d.padding_mode = rng.choice(("zeros", "zeros", "reflect", "circular"))
    d.size = [d.size[i] + d.reach(i) for i in range(2)]
    return d.build(words="auto_pad|same")


def wide_padding(rng):
    d = valid(rng)
    d.padding_mode = rng.choice(("reflect", "circular"))
    d.fit()
    side = rng.randrange(4)
    d.padding[side] = d.size[side % 2] + (d.padding_mode == "circular") + rng.choice((0, 0, 1, 9))
    d.unbatched = rng.random() < 0.3
    return d.build(words="padding")


def crossed_bounds(rng):
    low = rng.uniform(-2, 2)
    return valid(rng).build(activation=rng.choice(("clamp", "none")), output_min=low,
                            output_max=low - rng.choice((1e-6, 1.0, 50.0)), words="output_m")


def too_large(rng):
    d = valid(rng)
    axis = rng.randrange(2)
    if rng.random() < 0.5:
        d.padding[axis] = d.padding[axis + 2] = rng.choice((2 ** 62, 2 ** 63 - 1))
        return d.build(words="padding")
    d.kernel[axis] = 5
    d.dilation[axis] = rng.choice((2 ** 60, 2 ** 61, 2 ** 61 - 1))
    p = d.build(words="dilation", differs=DIFFERENCES["63 bits"], unasked=True)
    p.padding = (0, 0, 0, 0)
    return p


def differing_dtype(rng):
    p = valid(rng).build(differs=DIFFERENCES["dtype"], words="dtype")
    dtype = rng.choice((torch.int8, torch.uint8, torch.int32))
    p.input, p.weight = p.input.to(dtype), p.weight.to(dtype)
    p.bias = None if p.bias is None else p.bias.to(dtype)
    return p


def differing_nan(rng):
    if rng.random() < 0.4:
        return valid(rng).build(activation="leaky_relu", alpha=NAN, words="alpha",
                                differs=DIFFERENCES["NaN slope"])
    name = rng.choice(("output_min", "output_max"))
    return valid(rng).build(activation="clamp", words="output_m", differs=DIFFERENCES["NaN bound"],
                            **{name: NAN})


def differing_empty(rng):
    """What PyTorch lets pass for empty tensors only."""
    d = valid(rng)
    kind = rng.choice(("weight", "kernel", "dilation"))
    if kind == "dilation":
        d.n = 0
        p = d.build(words="dilation", differs=DIFFERENCES["dilation 0"])
        p.dilation = (p.dilation[0], 0)
        return p
    if kind == "kernel":
        d.icg = 0
        d.kernel[rng.randrange(2)] = 0
        return d.build(words="kernel", differs=DIFFERENCES["kernel size 0"])
    d.n = 0
    d.bias = False
    p = d.build(words="dtype", differs=DIFFERENCES["mixed dtypes"])
    p.weight = p.weight.double() if p.input.dtype == torch.float32 else p.weight.float()
    return p


def wild(rng):
    """Anything small: torch decides."""
    d = Draw(rng, torch.float64 if rng.random() < 0.3 else torch.float32)
    low = lambda *usual: rng.choice(usual * 12 + (0, -1))
    d.n = rng.choice((0, 1, 1, 2, 2))
    d.icg, d.ocg = rng.choice((0, 1, 1, 2, 2, 3, 4)), rng.choice((0,) + (1, 2, 3, 4) * 5)
    d.groups = rng.choice((1, 1, 1, 2, 3))
    d.size = [rng.choice((0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 7, 8)) for _ in range(2)]
    d.kernel = [rng.choice((0,) + (1, 1, 2, 2, 3, 3, 3, 4) * 3) for _ in range(2)]
    d.stride, d.dilation = [low(1, 1, 2, 3), low(1, 2)], [low(1, 1, 2), low(1, 1, 3)]
    both = [low(1, 2, 0, 1), low(2, 0, 1, 3)]
    d.padding = both + both
    d.auto_pad = rng.choice((None,) * 6 + ("same", "valid"))
    d.padding_mode = rng.choice(("zeros",) * 5 + ("reflect", "replicate", "circular"))
    d.unbatched = rng.random() < 0.2
    if rng.random() < 0.4:
        for name in d.layouts:
            d.layouts[name] = rng.choice(LAYOUTS)
    p = d.build()
    if rng.random() < 0.1:
        p.groups = rng.choice((0, 2, 3, 4))
    if rng.random() < 0.05:
        p.bias = tensor(rng, [rng.randint(0, 5)], dtype_of(p.input))
    if rng.random() < 0.05:
        p.weight = tensor(rng, shape_of(p.weight), rng.choice((torch.float32, torch.float64)))
    if rng.random() < 0.05:
        p.output_min, p.output_max = rng.choice(((1.0, 0.0), (0.0, 1.0), (NAN, 1.0)))
    p.differs = difference(p)
    return p


REFUSALS = {
    "mixed dtypes": (60, wrong_dtype),
    "bias of wrong size": (60, wrong_bias),
    "channels that do not fit": (60, wrong_channels),
    "wrong groups": (50, wrong_groups),
    "stride below 1": (40, wrong_number("stride", (0, -1, -7, -2 ** 63))),
    "dilation below 1": (40, wrong_number("dilation", (0, -1, -7, -2 ** 63))),
    "negative padding": (40, wrong_number("padding", (-1, -2, -9, -2 ** 63))),
    "kernel beyond input": (60, wrong_kernel),
    "wrong rank": (40, wrong_rank),
    "sizes of 0": (80, zero_size),
    "same with a stride": (40, wrong_auto_pad),
    "padding beyond input": (60, wide_padding),
    "crossed bounds": (20, crossed_bounds),
    "beyond 63 bits": (30, too_large),
    "differs: dtype": (25, differing_dtype),
    "differs: NaN bound or slope": (20, differing_nan),
    "differs: empty": (20, differing_empty),
    "wild": (900, wild),
}
ALL = {**CATEGORIES, **REFUSALS}


def beyond(p, message):
    """If torch raised message for p and p is one of BEYOND: the problem that torch computes with
    the result that is expected here; else None."""
    if "could not create a primitive" in message and dtype_of(p.input) == torch.float32:
        return replace(p, float64_decides=True)
    sizes = shape_of(p.input)
    if not ("Expected 3D or 4D (batch mode) tensor" in message and sizes[-3] == 0 and
            p.padding_mode in ("reflect", "replicate") and min(sizes[-2:]) > 0):
        return None
    reach = [0, 0] if p.auto_pad != "same" else \
        [-(-p.dilation[i] * (shape_of(p.weight)[2 + i] - 1) // 2) for i in range(2)]
    wide = any(max(pad, reach[i % 2]) >= sizes[-2 + i % 2] for i, pad in enumerate(p.padding))
    if p.padding_mode == "reflect" and wide:
        return None
    return replace(p, padding_mode="zeros")
