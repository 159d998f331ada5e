# SPDX-License-Identifier: BSD-2-Clause
"""ONNX's Conv node: padding per side, auto_pad, dilations, group, as the operator's page states.

The cases of ONNX's page stand here with expected values worked out from its formulas, so they run
everywhere; where the package onnx is installed its own node cases and PyTorch's converted layers
run too, values included."""
import glob
import os
import unittest

import conv2d
import numpy as np
from reference import convolve

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError:
    onnx = None


def pads_of(auto_pad, sizes, kernel, strides, dilations):
    """top, left, bottom, right of SAME_UPPER and SAME_LOWER: output size = ceil(size / stride), an
    odd pixel goes to the end (UPPER) or to the beginning (LOWER)."""
    begins, ends = [], []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations):
        out = -(-size // stride)
        total = max((out - 1) * stride + dilation * (k - 1) + 1 - size, 0)
        begin = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
        begins.append(begin)
        ends.append(total - begin)
    return begins + ends


def node_conv(x, w, b=None, *, auto_pad="NOTSET", dilations=(1, 1), group=1, kernel_shape=None,
              pads=(0, 0, 0, 0), strides=(1, 1), accuracy="strict"):
    """A Conv node of two spatial axes by conv2d.conv2d(); ONNX orders pads as we do. Strict:
    integers are exact."""
    assert kernel_shape is None or tuple(kernel_shape) == w.shape[2:]
    if auto_pad.startswith("SAME"):
        pads = pads_of(auto_pad, x.shape[2:], w.shape[2:], strides, dilations)
    return conv2d.conv2d(x, w, b, tuple(strides), tuple(pads), tuple(dilations), group,
                         accuracy=accuracy)


ONES = np.ones((1, 1, 3, 3), "f4")


def ramp(h, w):
    return np.arange(h * w, dtype="f4").reshape(1, 1, h, w)


class Written(unittest.TestCase):
    """The examples of the operator's page."""
    def check(self, expected, *arguments, **attributes):
        y = node_conv(*arguments, **attributes)
        np.testing.assert_array_equal(y, np.array(expected, "f4")[None, None])

    def test_basic_conv_with_padding(self):
        self.check([[12, 21, 27, 33, 24], [33, 54, 63, 72, 51], [63, 99, 108, 117, 81],
                    [93, 144, 153, 162, 111], [72, 111, 117, 123, 84]],
                   ramp(5, 5), ONES, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def test_basic_conv_without_padding(self):
        self.check([[54, 63, 72], [99, 108, 117], [144, 153, 162]], ramp(5, 5), ONES)

    def test_conv_with_strides_padding(self):
        self.check([[12, 27, 24], [63, 108, 81], [123, 198, 141], [112, 177, 124]],
                   ramp(7, 5), ONES, pads=[1, 1, 1, 1], strides=[2, 2])

    def test_conv_with_strides_no_padding(self):
        self.check([[54, 72], [144, 162], [234, 252]], ramp(7, 5), ONES, strides=[2, 2])

    def test_conv_with_strides_and_asymmetric_padding(self):
        self.check([[21, 33], [99, 117], [189, 207], [171, 183]],
                   ramp(7, 5), ONES, pads=[1, 0, 1, 0], strides=[2, 2])

    def test_conv_with_autopad_same(self):
        self.check([[12, 27, 24], [63, 108, 81], [72, 117, 84]],
                   ramp(5, 5), ONES, auto_pad="SAME_LOWER", strides=[2, 2])


class Attributes(unittest.TestCase):
    """Every combination of attributes against the NumPy reference, which pads per side itself."""
    def test_all_combinations(self):
        rng = np.random.default_rng(80)
        n_cases = 0
        for group in (1, 2, 4):
            x = rng.integers(-8, 9, (2, 4, 9, 7)).astype("f4")
            w = rng.integers(-8, 9, (8, 4 // group, 3, 2)).astype("f4")
            b = rng.integers(-8, 9, 8).astype("f4")
            for strides in ((1, 1), (2, 1), (2, 3)):
                for dilations in ((1, 1), (1, 2), (3, 2)):
                    for pads in ("VALID", "SAME_UPPER", "SAME_LOWER", (0, 1, 0, 0), (0, 0, 2, 0),
                                 (3, 0, 1, 2), (1, 2, 3, 4)):
                        named = isinstance(pads, str)
                        how = dict(auto_pad=pads) if named else dict(pads=pads)
                        y = node_conv(x, w, b, strides=strides, dilations=dilations, group=group,
                                      **how)
                        if named:
                            pads = (0, 0, 0, 0) if pads == "VALID" else pads_of(
                                pads, (9, 7), (3, 2), strides, dilations)
                            if how["auto_pad"] != "VALID":
                                self.assertEqual(y.shape[2:], (-(-9 // strides[0]),
                                                               -(-7 // strides[1])))
                        expected = convolve(x, w, b, strides, tuple(pads), dilations, group)
                        np.testing.assert_array_equal(y, expected)
                        # Whatever the planner takes by default.
                        y = node_conv(x, w, b, strides=strides, dilations=dilations, group=group,
                                      accuracy="default", **how)
                        most = convolve(abs(x), abs(w), abs(b), strides, tuple(pads), dilations,
                                        group).max()
                        np.testing.assert_allclose(y, expected, rtol=0, atol=2e-5 * most)
                        n_cases += 1
        self.assertEqual(n_cases, 3 * 3 * 3 * 7)


@unittest.skipIf(onnx is None, "onnx is absent")
class Packaged(unittest.TestCase):
    """Cases that the package onnx carries, with its inputs and expected outputs."""
    @staticmethod
    def attributes(node):
        values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        return {k: v.decode() if isinstance(v, bytes) else v for k, v in values.items()}

    def test_node_cases(self):
        from onnx.backend.test.case.node import collect_testcases
        with np.errstate(all="ignore"):
            cases = collect_testcases("Conv")
        for case in cases:
            node, = case.model.graph.node
            for inputs, outputs in case.data_sets:
                with self.subTest(case=case.name):
                    y = node_conv(*inputs, **self.attributes(node))
                    np.testing.assert_allclose(y, outputs[0], rtol=case.rtol, atol=case.atol)
        self.assertGreaterEqual(len(cases), 6)

    def test_converted_layers(self):
        room = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
        n_cases = 0
        for folder in glob.glob(os.path.join(room, "pytorch-converted", "test_Conv2d*")):
            model = onnx.load(os.path.join(folder, "model.onnx"))
            nodes = [node for node in model.graph.node if node.op_type == "Conv"]
            self.assertEqual(len(nodes), len(model.graph.node), folder)
            values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
            given = [v.name for v in model.graph.input if v.name not in values]
            for i, name in enumerate(given):
                values[name] = self.read(folder, f"input_{i}.pb")
            for node in nodes:
                values[node.output[0]] = node_conv(*(values[n] for n in node.input),
                                                   **self.attributes(node))
            with self.subTest(case=os.path.basename(folder)):
                np.testing.assert_allclose(values[model.graph.output[0].name],
                                           self.read(folder, "output_0.pb"), rtol=1e-3, atol=1e-6)
            n_cases += 1
        self.assertGreaterEqual(n_cases, 10)

    @staticmethod
    def read(folder, name):
        tensor = onnx.TensorProto()
        with open(os.path.join(folder, "test_data_set_0", name), "rb") as file:
            tensor.ParseFromString(file.read())
        return numpy_helper.to_array(tensor)


if __name__ == "__main__":
    unittest.main()
