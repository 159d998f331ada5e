# SPDX-License-Identifier: BSD-2-Clause
"""python -m conv2d: the command line. A wheel has the program beside the package's modules; a
package without it (a source tree) uses the one in the PATH."""
import os
import shutil
import subprocess
import sys
from typing import Optional

ABSENT = ("python -m conv2d: the program `conv2d` is neither beside the package nor in the PATH. "
          "`pip install .` in the project's root puts it beside the package, "
          "`make install` puts it into the PATH.")


def find_tool() -> Optional[str]:
    """Path of the program conv2d: beside the package, or in the PATH."""
    here = os.path.dirname(os.path.abspath(__file__))
    return shutil.which("conv2d", path=here) or shutil.which("conv2d")


def main() -> int:
    """Run the program with this process's arguments; its exit status, or 2 if there is none."""
    tool = find_tool()
    if tool is None:
        print(ABSENT, file=sys.stderr)
        return 2
    if os.name == "posix":  # the program takes this process's place: signals and all reach it
        os.execv(tool, [tool, *sys.argv[1:]])
    return subprocess.call([tool, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
