# SPDX-License-Identifier: BSD-2-Clause
"""What PyTorch says to a Problem: an error, or values in float64 with the bound of the header.

The bound (include/conv2d/conv2d.h, NUMERICS): |result - y| <= g(K+2) s + (K+2) 2^-149 before the
activation, y and s = |b| + |r| + sum |w||x| computed here in float64, whose own rounding is added.
"""
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from cases import INF, plain

FLT_MAX = torch.finfo(torch.float32).max
REFUSED_HERE = "torch computes (or was not asked), refused here: "
EMPTY = torch.empty(0, dtype=torch.float64)
PAD_NAMES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate",
             "circular": "circular"}


def prepare(onednn=False):
    """Settings of torch: one thread, and its own loops. oneDNN, which PyTorch 2.13 takes for
    float32, ends the program on some valid problems (seen with a padded 1x1 over channels_last
    and an unaligned weight) and refuses some far strides; neither is PyTorch's meaning."""
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = onednn


@dataclass
class Outcome:
    error: bool
    message: str = ""               # torch's
    shape: tuple = ()
    values: torch.Tensor = EMPTY
    tolerances: torch.Tensor = EMPTY
    sizes_error: bool = False       # the shapes alone are wrong


ACTIVATE = {
    "none": lambda v, p: v,
    "relu": lambda v, p: F.relu(v),
    "relu6": lambda v, p: F.relu6(v),
    "leaky_relu": lambda v, p: F.leaky_relu(v, p.alpha),
    "sigmoid": lambda v, p: torch.sigmoid(v),
    "tanh": lambda v, p: torch.tanh(v),
    "silu": lambda v, p: F.silu(v),
    "hardswish": lambda v, p: F.hardswish(v),
    "hardsigmoid": lambda v, p: F.hardsigmoid(v),
    "gelu": lambda v, p: F.gelu(v),
    "gelu_tanh": lambda v, p: F.gelu(v, approximate="tanh"),
    "mish": lambda v, p: F.mish(v),
}


def activate(values, problem):
    bounded = problem.output_min != -INF or problem.output_max != INF
    if problem.activation == "clamp" or (problem.activation == "none" and bounded):
        if problem.output_min > -INF and problem.output_max < INF:
            return F.hardtanh(values, problem.output_min, problem.output_max)
        return torch.clamp(values, problem.output_min, problem.output_max)
    return ACTIVATE[problem.activation](values, problem)


def convolve(problem, x, w, b):
    """The call a PyTorch user writes: conv2d, after F.pad where conv2d itself cannot pad so."""
    p = problem
    top, left, bottom, right = p.padding
    if p.auto_pad is not None and p.padding_mode == "zeros":
        return F.conv2d(x, w, b, p.stride, p.auto_pad, p.dilation, p.groups)
    if p.padding_mode == "zeros" and (top, left) == (bottom, right):
        return F.conv2d(x, w, b, p.stride, (top, left), p.dilation, p.groups)
    if p.auto_pad == "same":        # torch.nn.Conv2d's rule for padding modes
        if tuple(p.stride) != (1, 1):
            raise ValueError("padding='same' is not supported for strided convolutions")
        total = [p.dilation[i] * (w.shape[2 + i] - 1) for i in (0, 1)]
        top, left = total[0] // 2, total[1] // 2
        bottom, right = total[0] - top, total[1] - left
    elif p.auto_pad not in (None, "valid"):
        raise RuntimeError("Invalid padding string")
    if min(top, left, bottom, right) < 0:
        raise RuntimeError("negative padding is not supported")  # F.pad would crop
    x = F.pad(x, (left, right, top, bottom), mode=PAD_NAMES[p.padding_mode])
    return F.conv2d(x, w, b, p.stride, 0, p.dilation, p.groups)


def gamma(n, u):
    return n * u / (1 - n * u)


def double(tensor):
    return None if tensor is None else plain(tensor).double()


def magnitude(problem):
    """s of every output element."""
    s = convolve(problem, double(problem.input).abs(), double(problem.weight).abs(),
                 None if problem.bias is None else double(problem.bias).abs())
    return s if problem.residual is None else s + double(problem.residual).abs()


def tolerances(problem, y, s):
    w = plain(problem.weight)
    n = w.shape[1] * w.shape[2] * w.shape[3] + 2
    own = n * 2.0 ** -52 * s        # what the oracle itself may be off
    if plain(problem.input).dtype == torch.float64:
        allowed = gamma(n, 2.0 ** -53) * s + own
    else:
        allowed = gamma(n, 2.0 ** -24) * s + n * 2.0 ** -149 + own
        # Beyond the promise sums may overflow on the way: any value is accepted.
        allowed[(s > FLT_MAX / 2) & torch.isfinite(s)] = INF
    if problem.exact:
        allowed.zero_()
    allowed[~torch.isfinite(y)] = 0  # NaN and infinity are compared as what they are
    return allowed


def ask(problem):
    """compute(), and for an error whether torch raises without bias, residual, activation too."""
    outcome = compute(problem)
    if outcome.error and not problem.unasked:
        bare = replace(problem, bias=None, residual=None, activation="none", output_min=-INF,
                       output_max=INF, differs="")
        outcome.sizes_error = compute(bare).error
    return outcome


def compute(problem):
    """Call torch as a user would; if it computes, compute again in float64."""
    p = problem
    if p.unasked:
        return Outcome(True, REFUSED_HERE + p.differs)
    given = double if p.float64_decides else plain
    try:
        b = None if p.bias is None else given(p.bias)
        got = convolve(p, given(p.input), given(p.weight), b)
        if p.residual is not None:
            r = given(p.residual)
            if r.shape != got.shape or r.dtype != got.dtype:
                raise RuntimeError("residual does not fit")  # torch would broadcast
            got = got + r
        got = activate(got, p)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as e:
        return Outcome(True, str(e).splitlines()[0])
    if p.differs:
        return Outcome(True, REFUSED_HERE + p.differs)
    y = convolve(p, double(p.input), double(p.weight), double(p.bias))
    if p.residual is not None:
        y = y + double(p.residual)
    assert y.shape == got.shape
    allowed = tolerances(p, y, magnitude(p)) if y.numel() else y.clone()
    return Outcome(False, "", tuple(y.shape), activate(y, p).clone().contiguous(),
                   allowed.contiguous())
