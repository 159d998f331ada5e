# SPDX-License-Identifier: BSD-2-Clause
"""Random problems: sizes first (Draw), then tensors of every memory layout over them."""
import random

import torch

from cases import Flipped, Problem

LAYOUTS = ("contiguous", "channels_last", "sliced", "transposed", "expanded", "flipped", "offset")


def numbers(shape, dtype, scale=None):
    """Normal numbers; with scale, integers in [-scale, scale]."""
    if scale is not None:
        return torch.randint(-scale, scale + 1, shape).to(dtype)
    if not dtype.is_floating_point:
        return torch.randint(0, 5, shape).to(dtype)
    return torch.randn(shape, dtype=torch.float64).to(dtype)


def grow(rng, shape, dtype, scale):
    """A view of shape with steps and margins in a larger tensor."""
    steps = [rng.choice((1, 1, 2, 3)) for _ in shape]
    starts = [rng.randint(0, 2) for _ in shape]
    whole = numbers([a + max(s, 1) * m for a, s, m in zip(starts, shape, steps)], dtype, scale)
    return whole[tuple(slice(a, a + s * m, m) for a, s, m in zip(starts, shape, steps))]


def tensor(rng, shape, dtype=torch.float32, layout="contiguous", scale=None):
    """A tensor (or Flipped) of shape that lies in memory as layout says."""
    shape = tuple(shape)
    rank = len(shape)
    if layout == "channels_last" and rank >= 3:
        c = rank - 3
        order = [i for i in range(rank) if i != c] + [c]
        base = numbers([shape[i] for i in order], dtype, scale)
        return base.permute([order.index(i) for i in range(rank)])
    if layout == "sliced":
        return grow(rng, shape, dtype, scale)
    if layout == "transposed":
        order = list(range(rank))
        rng.shuffle(order)
        base = numbers([shape[i] for i in order], dtype, scale)
        return base.permute([order.index(i) for i in range(rank)])
    if layout == "expanded":
        axes = [i for i in range(rank) if rng.random() < 0.5]
        base = numbers([1 if i in axes and shape[i] else shape[i] for i in range(rank)], dtype,
                       scale)
        return base.expand(shape)
    if layout == "flipped" and all(shape):
        axes = tuple(i for i in range(rank) if rng.random() < 0.6) or (rank - 1,)
        return Flipped(numbers(shape, dtype, scale), axes)
    if layout == "offset":
        count = 1
        for s in shape:
            count *= s
        return numbers([count + 5], dtype, scale)[rng.randint(1, 5):][:count].reshape(shape)
    return numbers(shape, dtype, scale)


class Draw:
    """Sizes and parameters of a problem that is valid unless a caller spoils it before build()."""

    def __init__(self, rng, dtype=torch.float32, scale=None):
        r = rng
        self.rng, self.dtype, self.scale = rng, dtype, scale
        self.n = r.choice((1, 1, 2, 3))
        self.groups = r.choice((1, 1, 1, 1, 2, 3))
        self.icg = r.choice((1, 2, 3, 4, 5, 8, 17))
        self.ocg = r.choice((1, 2, 3, 4, 7, 8, 16, 19))
        self.kernel = [r.choice((1, 2, 3, 3, 3, 4, 5)) for _ in range(2)]
        self.stride = [r.choice((1, 1, 1, 2, 3)) for _ in range(2)]
        self.dilation = [r.choice((1, 1, 1, 2, 3)) for _ in range(2)]
        both = [r.choice((0, 0, 1, 1, 2, 3)) for _ in range(2)]
        self.padding = both + both
        self.size = [r.randint(1, 14) for _ in range(2)]
        self.auto_pad, self.padding_mode = None, "zeros"
        self.bias, self.unbatched, self.residual = r.random() < 0.7, False, False
        self.layouts = {"input": "contiguous", "weight": "contiguous", "bias": "contiguous",
                        "residual": "contiguous"}
        self.output_kind = "nchw"

    def reach(self, axis):
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def fit(self):
        """Grow the picture until the kernel, and the padding of the mode, fit."""
        for a in range(2):
            pad = [0, 0] if self.auto_pad else [self.padding[a], self.padding[a + 2]]
            if self.auto_pad == "same":
                pad = [self.reach(a) - 1] * 2
            else:
                self.size[a] = max(self.size[a], self.reach(a) - sum(pad), 1)
            if self.padding_mode == "reflect":
                self.size[a] = max(self.size[a], max(pad) + 1)
            elif self.padding_mode == "circular":
                self.size[a] = max(self.size[a], max(pad))
        return self

    def all_layouts(self):
        for name in self.layouts:
            self.layouts[name] = self.rng.choice(LAYOUTS)
        self.output_kind = self.rng.choice(("nchw", "nhwc", "sliced", "transposed"))
        return self

    def output_shape(self):
        """Without PyTorch, so that a residual can be made; torch checks it by adding."""
        out = []
        for a in range(2):
            pad = self.padding[a] + self.padding[a + 2]
            pad = {"same": self.reach(a) - 1, "valid": 0}.get(self.auto_pad, pad)
            out.append((self.size[a] + pad - self.reach(a)) // self.stride[a] + 1)
        batch = [] if self.unbatched else [self.n]
        return batch + [self.groups * self.ocg] + out

    def make(self, name, shape):
        return tensor(self.rng, shape, self.dtype, self.layouts[name], self.scale)

    def build(self, **more):
        batch = [] if self.unbatched else [self.n]
        padding = [0] * 4 if self.auto_pad else self.padding
        p = Problem(
            input=self.make("input", batch + [self.groups * self.icg] + self.size),
            weight=self.make("weight", [self.groups * self.ocg, self.icg] + self.kernel),
            stride=tuple(self.stride), padding=tuple(padding), auto_pad=self.auto_pad,
            padding_mode=self.padding_mode, dilation=tuple(self.dilation), groups=self.groups,
            output_kind=self.output_kind, entry=self.rng.randrange(3),
            exact=self.scale is not None)
        if self.bias:
            p.bias = self.make("bias", [self.groups * self.ocg])
        if self.residual:
            p.residual = self.make("residual", self.output_shape())
            p.in_place = self.rng.random() < 0.4
        for name, value in more.items():
            setattr(p, name, value)
        return p


def seeded(seed, number):
    """The random numbers of one problem: the same whatever else is run."""
    torch.manual_seed(seed * 1000003 + number)
    return random.Random(seed * 1000003 + number)
