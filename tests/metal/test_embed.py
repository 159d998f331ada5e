# SPDX-License-Identifier: BSD-2-Clause
"""Embedding of kernels: test_embed.py CMAKE FOLDER, the folder of embed.cmake and family.cmake."""
import os
import re
import subprocess
import sys
import tempfile
import unittest

CMAKE, FOLDER = sys.argv[1:3]
XCRUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake_xcrun.py")


def bytes_of(source, name):
    body = re.search(r"char %s\[\] = \{([^}]*)\}" % name, source).group(1)
    return bytes(int(value, 16) for value in re.findall("0x([0-9a-f]{2})", body))


class Embed(unittest.TestCase):
    def embed(self, xcrun, fails=False):
        """The text and the metallib in the C file, and what CMake said."""
        with tempfile.TemporaryDirectory() as folder:
            texts = [os.path.join(folder, name) for name in ("a.h", "b.metal")]
            for path, text in zip(texts, ("int a;\n", '#include "a.h"\nint b; // ;"\\\n')):
                with open(path, "w", encoding="ascii") as file:
                    file.write(text)
            out = os.path.join(folder, "out.c")
            environment = dict(os.environ, **({"FAKE_XCRUN_FAILS": "1"} if fails else {}))
            done = subprocess.run(
                [CMAKE, f"-DOUT={out}", "-DNAME=name", "-DTEXTS=" + ";".join(texts),
                 f"-DXCRUN={xcrun}", "-P", os.path.join(FOLDER, "embed.cmake")],
                capture_output=True, text=True, env=environment, check=True)
            with open(out, encoding="ascii") as file:
                source = file.read()
        metallib = bytes_of(source, "name_metallib")
        self.assertIn(f"name_metallib_bytes = {len(metallib)};", source)
        return bytes_of(source, "name_text"), metallib, done.stderr

    TEXT = b'int a;\n\nint b; // ;"\\\n'

    def test_without_tools(self):
        self.assertEqual(self.embed(""), (self.TEXT, b"", ""))

    def test_with_tools(self):
        head = b"software metallib 240 fast-math=off\n"
        self.assertEqual(self.embed(XCRUN), (self.TEXT, head + self.TEXT, ""))

    def test_text_that_does_not_compile(self):
        text, metallib, words = self.embed(XCRUN, fails=True)
        self.assertEqual((text, metallib), (self.TEXT, b""))
        self.assertIn("told to fail", words)

    def tools(self, xcrun):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "find.cmake")
            with open(script, "w", encoding="ascii") as file:
                file.write(f"include({FOLDER}/family.cmake)\n"
                           f'conv2d_find_metal_tools("{xcrun}" found)\nmessage("<${{found}}>")\n')
            return subprocess.run([CMAKE, "-P", script], capture_output=True, text=True,
                                  check=True).stderr.strip()

    def test_finding_tools(self):
        self.assertEqual(self.tools(XCRUN), f"<{XCRUN}>")
        self.assertEqual(self.tools("CONV2D_XCRUN-NOTFOUND"), "<>")
        self.assertEqual(self.tools("false"), "<>")  # Xcode without a Metal compiler


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
