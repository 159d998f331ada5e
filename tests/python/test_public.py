# SPDX-License-Identifier: BSD-2-Clause
"""The package's face: names, signatures, type hints, docstrings, documents."""
import contextlib
import importlib
import inspect
import io
import os
import re
import tempfile
import typing
import unittest

import conv2d
import numpy as np

OPTIONS = ("stride=1, padding=0, dilation=1, groups=1, *, padding_mode='zeros', activation=None, ")
SIGNATURES = {
    "conv2d": "input, weight, bias=None, " + OPTIONS +
              "residual=None, out=None, device=None, accuracy='default'",
    "prepack": "weight, bias=None, " + OPTIONS + "device=None, accuracy='default'",
    "Context.run": "self, input, *, residual=None, out=None",
    "Context.__call__": "self, input, *, residual=None, out=None",
    "Context.describe": "self, input_shape, *, channels_last=False, verbose=False",
    "Context.algorithm": "self, input_shape, *, channels_last=False",
    "Context.release_resources": "self",
    "set_num_threads": "n",
    "info": "",
    "Context.problem": "self, input_shape, *, channels_last=False",
    "Context.info": "self",
    "Context.save": "self, path, input_shapes=(), *, channels_last=False, isas=None, packed=True",
    "save": "path, contexts, input_shapes=(), *, channels_last=False, isas=None, packed=True",
    "load": "path, name=None, *, device=None, read=False, checksums=True",
    "load_all": "path, *, device=None, read=False, checksums=True",
    "tune": "problem, *, seconds=0.5, progress=None, device=None",
    "export_wisdom": "device=None",
    "import_wisdom": "text, device=None",
    "forget_wisdom": "device=None",
}
# Parameters that docstrings name in words.
SAID = {"input_shape": "input of this shape", "channels_last": "channels-last"}
# What a docstring must say of arrays and of numbers: shapes, and units.
WORDS = {
    "conv2d": ("[n, c, h, w]", "[oc, c / groups, kh, kw]", "[oc]", "[n, oc, oh, ow]", "in pixels"),
    "prepack": ("conv2d()", "copied"),
    "Context.run": ("[n, c, h, w]", "[n, oc, oh, ow]", "Raises"),
    "Context.describe": ("[n, c, h, w]",),
    "Context.save": ("[n, c, h, w]", "Raises"),
    "load": ("Raises",),
    "info": ("l1d_bytes", "n_threads"),
    "tune": ("measured_seconds", "seconds", "Returns"),
}


def public(holder=conv2d, names=conv2d.__all__, prefix=""):
    """(dotted name, object) of everything public, classes' members included."""
    for name in names:
        thing = getattr(holder, name)
        yield prefix + name, thing
        if inspect.isclass(thing):
            members = [n for n in vars(thing) if not n.startswith("_") or n == "__call__"]
            yield from public(thing, members, prefix + name + ".")


def function_of(thing):
    return thing.fget if isinstance(thing, property) else thing


class Names(unittest.TestCase):
    def test_the_version_is_that_of_the_library(self):
        self.assertRegex(conv2d.__version__, r"^\d+\.\d+\.\d+")
        self.assertEqual(conv2d.__version__, conv2d.info()["version"])

    def test_signatures(self):
        functions = {name: thing for name, thing in public() if inspect.isfunction(thing)}
        self.assertEqual(sorted(functions), sorted(SIGNATURES))
        for name, thing in functions.items():
            signature = inspect.signature(thing)
            bare = signature.replace(return_annotation=inspect.Signature.empty, parameters=[
                p.replace(annotation=p.empty) for p in signature.parameters.values()])
            self.assertEqual(str(bare), f"({SIGNATURES[name]})", name)

    def test_hints(self):
        for name, thing in public():
            thing = function_of(thing)
            if inspect.isfunction(thing):
                hints = typing.get_type_hints(thing)
                wanted = set(inspect.signature(thing).parameters) - {"self"} | {"return"}
                self.assertEqual(set(hints), wanted, name)
        folder = os.path.dirname(conv2d.__file__)
        self.assertTrue(os.path.exists(os.path.join(folder, "py.typed")))

    def test_docstrings(self):
        for name, thing in public():
            if isinstance(thing, str):
                continue
            text = inspect.getdoc(function_of(thing)) or ""
            self.assertGreater(len(text), 40, name)
            for word in WORDS.get(name, ()):
                self.assertIn(word, text, name)
            if inspect.isfunction(thing) and not name.endswith("__"):
                self.check_parameters(name, thing, text)
        self.assertIn("[n, c, h, w]", conv2d.__doc__)

    def check_parameters(self, name, thing, text):
        """Every parameter is named by its docstring, or by the one that it refers to."""
        for other, reference in (("conv2d()", conv2d.conv2d), ("run()", conv2d.Context.run),
                                 ("describe()", conv2d.Context.describe),
                                 ("Context.save()", conv2d.Context.save),
                                 ("load()", conv2d.load)):
            if f"as in {other}" in " ".join(text.split()):
                text += reference.__doc__
        for parameter in inspect.signature(thing).parameters:
            if parameter not in ("self", "n"):
                words = SAID.get(parameter, parameter)
                self.assertTrue(re.search(rf"\b{words}\b", text), f"{name}: {parameter}")


class Documents(unittest.TestCase):
    """The Python in the documents runs, block after block, in an empty folder."""
    def run_blocks(self, *path, **names):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
        with open(os.path.join(root, *path), encoding="utf-8") as file:
            blocks = re.findall(r"^```python\n(.*?)^```", file.read(), re.S | re.M)
        self.assertTrue(blocks)
        here = os.getcwd()
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    for block in blocks:
                        if "torch" not in block or "torch" in names:
                            exec(compile(block, path[-1], "exec"), names)
            finally:
                os.chdir(here)
                conv2d.forget_wisdom()

    def test_readmes(self):
        self.run_blocks("bindings", "python", "README.md")
        weight = np.ones((4, 3, 3, 3), "f4")
        self.run_blocks("README.md", x=np.ones((1, 3, 8, 8), "f4"), weight=weight)

    def test_page(self):
        names = dict(conv2d=conv2d, weight=np.ones((64, 64, 3, 3), "f4"), bias=np.ones(64, "f4"),
                     x=np.ones((1, 64, 56, 56), "f4"))
        try:
            import torch
            importlib.import_module("conv2d.torch")
        except ImportError:
            self.run_blocks("docs", "python.md", **names)
            return
        arrays = {key: torch.from_numpy(names[key]) for key in ("weight", "bias", "x")}
        self.run_blocks("docs", "python.md", **{**names, **arrays, "torch": torch})


if __name__ == "__main__":
    unittest.main()
