# SPDX-License-Identifier: BSD-2-Clause
"""Categories of problems that PyTorch computes: how many, and how one is drawn.

Errors and deliberate differences are in refusals.py; both lists together are ALL there.
"""
import torch

from draw import Draw, LAYOUTS

INF, NAN = float("inf"), float("nan")


def any_dtype(rng):
    return torch.float64 if rng.random() < 0.3 else torch.float32


def plain(rng, dtype=torch.float32, scale=None):
    return Draw(rng, dtype, scale).fit()


def mixed(rng):
    return Draw(rng).fit().all_layouts().build()


def double(rng):
    return plain(rng, torch.float64).all_layouts().build()


def half(dtype):
    """Values that the type holds; torch's own sums in it are rounded often and not compared."""
    def draw(rng):
        d = plain(rng, dtype).all_layouts()
        d.residual = rng.random() < 0.3
        return d.build(activation=rng.choice(("none", "none", "relu", "silu", "hardswish")))
    return draw


def integers(rng):
    """Small integers: every partial sum is exact, so results must be equal."""
    return plain(rng, any_dtype(rng), 8).all_layouts().build()


def unbatched(rng):
    d = Draw(rng, any_dtype(rng)).fit()
    d.unbatched = True
    d.residual = rng.random() < 0.3
    return d.build()


def auto_pad(rng):
    d = Draw(rng, any_dtype(rng))
    d.auto_pad = rng.choice(("same", "same", "valid"))
    if d.auto_pad == "same":
        d.stride = [1, 1]
    d.unbatched = rng.random() < 0.3
    d.padding_mode = rng.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    return d.fit().build()


def per_side(rng):
    d = Draw(rng, any_dtype(rng))
    d.padding = [rng.randint(0, 4) for _ in range(4)]
    return d.fit().build()


def padding_modes(rng):
    d = Draw(rng, any_dtype(rng))
    d.padding_mode = rng.choice(("reflect", "replicate", "circular"))
    d.padding = [rng.randint(0, 5) for _ in range(4)]
    d.unbatched = rng.random() < 0.2
    return d.fit().all_layouts().build()


def groups(rng):
    d = Draw(rng, any_dtype(rng))
    d.groups = rng.choice((2, 3, 4, 5, 8, 16))
    d.icg, d.ocg = rng.choice((1, 2, 3, 4)), rng.choice((1, 2, 3, 5, 8))
    return d.fit().build()


def depthwise(rng):
    d = Draw(rng)
    d.groups = rng.choice((1, 3, 8, 16, 17, 33))
    d.icg, d.ocg = 1, rng.choice((1, 1, 1, 2, 3))
    return d.fit().all_layouts().build()


def pointwise(rng):
    d = Draw(rng)
    d.kernel, d.icg, d.ocg = [1, 1], rng.choice((1, 3, 16, 33)), rng.choice((1, 8, 17, 32))
    return d.fit().all_layouts().build()


