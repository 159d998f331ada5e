# SPDX-License-Identifier: BSD-2-Clause
"""python -m conv2d: the command line, if it is installed beside this package or in the PATH."""
import os
import shutil
import subprocess
import sys
import sysconfig


def find_tool() -> "str | None":
    """Path of the program conv2d: beside the package, with Python's scripts, or in the PATH."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (here, sysconfig.get_path("scripts"), None):
        tool = shutil.which("conv2d", path=folder)
        if tool:
            return tool
    return None


def main() -> int:
    tool = find_tool()
    if tool is None:
        print("python -m conv2d: the program `conv2d` is neither beside the package nor in the "
              "PATH; `make install` in the project's root builds and installs it.", file=sys.stderr)
        return 2
    return subprocess.call([tool, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
