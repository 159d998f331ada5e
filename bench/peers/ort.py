# SPDX-License-Identifier: BSD-2-Clause
"""onnxruntime: a graph of one Conv with plain tensors, and between two convolutions of a network,
where its activations stay in its blocked layout."""
import os
import tempfile

import numpy as np
import onnxruntime

from .common import Adapter, Skip, aligned_copy, cpu_has, onnx_model


class Plain(Adapter):
    note = "IOBinding; the graph's own reorders of input and output are included"

    def version(self):
        return onnxruntime.__version__

    def options(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3  # errors
        return options

    def bind(self, model, x, output_shape):
        self.session = onnxruntime.InferenceSession(model, self.options(),
                                                    providers=["CPUExecutionProvider"])
        self.x = onnxruntime.OrtValue.ortvalue_from_numpy(x)
        self.y = onnxruntime.OrtValue.ortvalue_from_shape_and_type(output_shape, np.float32,
                                                                   "cpu")
        self.binding = self.session.io_binding()
        self.binding.bind_ortvalue_input("x", self.x)
        self.binding.bind_ortvalue_output("y", self.y)

    def setup(self, layer, x, weight, bias):
        self.bind(onnx_model(layer, weight, bias), aligned_copy(x),
                  [layer.n, layer.oc, layer.oh, layer.ow])

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def output(self):
        return self.y.numpy()


class Blocked(Plain):
    """The optimized graph without its reorders."""
    layout = "native"
    note = "IOBinding; activations in blocks of channels, no reorders"

    def optimized(self, layer, weight, bias):
        """Nodes and constants of the graph as onnxruntime rewrites it."""
        import onnx
        with tempfile.TemporaryDirectory(prefix="conv2d-ort-") as folder:
            options = self.options()
            options.optimized_model_filepath = os.path.join(folder, "optimized.onnx")
            onnxruntime.InferenceSession(onnx_model(layer, weight, bias), options,
                                         providers=["CPUExecutionProvider"])
            return onnx.load(options.optimized_model_filepath).graph

    def setup(self, layer, x, weight, bias):
        from onnx import TensorProto, helper
        graph = self.optimized(layer, weight, bias)
        nodes = [node for node in graph.node if node.op_type == "Conv"]
        if len(nodes) != 1 or nodes[0].domain != "com.microsoft.nchwc":
            raise Skip("the optimizer leaves NCHW")
        node = nodes[0]
        self.layer, self.block = layer, 16 if cpu_has("avx512f") else 8
        n, c, block = layer.n, layer.c, self.block
        # Few input channels are read in NCHW; else they are reordered, which is left out here.
        if any(other.op_type == "ReorderInput" for other in graph.node):
            c = (c + block - 1) // block * block
            padded = np.zeros((n, c, layer.h, layer.w), np.float32)
            padded[:, :layer.c] = x
            x = padded.reshape(n, c // block, block, layer.h, layer.w).transpose(0, 1, 3, 4, 2)
            x = x.reshape(n, c, layer.h, layer.w)
        self.oc = next(t for t in graph.initializer if t.name == node.input[1]).dims[0]
        node.input[0], node.output[0] = "x", "y"
        shapes = {"x": [n, c, layer.h, layer.w], "y": [n, self.oc, layer.oh, layer.ow]}
        ends = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
                for name, shape in shapes.items()}
        constants = [t for t in graph.initializer if t.name in list(node.input)]
        model = helper.make_model(
            helper.make_graph([node], "conv", [ends["x"]], [ends["y"]], constants),
            opset_imports=[helper.make_opsetid("", 13),
                           helper.make_opsetid("com.microsoft.nchwc", 1)])
        model.ir_version = 8
        self.bind(model.SerializeToString(), aligned_copy(x), shapes["y"])

    def output(self):
        layer = self.layer
        y = self.y.numpy().reshape(layer.n, self.oc // self.block, layer.oh, layer.ow, self.block)
        y = y.transpose(0, 1, 4, 2, 3).reshape(layer.n, self.oc, layer.oh, layer.ow)
        return y[:, :layer.oc]
