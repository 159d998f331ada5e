# SPDX-License-Identifier: BSD-2-Clause
"""PyTorch's own test cases of conv2d (its OpInfo database) through conv2d.conv2d().

Every sample input in each dtype, plain, channels-last and sliced, against torch in float64 within
the header's bound (no tolerance of our own); every error input must raise. torch's test package
needs expecttest beside it; without these two the cases are skipped."""
import unittest
import warnings

import conv2d

try:
    import torch
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db
except ImportError as error:
    torch, WHY = None, f"torch or its test package is absent: {error}"
else:
    WHY = ""
    from torch.nn import functional
    # Half a unit in the last place, relative, and half the smallest denormal.
    ROUNDING = {torch.float32: (0, 0), torch.float16: (2.0 ** -11, 2.0 ** -25),
                torch.bfloat16: (2.0 ** -8, 2.0 ** -134)}
    DTYPES = tuple(ROUNDING)

MIN_SAMPLES, MIN_ERRORS = 25, 8  # PyTorch 2.13 has 30 and 10
DEFAULTS = dict(stride=1, padding=0, dilation=1, groups=1)


def plain(tensor):
    return tensor.contiguous()


def channels_last(tensor):
    """The same values with the channel's stride 1."""
    return tensor.movedim(-3, -1).contiguous().movedim(-1, -3)


def sliced(tensor):
    """The same values inside a larger tensor of NaN, every second row, with gaps on all sides."""
    *outer, h, w = tensor.shape
    host = torch.full([n + 2 for n in outer] + [2 * h + 3, w + 3], float("nan"),
                      dtype=tensor.dtype)
    view = host[tuple(slice(1, 1 + n) for n in outer) + (slice(2, 2 + 2 * h, 2), slice(1, 1 + w))]
    view.copy_(tensor)
    return view


LAYOUTS = (plain, channels_last, sliced)


def operator():
    found = [op for op in op_db if op.name == "nn.functional.conv2d"]
    assert len(found) == 1
    return found[0]


def wanted(x, w, b, options):
    """Exact result in float64 and the largest permitted difference (conv2d.h, NUMERICS)."""
    x64, w64, b64 = x.double(), w.double(), None if b is None else b.double()
    y = functional.conv2d(x64, w64, b64, **options)
    s = functional.conv2d(x64.abs(), w64.abs(), None if b is None else b64.abs(), **options)
    n = w[0].numel() + 2
    gamma = n * 2.0 ** -24 / (1 - n * 2.0 ** -24)
    allowed = gamma * s + n * 2.0 ** -149 + n * 2.0 ** -52 * s
    relative, absolute = ROUNDING[x.dtype]
    return y, allowed + relative * (y.abs() + allowed) + absolute


@unittest.skipIf(torch is None, WHY)
class OpInfo(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(90)
        warnings.simplefilter("ignore")  # torch's, about copies it makes
        mode = torch.no_grad()
        mode.__enter__()
        self.addCleanup(mode.__exit__, None, None, None)
        self.op = operator()

    def test_sample_inputs(self):
        n_cases = 0
        for dtype in DTYPES:
            samples = list(self.op.sample_inputs("cpu", dtype))
            self.assertGreaterEqual(len(samples), MIN_SAMPLES)
            for number, sample in enumerate(samples):
                x, (w, *rest) = sample.input, sample.args
                b = sample.kwargs.get("bias", rest[0] if rest else None)
                options = {k: v for k, v in sample.kwargs.items() if k != "bias"}
                options.update(zip(DEFAULTS, rest[1:]))
                y, allowed = wanted(x, w, b, options)
                for place in LAYOUTS:
                    with self.subTest(dtype=dtype, number=number, layout=place.__name__):
                        self.check(place(x), place(w), b, options, y, allowed)
                    n_cases += 1
        print(f"OpInfo: {n_cases} sample cases", flush=True)

    def check(self, x, w, b, options, y, allowed):
        for got in (conv2d.conv2d(x, w, b, **options), conv2d.prepack(w, b, **options)(x)):
            self.assertEqual((got.shape, got.dtype), (y.shape, x.dtype))
            self.assertTrue(bool(((got.double() - y).abs() <= allowed).all()))

    def test_error_inputs(self):
        errors = list(self.op.error_inputs("cpu"))
        self.assertGreaterEqual(len(errors), MIN_ERRORS)
        for error in errors:
            sample = error.sample_input
            with self.subTest(regex=error.error_regex):
                with self.assertRaises(error.error_type):  # torch itself refuses it
                    functional.conv2d(sample.input, *sample.args, **sample.kwargs)
                with self.assertRaises((ValueError, TypeError)) as caught:
                    conv2d.conv2d(sample.input, *sample.args, **sample.kwargs)
                self.assertGreater(len(str(caught.exception)), 20)
        print(f"OpInfo: {len(errors)} error cases", flush=True)


if __name__ == "__main__":
    unittest.main()
