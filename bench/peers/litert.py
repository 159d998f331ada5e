# SPDX-License-Identifier: BSD-2-Clause
"""LiteRT (TensorFlow Lite) with its XNNPACK delegate: a flatbuffer model of one convolution."""
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from .common import Adapter, channels_first, channels_last


def same_padding(size, kernel, stride, dilation):
    """Padding before and after an axis and the output's size, where the model says SAME."""
    out = -(-size // stride)
    total = max((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2, out


class Model:
    """Builds the flatbuffer, tensor by tensor and operator by operator."""

    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, b"conv"
        self.model.buffers, self.model.operatorCodes = [schema.BufferT()], []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, shape, constant=None, kind=schema.TensorType.FLOAT32):
        t = schema.TensorT()
        t.shape, t.type, t.buffer = list(shape), kind, 0
        t.name = f"t{len(self.graph.tensors)}".encode()
        if constant is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(constant).tobytes(), np.uint8)
            self.model.buffers.append(buffer)
            t.buffer = len(self.model.buffers) - 1
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def operator(self, name, inputs, output, options_name, options):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        self.model.operatorCodes.append(code)
        op = schema.OperatorT()
        op.opcodeIndex = len(self.model.operatorCodes) - 1
        op.inputs, op.outputs = inputs, [output]
        op.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        op.builtinOptions = options
        self.graph.operators.append(op)

    def finish(self, x, y):
        self.graph.inputs, self.graph.outputs = [x], [y]
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def add_padding(model, layer, x):
    """The tensor that the convolution reads, and its padding: SAME where that is what the layer
    has, else VALID after a PAD operator, which XNNPACK fuses where it can."""
    if not layer.ph and not layer.pw:
        return x, schema.Padding.VALID
    if (same_padding(layer.h, layer.kh, layer.sh, layer.dh) == (layer.ph, layer.ph, layer.oh) and
            same_padding(layer.w, layer.kw, layer.sw, layer.dw) == (layer.pw, layer.pw, layer.ow)):
        return x, schema.Padding.SAME
    sizes = np.array([[0, 0], [layer.ph] * 2, [layer.pw] * 2, [0, 0]], np.int32)
    padded = model.tensor([layer.n, layer.h + 2 * layer.ph, layer.w + 2 * layer.pw, layer.c])
    model.operator("PAD", [x, model.tensor([4, 2], sizes, schema.TensorType.INT32)], padded,
                   "PadOptions", schema.PadOptionsT())
    return padded, schema.Padding.VALID


def one_convolution(layer, weight, bias):
    model = Model()
    x = model.tensor([layer.n, layer.h, layer.w, layer.c])
    read, padding = add_padding(model, layer, x)
    if layer.depthwise:
        taps = weight.reshape(layer.oc, layer.kh, layer.kw).transpose(1, 2, 0)[None]
        options, name, kind = (schema.DepthwiseConv2DOptionsT(), "DEPTHWISE_CONV_2D",
                               "DepthwiseConv2DOptions")
        options.depthMultiplier = layer.oc // layer.g
    else:
        taps = weight.transpose(0, 2, 3, 1)
        options, name, kind = schema.Conv2DOptionsT(), "CONV_2D", "Conv2DOptions"
    options.padding, options.fusedActivationFunction = padding, 0
    options.strideH, options.strideW = layer.sh, layer.sw
    options.dilationHFactor, options.dilationWFactor = layer.dh, layer.dw
    y = model.tensor([layer.n, layer.oh, layer.ow, layer.oc])
    model.operator(name, [read, model.tensor(taps.shape, taps), model.tensor([layer.oc], bias)],
                   y, kind, options)
    return model.finish(x, y)


class LiteRT(Adapter):
    layout = "nhwc"
    note = "XNNPACK delegate"

    def version(self):
        return version("ai-edge-litert")

    def setup(self, layer, x, weight, bias):
        self.model = one_convolution(layer, weight, bias)
        self.interpreter = Interpreter(model_content=self.model, num_threads=self.threads)
        self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(self.interpreter.get_input_details()[0]["index"],
                                    channels_last(x))
        self.y = self.interpreter.get_output_details()[0]["index"]

    def run(self):
        self.interpreter.invoke()

    def output(self):
        return channels_first(self.interpreter.get_tensor(self.y))
