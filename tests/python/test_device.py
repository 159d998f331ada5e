# SPDX-License-Identifier: BSD-2-Clause
"""device="metal" for host arrays, which are copied there and the results back."""
import unittest

import software_metal


class HostArrays(software_metal.Case):
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
