# SPDX-License-Identifier: BSD-2-Clause
"""device="metal" through software Metal (tests/software_metal), whose path the environment variable
CONV2D_SOFTWARE_METAL names: host arrays are copied there and the results back.

Each case is a process of its own; software Metal ends one that leaks or breaks a rule."""
import os
import subprocess
import sys
import unittest

METAL = os.environ.get("CONV2D_SOFTWARE_METAL")
HERE = os.path.dirname(os.path.abspath(__file__))
START = """if True:
    import gc, os, sys
    sys.path.insert(0, sys.argv[1])
    import conv2d, numpy as np
    from conv2d import _device
    from reference import convolve, integers, strided
    rng = np.random.default_rng(110)
    x, w, b = integers(rng, (2, 4, 9, 8)), integers(rng, (6, 2, 3, 2)), integers(rng, 6)
    options = dict(stride=(2, 1), padding=(1, 0, 2, 1), groups=2)
    expected = convolve(x, w, b, (2, 1), (1, 0, 2, 1), (1, 1), 2)
    def equal(y, wanted=expected):
        assert y.shape == wanted.shape and (y == wanted).all(), y
    layer = conv2d.prepack(w, b, device="metal", **options)
    assert layer.describe(x.shape).count("metal"), layer.describe(x.shape)
    """
END = """
    del layer
    gc.collect()
    _device._others.clear()
    gc.collect()
    print("done")
    """


@unittest.skipUnless(METAL, "software Metal is not built (CONV2D_SOFTWARE_METAL)")
class SoftwareMetal(unittest.TestCase):
    def run_code(self, code):
        process = subprocess.run(
            [sys.executable, "-B", "-c", START + code + END, HERE], capture_output=True, text=True,
            check=False, timeout=300, env={**os.environ, "CONV2D_METAL_LIBRARY": METAL})
        self.assertEqual((process.returncode, process.stdout, process.stderr), (0, "done\n", ""))

    def test_values(self):
        self.run_code("""
    for source in (x, x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2), strided(rng, x)):
        source.flags.writeable = False
        for y in (layer(source), layer(source), conv2d.conv2d(source, w, b, device="metal",
                                                              **options)):
            equal(y)
        last = abs(source.strides[1]) == source.itemsize
        assert last == (y.strides[1] == y.itemsize)
    equal(layer(x[0]), expected[0])
    equal(layer(x[:0]), expected[:0])
    """)

    def test_outputs_and_residuals(self):
        self.run_code("""
    residual = integers(rng, expected.shape)
    out = strided(rng, np.zeros(expected.shape, "f4"))
    assert layer.run(x, residual=residual, out=out) is out
    equal(out, expected + residual)
    out[...] = residual
    layer.run(x, residual=out, out=out)
    equal(out, expected + residual)
    out[...] = 7
    for bad in (dict(residual=residual[:, :5]), dict(out=out[:, :5]), dict(input=x[:, :3])):
        try:
            layer.run(**{"input": x, "out": out, **bad})
            assert False, bad
        except ValueError:
            assert (out == 7).all()
    layer.release_resources()
    equal(layer(x))
    """)

    def test_files_and_half(self):
        self.run_code("""
    import pickle, tempfile
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.conv2d")
        layer.save(path, [x.shape])
        equal(conv2d.load(path)(x))
        equal(conv2d.load(path, device="metal")(x))
        conv2d.prepack(w, b, **options).save(path)
        equal(conv2d.load(path, device="metal")(x))
    equal(pickle.loads(pickle.dumps(layer))(x))
    y = conv2d.conv2d(x.astype("f2"), w.astype("f2"), b.astype("f2"), device="metal", **options)
    equal(y, expected.astype("f2"))
    """)


if __name__ == "__main__":
    unittest.main()
