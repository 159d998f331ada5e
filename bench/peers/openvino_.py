# SPDX-License-Identifier: BSD-2-Clause
"""OpenVINO's CPU plugin in float32, with NCHW and with NHWC tensors at its doors."""
import numpy as np
import openvino
import openvino.opset13 as ops

from .common import Adapter, aligned, aligned_copy, channels_first, channels_last


class Plain(Adapter):
    note = "shared tensors; the plugin's own reorders of input and output are included"

    def version(self):
        return openvino.__version__.split("-")[0]

    def graph(self, layer, weight, bias):
        x = ops.parameter([layer.n, layer.c, layer.h, layer.w], np.float32)
        padding = [layer.ph, layer.pw]
        options = ([layer.sh, layer.sw], padding, padding, [layer.dh, layer.dw])
        if layer.g == 1:
            y = ops.convolution(x, ops.constant(weight), *options)
        else:
            grouped = weight.reshape(layer.g, layer.oc // layer.g, *weight.shape[1:])
            y = ops.group_convolution(x, ops.constant(grouped), *options)
        y = ops.add(y, ops.constant(bias.reshape(1, -1, 1, 1)))
        return openvino.Model([y], [x])

    def setup(self, layer, x, weight, bias):
        model = self.graph(layer, weight, bias)
        shape = (layer.n, layer.oc, layer.oh, layer.ow)
        if self.layout == "nhwc":
            doors = openvino.preprocess.PrePostProcessor(model)
            for door in (doors.input(), doors.output()):
                door.model().set_layout(openvino.Layout("NCHW"))
                door.tensor().set_layout(openvino.Layout("NHWC"))
            model = doors.build()
            x, shape = channels_last(x), (layer.n, layer.oh, layer.ow, layer.oc)
        compiled = openvino.Core().compile_model(model, "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()
        self.x, self.y = aligned_copy(x), aligned(shape)
        self.request.set_input_tensor(openvino.Tensor(self.x, shared_memory=True))
        self.request.set_output_tensor(openvino.Tensor(self.y, shared_memory=True))

    def run(self):
        self.request.start_async()
        self.request.wait()

    def output(self):
        return channels_first(self.y) if self.layout == "nhwc" else self.y


class ChannelsLast(Plain):
    layout = "nhwc"
    note = "shared tensors; NHWC tensors through the pre- and post-processor"