def layers(rng):
    """Sizes of network layers: many tiles, blocks of channels, several threads."""
    d = Draw(rng)
    d.n, d.groups = rng.choice((1, 1, 2)), 1
    d.icg, d.ocg = rng.choice((24, 48, 64, 129)), rng.choice((16, 33, 64, 100))
    if rng.random() < 0.3:
        d.groups, d.icg, d.ocg = rng.choice((32, 100)), 1, 1
    d.kernel = [rng.choice((1, 3, 3, 5))] * 2
    d.padding = [d.kernel[0] // 2] * 4
    d.dilation, d.stride = [1, 1], [rng.choice((1, 1, 2))] * 2
    d.size = [rng.randint(14, 30), rng.randint(14, 40)]
    d.layouts["input"] = rng.choice(("contiguous", "channels_last"))
    d.output_kind = "nchw" if d.layouts["input"] == "contiguous" else "nhwc"
    d.residual = rng.random() < 0.3
    return d.fit().build(activation=rng.choice(("none", "relu", "silu")))


def far_steps(rng):
    """Strides and dilations beyond the picture, up to what 63 bits hold."""
    d = Draw(rng, any_dtype(rng))
    d.icg, d.ocg = rng.choice((1, 3)), rng.choice((1, 4))
    kind = rng.randrange(3)
    axis = rng.randrange(2)
    if kind == 0:
        d.stride[axis] = rng.choice((7, 50, 2 ** 31, 2 ** 62, 2 ** 63 - 1))
    elif kind == 1:
        d.kernel[axis] = 1
        d.dilation[axis] = rng.choice((9, 2 ** 31, 2 ** 62, 2 ** 63 - 1))
    else:
        # Taps far out in the padding; the reference would need the padded copy, so not too far.
        d.kernel[axis], d.dilation[axis] = 3, rng.choice((5, 20, 70))
        d.padding[axis] = d.padding[axis + 2] = d.dilation[axis]
    return d.fit().build()


def channels_last(rng):
    d = plain(rng)
    d.layouts.update(input="channels_last", weight=rng.choice(("contiguous", "channels_last")))
    d.output_kind = rng.choice(("nhwc", "nhwc", "nchw"))
    d.residual = rng.random() < 0.2
    d.layouts["residual"] = "channels_last"
    return d.build()


def of_layout(layout):
    def draw(rng):
        d = plain(rng, any_dtype(rng))
        for name in d.layouts:
            if rng.random() < 0.6:
                d.layouts[name] = layout
        d.layouts[rng.choice(("input", "weight"))] = layout
        d.output_kind = rng.choice(("nchw", "nhwc", "sliced", "transposed"))
        return d.build()
    return draw


def residual(rng):
    d = plain(rng, any_dtype(rng)).all_layouts()
    d.residual = True
    kind = rng.choice(("none", "relu", "clamp"))
    more = {"output_min": -0.5, "output_max": 0.75} if kind == "clamp" else {}
    return d.build(activation=kind, **more)


def empty_batch(rng):
    d = plain(rng, any_dtype(rng))
    d.n = 0
    d.residual = rng.random() < 0.2
    d.padding_mode = rng.choice(("zeros", "zeros", "reflect", "replicate", "circular"))
    return d.fit().build()


def no_channels(rng):
    d = plain(rng, any_dtype(rng))
    d.icg = 0
    d.unbatched = rng.random() < 0.3
    return d.build()


def no_rows(rng):
    """An empty batch or no channels allow no rows and columns, if padding makes up for them."""
    d = plain(rng, any_dtype(rng))
    d.n, d.icg = (0, d.icg) if rng.random() < 0.5 else (d.n, 0)
    axis = rng.randrange(2)
    d.size[axis] = 0
    d.padding[axis] = d.padding[axis + 2] = d.reach(axis) // 2 + rng.randint(1, 2)
    return d.build()


ACTIVATIONS = ("relu", "relu6", "clamp", "leaky_relu", "sigmoid", "tanh", "silu", "hardswish",
               "hardsigmoid", "gelu", "gelu_tanh", "mish")


def bounds(rng):
    low, high = sorted((rng.uniform(-3, 3), rng.uniform(-3, 3)))
    return rng.choice(({"output_min": low, "output_max": high}, {"output_min": low},
                       {"output_max": high}, {"output_min": low, "output_max": low}, {}))


def activation_arguments(rng, name):
    if name == "clamp":
        return {"activation": rng.choice(("clamp", "none")), **bounds(rng)}
    if name == "leaky_relu":
        return {"activation": name, "alpha": rng.choice((0.01, 0.2, -0.5, 1.5, 0.0))}
    return {"activation": name}


def activations(rng):
    d = plain(rng, any_dtype(rng))
    d.layouts["input"] = rng.choice(LAYOUTS)
    return d.build(**activation_arguments(rng, rng.choice(ACTIVATIONS)))


SPECIAL = (NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 3.0, -3.0, 6.0, 1e-3, -1e-3, 1e-40, -1e-40, 9.0,
           -9.0, 20.0, -20.0, 88.0, -88.0, 89.5, -89.5, 104.0, -104.0, 1e4, -1e4, 1e30, -1e30)


def special_values(rng):
    """Each of SPECIAL on its own through an identity 1x1, so that the activation sees it."""
    p = plain(rng, any_dtype(rng)).build(**activation_arguments(rng, rng.choice(ACTIVATIONS)))
    dtype = p.input.dtype
    values = list(SPECIAL) * 2
    rng.shuffle(values)
    p.input = torch.tensor(values, dtype=dtype).reshape(2, 1, 4, 7)
    p.weight = torch.ones(rng.choice((1, 5, 18)), 1, 1, 1, dtype=dtype)
    p.bias, p.stride, p.padding, p.dilation, p.groups = None, (1, 1), (0,) * 4, (1, 1), 1
    return p


def windows(rng):
    """A few NaN and infinities in the input spread exactly as far as their windows."""
    d = plain(rng)
    d.groups = rng.choice((1, 2))
    d.fit()
    p = d.build()
    flat = p.input.view(-1)
    for _ in range(rng.randint(1, 4)):
        flat[rng.randrange(flat.numel())] = rng.choice((NAN, INF, -INF))
    return p


def extremes(rng):
    """Magnitudes from denormals to where sums overflow."""
    d = plain(rng)
    p = d.build()
    p.input = p.input * 10.0 ** rng.choice((-44, -38, -20, 18, 30))
    p.weight = p.weight * 10.0 ** rng.choice((-20, -5, 0, 8))
    return p


CATEGORIES = {
    "float32, mixed": (400, mixed),
    "float64": (120, double),
    "integers, exact": (200, integers),
    "unbatched": (100, unbatched),
    "same and valid": (160, auto_pad),
    "padding per side": (100, per_side),
    "padding modes": (220, padding_modes),
    "groups": (120, groups),
    "depthwise": (120, depthwise),
    "1x1": (80, pointwise),
    "layers of networks": (20, layers),
    "far strides, dilations": (60, far_steps),
    "channels_last": (120, channels_last),
    "sliced": (80, of_layout("sliced")),
    "transposed": (80, of_layout("transposed")),
    "expanded": (80, of_layout("expanded")),
    "negative strides": (60, of_layout("flipped")),
    "storage offset": (40, of_layout("offset")),
    "residual": (100, residual),
    "empty batch": (50, empty_batch),
    "no channels": (30, no_channels),
    "no rows, empty": (30, no_rows),
    "activations": (280, activations),
    "activations, special": (120, special_values),
    "NaN, infinity": (50, windows),
    "denormal to overflow": (60, extremes),
    "float16": (120, half(torch.float16)),
    "bfloat16": (120, half(torch.bfloat16)),
}
