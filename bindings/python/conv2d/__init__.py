# SPDX-License-Identifier: BSD-2-Clause
"""2-D convolution for NumPy arrays, torch tensors and anything with __dlpack__, on the CPU.

    import conv2d, numpy
    y = conv2d.conv2d(x, weight, bias, padding="same", activation="relu")   # once
    layer = conv2d.prepack(weight, bias, padding="same", activation="relu")  # weights packed once
    y = layer(x)

Shapes are [n, c, h, w] for inputs and outputs, [oc, c / groups, kh, kw] for weights, wherever the
elements lie in memory; sizes and strides count elements, paddings pixels."""
from . import _library
from ._context import Context, conv2d, prepack
from ._device import info, set_num_threads
from ._files import load, load_all, save
from ._tune import export_wisdom, forget_wisdom, import_wisdom, tune

__version__: str = _library.version
__all__ = ["Context", "conv2d", "export_wisdom", "forget_wisdom", "import_wisdom", "info", "load",
           "load_all", "prepack", "save", "set_num_threads", "tune", "__version__"]
