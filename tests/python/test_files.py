# SPDX-License-Identifier: BSD-2-Clause
"""Contexts in files, pickled and copied: the same bits, packed forms used, bad files told."""
import copy
import json
import multiprocessing
import os
import pathlib
import pickle
import struct
import tempfile
import unittest

import conv2d
import numpy as np

SHAPE = (2, 8, 14, 13)
OPTIONS = (
    {}, {"padding": (1, 0, 2, 3), "stride": (2, 1)},
    {"padding": "same", "padding_mode": "reflect", "activation": "leaky_relu:0.3"},
    {"groups": 4, "dilation": (1, 2), "activation": "clamp:-0.1,"}, {"accuracy": "strict"})


def make(dtype="f4", seed=100, **options):
    rng = np.random.default_rng(seed)
    groups = options.get("groups", 1)
    weight, bias = rng.standard_normal((8, 8 // groups, 3, 3)), rng.standard_normal(8)
    return conv2d.prepack(weight.astype(dtype), bias.astype(dtype), **options)


def data(dtype="f4"):
    return np.random.default_rng(101).standard_normal(SHAPE).astype(dtype)


def run_pickled(context):
    return context(data()).tobytes()


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(folder.name, "a.conv2d")

    def test_same_bits(self):
        for dtype in ("f4", "f8", "f2"):
            for options in OPTIONS:
                with self.subTest(dtype=dtype, options=options):
                    layer, x = make(dtype, **options), data(dtype)
                    expected = layer(x)
                    for arguments in ({}, {"packed": False}, {"input_shapes": [SHAPE]},
                                      {"input_shapes": [SHAPE, SHAPE[1:]], "channels_last": True,
                                       "isas": "all"}):
                        layer.save(self.path, **arguments)
                        for how in ({}, {"read": True}, {"checksums": False}):
                            loaded = conv2d.load(self.path, **how)
                            self.assertEqual(loaded(x).tobytes(), expected.tobytes())
                            self.assertEqual(loaded.describe(SHAPE), layer.describe(SHAPE))
                            facts = loaded.info()
                            self.assertEqual(facts["dtype"], x.dtype.name)
                            self.assertEqual(facts["weight_shape"], layer.info()["weight_shape"])
                            self.assertEqual(facts["bias"], True)

    def test_packed_weights_are_used(self):
        layer = make()
        self.assertEqual(layer.info()["times_packed"], 0)
        layer(data())
        self.assertEqual(layer.info()["times_packed"], 1)
        for arguments, packed in (({}, 0), ({"packed": False}, 1), ({"input_shapes": [SHAPE]}, 0)):
            layer.save(self.path, **arguments)
            loaded = conv2d.load(self.path)
            self.assertEqual(loaded.info()["stored_forms"], 1 - packed)
            loaded(data())
            facts = loaded.info()
            self.assertEqual((facts["times_packed"], facts["times_loaded"]), (packed, 1 - packed))
            self.assertGreater(facts["mapped_bytes"], 0)

    def test_it_is_a_safetensors_file(self):
        layer = make()
        layer.save(pathlib.Path(self.path))
        with open(self.path, "rb") as file:
            size, = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size))
            body = file.read()
        header.pop("__metadata__")
        self.assertIn([8, 8, 3, 3], [entry["shape"] for entry in header.values()])
        self.assertEqual(max(entry["data_offsets"][1] for entry in header.values()), len(body))

    def test_several(self):
        layers = {"first": make(), "second": make(seed=5, padding=2), "größe": make("f8")}
        conv2d.save(self.path, layers)
        loaded = conv2d.load_all(self.path)
        self.assertEqual(sorted(loaded), sorted(layers))
        for name, layer in layers.items():
            x = data(layer.info()["dtype"])
            self.assertEqual(loaded[name](x).tobytes(), layer(x).tobytes())
            self.assertEqual(conv2d.load(self.path, name)(x).tobytes(), layer(x).tobytes())
        for name in (None, "third", ""):
            with self.assertRaisesRegex(ValueError, "context|name"):
                conv2d.load(self.path, name)
        shared = copy.copy(layers["first"])
        conv2d.save(self.path, {"a": layers["first"], "b": shared})
        with_two = os.path.getsize(self.path)
        layers["first"].save(self.path)
        self.assertLess(with_two, os.path.getsize(self.path) + 8 * 8 * 9 * 4)

    def test_a_loaded_context_outlives_its_file(self):
        layer, x = make(), data()
        layer.save(self.path)
        loaded = conv2d.load(self.path)
        os.remove(self.path)
        self.assertEqual(loaded(x).tobytes(), layer(x).tobytes())
        loaded.save(self.path)
        self.assertEqual(conv2d.load(self.path)(x).tobytes(), layer(x).tobytes())

    def test_bad_files(self):
        layer = make()
        layer(data())
        layer.save(self.path)
        with open(self.path, "rb") as file:
            good = file.read()
        broken = os.path.join(self.folder, "broken")
        for bad in (b"", good[:100], good[:-1], good + b"0", b"\xff" * 64,
                    good.replace(b"U8", b"I8")):
            with open(broken, "wb") as file:
                file.write(bad)
            for call in (conv2d.load, conv2d.load_all):
                with self.assertRaises(OSError) as caught:
                    call(broken)
                self.assertGreater(len(str(caught.exception)), 20)
        with self.assertRaisesRegex(OSError, "absent"):
            conv2d.load(os.path.join(self.folder, "absent"))

    def test_damaged_weights_are_found_when_they_are_used(self):
        make().save(self.path, packed=False)
        with open(self.path, "r+b") as file:
            file.seek(-100, os.SEEK_END)  # the weights come last, then 32 bytes of bias
            byte, = file.read(1)
            file.seek(-100, os.SEEK_END)
            file.write(bytes([byte ^ 1]))
        loaded = conv2d.load(self.path)
        with self.assertRaisesRegex(OSError, "checksum"):
            loaded(data())
        self.assertEqual(conv2d.load(self.path, checksums=False)(data()).shape, (2, 8, 12, 11))

    def test_a_failed_save_leaves_everything(self):
        layer = make()
        layer.save(self.path)
        with open(self.path, "rb") as file:
            before = file.read()
        for exception, call in (
                (OSError, lambda: layer.save(os.path.join(self.folder, "no", "such"))),
                (ValueError, lambda: layer.save(self.path, [(1, 3, 8, 8)])),
                (ValueError, lambda: layer.save(self.path, [SHAPE], isas="z80")),
                (ValueError, lambda: layer.save(self.path + "\0x")),
                (TypeError, lambda: conv2d.save(self.path, {"a": 7})),
                (ValueError, lambda: conv2d.save(self.path, {})),
                (ValueError, lambda: conv2d.save(self.path, {"": layer})),
                (ValueError, lambda: conv2d.save(self.path, {"a\0b": layer}))):
            with self.assertRaises(exception):
                call()
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertEqual(os.listdir(self.folder), ["a.conv2d"])


