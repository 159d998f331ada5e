# SPDX-License-Identifier: BSD-2-Clause
"""Each lint check finds a planted violation and is silent about a clean tree."""
import contextlib
import io
import os
import shutil
import sys
import tempfile
import unittest

import lint

SPDX = "/* SPDX-License-Identifier: BSD-2-Clause\n"
HEAD = SPDX + " * One file of a tree that exists for a moment only, to be checked by the lint. */\n"
HEADER = HEAD + """#ifndef CONV2D_DEMO_H
#define CONV2D_DEMO_H
#define CONV2D_API __attribute__((visibility("default")))
/** A function that does nothing but be declared and documented. Since 0.1 */
CONV2D_API int conv2d_thing(void);
#endif
"""
CLEAN = {
    "include/conv2d/demo.h": HEADER,
    "src/core/a.h": HEAD + "int c2_a(void);\n",
    "src/core/a.c": HEAD + '#include "core/a.h"\nint c2_a(void)\n{\n    return 1;\n}\n',
    "src/CMakeLists.txt": "# SPDX-License-Identifier: BSD-2-Clause\nset(S core/a.c)\n",
}
# check: (path, text) that it must find; the text replaces or adds one file of the clean tree.
PLANTED = {
    "length": ("src/core/a.c", HEAD + "int x;\n" * 700),
    "layout": ("src/core/a.c", HEAD + "int " + "x" * 100 + ";\n"),
    "heads": ("src/core/a.c", "int x;\n"),
    "portable": ("README.md", "cd /ho" "me/somebody/conv2d\n"),
    "links": ("README.md", "see [the docs](docs/nothing.md)\n"),
    "includes": ("src/core/a.c", HEAD + '#include "api/check.h"\n'),
    "calls": ("src/core/a.c", HEAD + 'void c2_f(void)\n{\n    printf("x");\n}\n'),
    "lists": ("src/core/forgotten.c", HEAD + "int x;\n"),
    "documented": ("include/conv2d/demo.h", HEADER.replace("Since 0.1", "")),
    "alone": ("include/conv2d/demo.h", HEADER.replace("int conv2d", "size_t conv2d")),
}


class Planted(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="conv2d-lint-")
        for path, text in CLEAN.items():
            self.write(path, text)

    def tearDown(self):
        shutil.rmtree(self.root)

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)

    def status(self, check):
        with contextlib.redirect_stdout(io.StringIO()):
            return lint.main([self.root, check])

    def test_every_check_has_a_violation(self):
        self.assertEqual(set(PLANTED), set(lint.CHECKS))

    def test_clean_tree(self):
        for check in lint.CHECKS:
            self.assertEqual(self.status(check), 0, check)

    def test_planted_violations(self):
        for check, (path, text) in PLANTED.items():
            self.write(path, text)
            self.assertEqual(self.status(check), 1, check)
            if path in CLEAN:
                self.write(path, CLEAN[path])
            else:
                os.remove(os.path.join(self.root, path))

    def test_forgotten_test(self):
        spdx = "# SPDX-License-Identifier: BSD-2-Clause\n"
        self.write("tests/core/CMakeLists.txt", spdx + "foreach(_t pool shape)\nendforeach()\n")
        self.write("tests/core/test_pool.c", HEAD + "int x;\n")
        self.assertEqual(self.status("lists"), 0)
        self.write("tests/core/test_forgotten.c", HEAD + "int x;\n")
        self.assertEqual(self.status("lists"), 1)

    def test_other_faults_of_calls(self):
        for text in ("void c2_f(int i)\n{\n    assert(i++ > 0);\n}\n",
                     "__attribute__((constructor)) static void at_load(void)\n{\n}\n",
                     "void c2_f(void)\n{\n    abort();\n}\n"):
            self.write("src/core/a.c", HEAD + text)
            self.assertEqual(self.status("calls"), 1, text)
        self.write("src/core/a.c", HEAD + "/* abort() is not called */\n"
                   "void c2_f(int i)\n{\n    assert(i >= 0 && i != 2);\n}\n")
        self.assertEqual(self.status("calls"), 0)


if __name__ == "__main__":
    sys.exit(unittest.main())
