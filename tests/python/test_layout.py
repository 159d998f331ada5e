# SPDX-License-Identifier: BSD-2-Clause
"""The ctypes declarations against the headers: structs by a C program compiled here, prototypes and
enumerators by the headers' text."""
import ctypes
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from conv2d import _arrays, _library, _options

INCLUDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "include")
CC = os.environ.get("CC") or shutil.which("cc")


def headers():
    text = ""
    for name in ("status.h", "device.h", "conv2d.h", "tune.h", "file.h"):
        with open(os.path.join(INCLUDE, "conv2d", name), encoding="utf-8") as file:
            text += file.read()
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S)


class Layout(unittest.TestCase):
    @unittest.skipUnless(CC, "there is no C compiler")
    def test_structs(self):
        expected, lines = [], []
        for name, struct in _library.STRUCTS.items():
            end = 0
            lines.append(f'    printf("{name} %zu\\n", sizeof({name}));')
            expected.append(f"{name} {ctypes.sizeof(struct)}")
            for field, *_ in struct._fields_:
                at = getattr(struct, field)
                lines.append(f'    printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}), '
                             f'sizeof((({name} *)0)->{field}));')
                expected.append(f"{name}.{field} {at.offset} {at.size}")
                self.assertLess(at.offset - end, 8, f"a member may be missing before {field}")
                end = at.offset + at.size
        source = ("#include <conv2d/conv2d.h>\n#include <stddef.h>\n#include <stdio.h>\n"
                  "int main(void)\n{\n" + "\n".join(lines) + "\n}\n")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "layout.c")
            with open(path, "w", encoding="utf-8") as file:
                file.write(source)
            program = os.path.join(folder, "layout")
            subprocess.run([CC, "-std=c17", "-I", INCLUDE, path, "-o", program], check=True)
            printed = subprocess.run([program], check=True, capture_output=True, text=True).stdout
        self.assertEqual(printed.splitlines(), expected)

    def test_members_are_all_there(self):
        for name, struct in _library.STRUCTS.items():
            pattern = rf"typedef struct {name} \{{(.*?)\}} {name};"
            body = re.search(pattern, headers(), re.S).group(1)
            members = []
            for declaration in body.split(";"):
                found = re.search(r"\(\*(\w+)\)", declaration)
                if found:
                    members.append(found.group(1))
                else:
                    members += re.findall(r"(\w+)(?:\[\d+\])?\s*(?:,|$)", declaration.strip())
            self.assertEqual([field for field, *_ in struct._fields_], members, name)

    def test_prototypes(self):
        for name, (result, *arguments) in _library._FUNCTIONS.items():
            found = re.search(rf"CONV2D_API ([\w ]+[ *])\b{name}\(([^)]*)\)", headers())
            self.assertTrue(found, name)
            declared = [] if found.group(2) == "void" else found.group(2).split(",")
            self.assertEqual(len(arguments), len(declared), name)
            for argument, text in zip(arguments, declared):
                pointer = "*" in text or "[" in text
                self.assertEqual(pointer, issubclass(argument, (
                    ctypes.c_void_p, ctypes.c_char_p, ctypes._Pointer)), f"{name}: {text}")
            words = found.group(1).split()
            expected = {"conv2d_status": ctypes.c_int, "int": ctypes.c_int, "void": None,
                        "size_t": ctypes.c_size_t,
                        "const": ctypes.c_char_p}[words[0]]
            self.assertEqual(result, expected, name)

    def test_enumerators(self):
        text = headers()
        for prefix, words in (("CONV2D_PAD_", _options._PADDING_MODES),
                              ("CONV2D_AUTO_PAD_", _options.AUTO_PAD),
                              ("CONV2D_ACT_", _options._ACTIVATIONS),
                              ("CONV2D_ACCURACY_", _options._ACCURACIES),
                              ("CONV2D_", _arrays.DTYPES)):
            for word, value in words.items():
                found = re.search(rf"\b{prefix}{word.upper()} = (\d+)", text)
                self.assertTrue(found, word)
                self.assertEqual(int(found.group(1)), value, word)

    def test_exceptions(self):
        codes = dict((int(number), name) for name, number in
                     re.findall(r"X\(CONV2D_E_(\w+), (\d+)", headers()))
        self.assertEqual({codes[n]: e for n, e in _library._EXCEPTIONS.items()}, {
            "DTYPE": TypeError, "NOMEM": MemoryError, "DEVICE": RuntimeError,
            "STATE": RuntimeError, "CANCELLED": RuntimeError, "IO": OSError})


if __name__ == "__main__":
    unittest.main()
