# SPDX-License-Identifier: BSD-2-Clause
"""What an adapter is, and helpers that several share."""
import numpy as np


class Skip(Exception):
    """Raised by setup() where the peer cannot run the layer."""


class Adapter:
    """One library in one way of calling it."""
    layout = "nchw"  # of what run() reads and writes: nchw, nhwc, or native, a blocked one
    note = ""        # what run() includes beside the convolution

    def __init__(self, threads):
        self.threads = threads

    def version(self):
        raise NotImplementedError

    def setup(self, layer, x, weight, bias):
        """Prepare a layer: x NCHW, weight OIHW, bias OC, all float32; weights are constant."""
        raise NotImplementedError

    def run(self):
        """One convolution, complete when it returns."""
        raise NotImplementedError

    def output(self):
        """The last run's result as an NCHW float32 array."""
        raise NotImplementedError


def aligned(shape, alignment=64):
    """Zeros whose first byte is aligned as a network's activations are."""
    n = int(np.prod(shape))
    raw = np.zeros(n + alignment // 4, np.float32)
    offset = (-raw.ctypes.data % alignment) // 4
    return raw[offset:offset + n].reshape(shape)


def aligned_copy(array):
    copy = aligned(array.shape)
    copy[...] = array
    return copy


def channels_last(array):
    """The same tensor in NHWC order in memory."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1))


def channels_first(array):
    """An NHWC array's elements as N C H W."""
    return array.transpose(0, 3, 1, 2)


def cpu_has(flag):
    with open("/proc/cpuinfo", encoding="ascii") as info:
        return flag in info.read().split()


def onnx_model(layer, weight, bias):
    """A graph of one Conv node, serialized."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    node = helper.make_node(
        "Conv", ["x", "w", "b"], ["y"], kernel_shape=[layer.kh, layer.kw],
        strides=[layer.sh, layer.sw], pads=[layer.ph, layer.pw, layer.ph, layer.pw],
        dilations=[layer.dh, layer.dw], group=layer.g)
    shapes = {"x": [layer.n, layer.c, layer.h, layer.w],
              "y": [layer.n, layer.oc, layer.oh, layer.ow]}
    ends = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()}
    graph = helper.make_graph([node], "conv", [ends["x"]], [ends["y"]],
                              [numpy_helper.from_array(np.ascontiguousarray(weight), "w"),
                               numpy_helper.from_array(np.ascontiguousarray(bias), "b")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model.SerializeToString()
