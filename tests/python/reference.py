# SPDX-License-Identifier: BSD-2-Clause
"""The operation in a few lines of NumPy, in float64, and data for which every sum is exact.

Data are small integers, so results are equal to the reference bit by bit, whatever the order of
the sums."""
import numpy as np

_PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def four(padding, sizes_k, dilation):
    """top, left, bottom, right of a padding as conv2d.conv2d takes it."""
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, sizes_k)]
        return totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, \
            totals[1] - totals[1] // 2
    if isinstance(padding, int):
        return (padding,) * 4
    return tuple(padding) * (4 // len(padding))


def convolve(x, w, b=None, stride=(1, 1), padding=0, dilation=(1, 1), groups=1, mode="zeros"):
    """Result in float64, [n, oc, oh, ow] or [oc, oh, ow]."""
    if x.ndim == 3:
        return convolve(x[None], w, b, stride, padding, dilation, groups, mode)[0]
    oc, per_group, kh, kw = w.shape
    top, left, bottom, right = four(padding, (kh, kw), dilation)
    p = np.pad(x.astype("f8"), ((0, 0), (0, 0), (top, bottom), (left, right)), _PAD[mode])
    oh = (p.shape[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (p.shape[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    y = np.zeros((x.shape[0], oc, oh, ow))
    for g in range(groups):
        outs = slice(g * oc // groups, (g + 1) * oc // groups)
        for ky in range(kh):
            for kx in range(kw):
                rows, columns = ky * dilation[0], kx * dilation[1]
                taps = p[:, g * per_group:(g + 1) * per_group,
                         rows:rows + (oh - 1) * stride[0] + 1:stride[0],
                         columns:columns + (ow - 1) * stride[1] + 1:stride[1]]
                y[:, outs] += np.einsum("nchw,oc->nohw", taps, w[outs, :, ky, kx].astype("f8"))
    return y if b is None else y + b.astype("f8").reshape(1, oc, 1, 1)


def integers(rng, sizes, dtype="f4"):
    return rng.integers(-8, 9, sizes).astype(dtype)


def strided(rng, array):
    """The same values in another place: transposed, sliced, reversed or with gaps."""
    axes = rng.permutation(array.ndim)
    steps = rng.choice([-2, -1, 1, 2, 3], array.ndim)
    host = np.full([n * abs(s) + 1 for n, s in zip(np.array(array.shape)[axes], steps)], np.nan,
                   array.dtype)
    view = host[tuple(slice(None, n * s, s) if s > 0 else slice(-1, -1 + n * s if
                -1 + n * s >= -host.shape[i] else None, s)
                      for i, (n, s) in enumerate(zip(np.array(array.shape)[axes], steps)))]
    view = view.transpose(np.argsort(axes))
    view[...] = array
    return view
