# SPDX-License-Identifier: BSD-2-Clause
"""scripts/reproducible.sh finds builds that depend on their surroundings.

test_reproducible.py SOURCE. On the tree as it is, the script runs in .ci/run. Here it meets
projects of one source file, whose libraries hold nothing of the surroundings, or the folder, the
user or the time zone."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = sys.argv[1]
PROJECT = """cmake_minimum_required(VERSION 3.22)
project(conv2d LANGUAGES C)
file(WRITE ${{CMAKE_BINARY_DIR}}/a.c "const char c2_planted[] = \\"{planted}\\";\\n")
foreach(_kind STATIC SHARED)
  add_library(conv2d_${{_kind}} ${{_kind}} ${{CMAKE_BINARY_DIR}}/a.c)
  set_target_properties(conv2d_${{_kind}} PROPERTIES OUTPUT_NAME conv2d)
  install(TARGETS conv2d_${{_kind}} DESTINATION lib)
endforeach()
"""
PLANTED = {"nothing": 0, "${CMAKE_SOURCE_DIR}": 1, "$ENV{USER}": 1, "$ENV{TZ}": 1}


class Reproducible(unittest.TestCase):
    def test_surroundings(self):
        for planted, status in PLANTED.items():
            with self.subTest(planted), tempfile.TemporaryDirectory(prefix="conv2d-twice-") as tree:
                os.mkdir(os.path.join(tree, "scripts"))
                for name in ("bootstrap.sh", "common.sh", "reproducible.sh"):
                    shutil.copy(os.path.join(SOURCE, "scripts", name),
                                os.path.join(tree, "scripts"))
                with open(os.path.join(tree, "CMakeLists.txt"), "w", encoding="utf-8") as file:
                    file.write(PROJECT.format(planted=planted))
                run = subprocess.run([os.path.join(tree, "scripts/reproducible.sh"), "--quick"],
                                     capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, status, run.stdout + run.stderr)
                said = "the same in two builds", "differ between two builds"
                self.assertIn(said[status], run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
