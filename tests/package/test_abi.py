# SPDX-License-Identifier: BSD-2-Clause
"""scripts/abi.sh finds planted breaks of the interface and lets compatible changes pass.

test_abi.py SOURCE; exit status 77 where abidiff is absent."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
HEADER = "include/conv2d/conv2d.h"
MAP = "src/conv2d.map"

# what is planted: (file, old text, new text)...; whether programs still run
CHANGES = {
    "nothing": (True, ()),
    "a new function": (True, (
        (HEADER, "CONV2D_API const char *conv2d_version(void);",
         "CONV2D_API const char *conv2d_version(void);\nCONV2D_API int conv2d_more(int n);"),
        (MAP, "    conv2d_version;", "    conv2d_more;\n    conv2d_version;"))),
    "a member at the end of a struct that is filled by size": (True, (
        (HEADER, "} conv2d_plan_info;", "    const char *more;\n} conv2d_plan_info;"),)),
    "a function less": (False, (
        (HEADER, "CONV2D_API uint32_t conv2d_version_number(void);", ""),)),
    "a symbol less": (False, ((MAP, "    conv2d_version_number;\n", ""),)),
    "another type of a parameter": (False, (
        (HEADER, "conv2d_dtype_bytes(int32_t dtype)", "conv2d_dtype_bytes(int64_t dtype)"),)),
    "another type of a result": (False, (
        (HEADER, "uint32_t conv2d_version_number", "uint64_t conv2d_version_number"),)),
    "a member in the middle of a struct": (False, (
        (HEADER, "    int64_t groups; ", "    int64_t more;\n    int64_t groups; "),)),
    "a member at the end of a struct of fixed size": (False, (
        (HEADER, "} conv2d_tensor;", "    int64_t more;\n} conv2d_tensor;"),)),
    "members in another order": (False, (
        (HEADER, "    double output_max;\n    double alpha;",
         "    double alpha;\n    double output_max;"),)),
    "another value of an enumerator": (False, (
        (HEADER, "CONV2D_ACT_SILU = 7", "CONV2D_ACT_SILU = 77"),)),
    "another version in the SONAME": (False, (
        ("include/conv2d/version.h", "CONV2D_ABI_VERSION 0", "CONV2D_ABI_VERSION 1"),)),
}


class Abi(unittest.TestCase):
    def test_changes(self):
        for what, (compatible, edits) in CHANGES.items():
            with self.subTest(what), tempfile.TemporaryDirectory(prefix="conv2d-abi-") as tree:
                shutil.copytree(os.path.join(SOURCE, "include"), os.path.join(tree, "include"))
                os.mkdir(os.path.join(tree, "src"))
                shutil.copy(os.path.join(SOURCE, MAP), os.path.join(tree, MAP))
                for path, old, new in edits:
                    with open(os.path.join(tree, path), encoding="utf-8") as file:
                        text = file.read()
                    self.assertEqual(text.count(old), 1, f"{path} has another number of {old!r}")
                    with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                        file.write(text.replace(old, new))
                run = subprocess.run([os.path.join(SOURCE, "scripts/abi.sh"), SOURCE, tree],
                                     capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, 0 if compatible else 1, run.stdout + run.stderr)
                said = "compatible with" if compatible else "not compatible with"
                self.assertIn("abi: " + said, run.stdout + run.stderr)


if __name__ == "__main__":
    if not shutil.which("abidiff"):
        print("skipped: abidiff (Debian: abigail-tools) is absent")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
