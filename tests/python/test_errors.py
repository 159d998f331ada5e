# SPDX-License-Identifier: BSD-2-Clause
"""Bad arguments: the right exception, a sentence that names the argument, nothing written."""
import unittest

import conv2d
import numpy as np

X = np.ones((2, 4, 8, 8), "f4")
W = np.ones((6, 4, 3, 3), "f4")


class Errors(unittest.TestCase):
    def refused(self, exception, words, *arguments, **options):
        for call in (conv2d.conv2d, self.prepack_and_run):
            with self.subTest(call=call.__name__):
                with self.assertRaisesRegex(exception, words):
                    call(*arguments, **options)

    @staticmethod
    def prepack_and_run(input, weight, *arguments, residual=None, out=None, **options):
        conv2d.prepack(weight, *arguments, **options).run(input, residual=residual, out=out)

    def test_options_that_the_library_refuses(self):
        for words, options in (
                (r"params\.stride\[0\] \(y\) is 0", dict(stride=0)),
                (r"params\.stride\[1\] \(x\) is -1", dict(stride=(1, -1))),
                (r"params\.dilation\[1\] \(x\) is 0", dict(dilation=(1, 0))),
                (r"params\.padding\[2\] \(bottom\) is -3", dict(padding=(0, 0, -3, 0))),
                (r"params\.groups is 0", dict(groups=0)),
                (r"auto_pad = same", dict(padding="same", stride=2)),
                (r"output_min is 3, greater", dict(activation="clamp:3,2")),
                (r"NaN is no bound", dict(activation="clamp:nan,2")),
                (r"finite slope", dict(activation="leaky_relu:inf"))):
            self.refused(ValueError, words, X, W, **options)

    def test_options_of_the_wrong_type_or_unknown(self):
        for exception, words, options in (
                (TypeError, "stride is 1.5: expected an integer or", dict(stride=1.5)),
                (TypeError, r"stride\[1\] is 'a'", dict(stride=(1, "a"))),
                (TypeError, "dilation is None", dict(dilation=None)),
                (ValueError, r"padding is \(1, 2, 3\)", dict(padding=(1, 2, 3))),
                (ValueError, "padding is 'sane': expected one of valid, same",
                 dict(padding="sane")),
                (ValueError, "groups is 9223372036854775808: does not fit 64 bits",
                 dict(groups=2 ** 63)),
                (ValueError, "padding_mode is 'mirror'", dict(padding_mode="mirror")),
                (TypeError, "padding_mode is 1", dict(padding_mode=1)),
                (ValueError, "accuracy is 'exact'", dict(accuracy="exact")),
                (TypeError, "activation is 1", dict(activation=1)),
                (ValueError, "activation is 'relu7', expected none, relu",
                 dict(activation="relu7")),
                (ValueError, "activation is 'relu:1'", dict(activation="relu:1")),
                (ValueError, "activation is 'clamp'", dict(activation="clamp")),
                (ValueError, "activation is 'clamp:,'", dict(activation="clamp:,")),
                (ValueError, "activation is 'leaky_relu:x'", dict(activation="leaky_relu:x")),
                (RuntimeError, 'device "metal"', dict(device="metal")),
                (ValueError, 'name is "tpu"', dict(device="tpu"))):
            self.refused(exception, words, X, W, **options)

    def test_shapes(self):
        self.refused(ValueError, "channels", X, np.ones((6, 3, 3, 3), "f4"))
        self.refused(ValueError, "weight has rank 3", X, W[0])
        self.refused(ValueError, "input has rank 2", X[0, 0], W)
        self.refused(ValueError, "input has rank 5", X[None], W)
        self.refused(ValueError, "bias", X, W, np.ones(5, "f4"))
        self.refused(ValueError, "bias has rank 0", X, W, np.array(1, "f4"))
        self.refused(ValueError, "residual has rank 0", X, W, residual=np.array(1, "f4"))
        self.refused(ValueError, "kernel|weight", X, np.ones((6, 4, 9, 9), "f4"))

    def test_dtypes(self):
        for dtype, words in (("f2", "float16"), ("i1", "int8"), ("u1", "uint8"), ("i4", "int32"),
                             ("i8", "int64"), ("?", "bool"), ("c8", "complex64"),
                             (">f4", "byte order"), ("O", "object")):
            self.refused(TypeError, words, X.astype(dtype), W)
            self.refused(TypeError, words, X, W.astype(dtype))
        self.refused(TypeError, "weight|float64", X.astype("f8"), W)

    def test_not_arrays(self):
        for thing in (X.tolist(), 1.0, "x", None):
            self.refused(TypeError, "expected an?", thing, W)
            self.refused(TypeError, "expected an?", X, thing)
        self.refused(TypeError, "masked", np.ma.masked_array(X), W)

    def test_strides_that_are_no_multiple_of_the_element(self):
        records = np.zeros((2, 4, 8, 8), [("a", "f4"), ("b", "i1")])
        self.refused(ValueError, "expected multiples of", records["a"], W)

    def test_misaligned(self):
        host = np.zeros(X.nbytes + 1, "u1")
        self.refused(ValueError, "expected a multiple of 4 bytes",
                     host[1:].view("f4").reshape(X.shape), W)

    def test_bad_outputs_stay_as_they_are(self):
        good = np.full((2, 6, 6, 6), 7, "f4")
        read_only = good[:]
        read_only.flags.writeable = False
        wrong_size = np.full((2, 6, 6, 5), 7, "f4")
        wrong_dtype = np.full((2, 6, 6, 6), 7, "f8")
        doubled = np.lib.stride_tricks.as_strided(good, strides=(0, 0, 24, 4))
        for out in (read_only, wrong_size, wrong_dtype, doubled):
            self.refused((ValueError, TypeError), "out", X, W, out=out)
            self.assertTrue((out == 7).all())
        self.refused(ValueError, "overlap", good, np.ones((6, 6, 1, 1), "f4"), out=good)
        self.assertTrue((good == 7).all())

    def test_a_context_works_after_an_error(self):
        layer = conv2d.prepack(W)
        for _ in range(3):
            with self.assertRaises(ValueError):
                layer(X[:, :3])
            with self.assertRaises(ValueError):
                layer(X, out=np.ones((1, 1, 1, 1), "f4"))
            self.assertTrue((layer(X) == 36).all())

    def test_threads(self):
        for n in (-1, 2 ** 31, 2 ** 70):
            with self.assertRaises(ValueError):
                conv2d.set_num_threads(n)
        with self.assertRaises(TypeError):
            conv2d.set_num_threads(1.0)

    def test_shapes_to_describe(self):
        layer = conv2d.prepack(W)
        for shape in ((4,), (1, 3, 8, 8), (1, 4, 2, 2), (1, 4, -8, 8), (1, 1, 4, 8, 8), ()):
            with self.assertRaises(ValueError):
                layer.describe(shape)
            with self.assertRaises(ValueError):
                layer.algorithm(shape)


if __name__ == "__main__":
    unittest.main()