class Copies(unittest.TestCase):
    def test_pickled(self):
        for options in OPTIONS:
            layer, x = make(**options), data()
            for _ in range(2):  # before and after packing
                for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                    again = pickle.loads(pickle.dumps(layer, protocol))
                    self.assertEqual(again.describe(SHAPE), layer.describe(SHAPE))
                    self.assertEqual(again(x).tobytes(), layer(x).tobytes())
                layer(x)
        self.assertEqual(again.info()["times_packed"], 0)  # the packed weights came along

    def test_pickled_to_other_processes(self):
        layers = [make(**options) for options in OPTIONS]
        expected = [layer(data()).tobytes() for layer in layers]
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                self.assertEqual(pool.map(run_pickled, layers), expected)

    def test_copied(self):
        layer, x = make(padding=1, activation="relu"), data()
        expected = layer(x).tobytes()
        for copied in (copy.copy(layer), copy.deepcopy(layer), copy.deepcopy([layer])[0]):
            self.assertIsNot(copied, layer)
            self.assertEqual(copied.describe(SHAPE), layer.describe(SHAPE))
            layer.release_resources()
            self.assertEqual(copied(x).tobytes(), expected)
        del layer
        self.assertEqual(copied(x).tobytes(), expected)

    def test_damaged_pickles(self):
        state = pickle.dumps(make())
        at = state.index(b"__metadata__")
        with self.assertRaises(OSError):
            pickle.loads(state[:at] + b"X" + state[at + 1:])

    def test_contexts_are_not_made_by_hand(self):
        with self.assertRaisesRegex(TypeError, "made by prepack"):
            conv2d.Context(None)


if __name__ == "__main__":
    unittest.main()
