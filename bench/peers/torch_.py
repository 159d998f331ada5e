# SPDX-License-Identifier: BSD-2-Clause
"""PyTorch: eager in both memory formats, and the prepacked operator that inductor emits."""
import torch

from .common import Adapter


class Eager(Adapter):
    note = "output allocated per call (heap kept warm), weights reordered per call"
    format = torch.contiguous_format

    def __init__(self, threads):
        super().__init__(threads)
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    def version(self):
        return torch.__version__

    def setup(self, layer, x, weight, bias):
        self.x = torch.from_numpy(x.copy()).contiguous(memory_format=self.format)
        self.weight = torch.from_numpy(weight.copy()).contiguous(memory_format=self.format)
        self.bias = torch.from_numpy(bias.copy())
        self.options = {"stride": (layer.sh, layer.sw), "padding": (layer.ph, layer.pw),
                        "dilation": (layer.dh, layer.dw), "groups": layer.g}

    def run(self):
        with torch.inference_mode():
            self.y = torch.nn.functional.conv2d(self.x, self.weight, self.bias, **self.options)

    def output(self):
        return self.y.contiguous().numpy()


class ChannelsLast(Eager):
    layout = "nhwc"
    format = torch.channels_last


class Prepacked(ChannelsLast):
    """What torch.compile emits with freezing: oneDNN's weights packed once."""
    note = "output allocated per call (heap kept warm)"

    def setup(self, layer, x, weight, bias):
        super().setup(layer, x, weight, bias)
        padding, stride = [layer.ph, layer.pw], [layer.sh, layer.sw]
        dilation = [layer.dh, layer.dw]
        self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(
            self.weight.contiguous().to_mkldnn(), padding, stride, dilation, layer.g,
            list(x.shape))
        self.call = torch.ops.mkldnn._convolution_pointwise.default
        self.arguments = (padding, stride, dilation, layer.g, "none", [], "")

    def run(self):
        with torch.inference_mode():
            self.y = self.call(self.x, self.weight, self.bias, *self.arguments)
