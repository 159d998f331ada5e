# SPDX-License-Identifier: BSD-2-Clause
"""conv2d through its Python package, as the peers are: prepacked, with bound buffers."""
import conv2d
import numpy as np

from .common import Adapter, aligned, aligned_copy, channels_first, channels_last


class Plain(Adapter):
    note = "ctypes call"

    def __init__(self, threads):
        super().__init__(threads)
        conv2d.set_num_threads(threads)

    def version(self):
        return conv2d.__version__

    def setup(self, layer, x, weight, bias):
        self.context = conv2d.prepack(
            weight, bias, stride=(layer.sh, layer.sw), padding=(layer.ph, layer.pw),
            dilation=(layer.dh, layer.dw), groups=layer.g)
        if self.layout == "nhwc":
            self.x = channels_first(aligned_copy(channels_last(x)))
            self.y = channels_first(aligned((layer.n, layer.oh, layer.ow, layer.oc)))
        else:
            self.x, self.y = aligned_copy(x), aligned((layer.n, layer.oc, layer.oh, layer.ow))

    def run(self):
        self.context.run(self.x, out=self.y)

    def output(self):
        return np.ascontiguousarray(self.y)


class ChannelsLast(Plain):
    layout = "nhwc"
