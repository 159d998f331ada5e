# SPDX-License-Identifier: BSD-2-Clause
"""Layers of bench/models: sizes from problem text, their data, and the result in float64.

Reads the sizes of docs/problem-text.md, with the same padding on both sides of an axis; what
follows a colon there is not for benchmarks."""
import functools
import os
import re
from dataclasses import dataclass

import numpy as np

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "models")


@dataclass(frozen=True)
class Layer:
    """One convolution; dh and dw are 1 for a dense kernel."""
    text: str
    name: str
    n: int
    c: int
    h: int
    w: int
    oc: int
    oh: int
    ow: int
    kh: int
    kw: int
    sh: int
    sw: int
    ph: int
    pw: int
    dh: int
    dw: int
    g: int

    @property
    def flops(self):
        """Operations of a direct convolution, padded taps included."""
        return 2 * self.n * self.oc * self.oh * self.ow * self.c // self.g * self.kh * self.kw

    @property
    def bytes(self):
        """Of input, weights and output, each moved once."""
        return 4 * (self.n * self.c * self.h * self.w + self.n * self.oc * self.oh * self.ow
                    + self.oc * self.c // self.g * self.kh * self.kw)

    @property
    def depthwise(self):
        return self.g > 1 and self.g == self.c and self.oc % self.g == 0


def parse(text):
    """A line of problem text as a Layer; ValueError if it says more than a benchmark can do."""
    name = re.search(r'n"([^"]*)"', text)
    sizes, _, options = text.replace(name.group(0) if name else "", "").partition(":")
    if options:
        raise ValueError(f"benchmarks have no options, got {text}")
    found = {key: int(value) for key, value in re.findall(r"([a-z]+)(\d+)", sizes)}

    def pair(key, default):
        """The sizes of both axes, one standing for both as docs/problem-text.md says."""
        y, x = found.get(key + "h"), found.get(key + "w")
        y, x = (x if y is None else y), (y if x is None else x)
        return (default, default) if y is None else (y, x)

    (h, w), (kh, kw) = pair("i", None), pair("k", None)
    (sh, sw), (ph, pw), (dh, dw) = pair("s", 1), pair("p", 0), pair("d", 0)
    oh = (h + 2 * ph - (dh + 1) * (kh - 1) - 1) // sh + 1
    ow = (w + 2 * pw - (dw + 1) * (kw - 1) - 1) // sw + 1
    if found.get("oh", oh) != oh or found.get("ow", ow) != ow:
        raise ValueError(f"padding is not the same on both sides: {text}")
    return Layer(text, name.group(1) if name else text, found.get("mb", 1), found["ic"], h, w,
                 found["oc"], oh, ow, kh, kw, sh, sw, ph, pw, dh + 1, dw + 1, found.get("g", 1))


@functools.cache
def read(table, match=""):
    """The layers of bench/models/TABLE.txt whose names have the regular expression in them."""
    with open(os.path.join(MODELS, table + ".txt"), encoding="utf-8") as lines:
        layers = [parse(line.strip()) for line in lines if line.strip() and line[0] != "#"]
    return [layer for layer in layers if re.search(match, layer.name)]


def data(layer):
    """Input, weights and bias; results are of the size of the inputs."""
    random = np.random.default_rng(1234)
    taps = layer.c // layer.g * layer.kh * layer.kw

    def draw(*shape):
        return random.uniform(-1, 1, shape).astype(np.float32)

    x = draw(layer.n, layer.c, layer.h, layer.w)
    weight = draw(layer.oc, layer.c // layer.g, layer.kh, layer.kw) * np.float32((3 / taps) ** 0.5)
    return x, weight, draw(layer.oc)


def reference(layer, x, weight, bias):
    """The result in float64, a direct sum over the taps."""
    n, c, oc, g, oh, ow = layer.n, layer.c, layer.oc, layer.g, layer.oh, layer.ow
    padded = np.zeros((n, c, layer.h + 2 * layer.ph, layer.w + 2 * layer.pw))
    padded[:, :, layer.ph:layer.ph + layer.h, layer.pw:layer.pw + layer.w] = x
    weight = weight.astype(np.float64)
    y = np.zeros((n, oc, oh, ow))
    for i in range(layer.kh):
        for j in range(layer.kw):
            top, left = i * layer.dh, j * layer.dw
            tap = padded[:, :, top:top + (oh - 1) * layer.sh + 1:layer.sh,
                         left:left + (ow - 1) * layer.sw + 1:layer.sw]
            if g == c == oc:
                y += tap * weight[:, 0, i, j].reshape(1, -1, 1, 1)
                continue
            matrices = weight[:, :, i, j].reshape(1, g, oc // g, c // g)
            y += np.matmul(matrices, tap.reshape(n, g, c // g, oh * ow)).reshape(y.shape)
    return y + bias.reshape(1, -1, 1, 1)
