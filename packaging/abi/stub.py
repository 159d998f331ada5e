# SPDX-License-Identifier: BSD-2-Clause
"""The interface alone: stub.py INCLUDE-FOLDER MAP OUT.so [CC].

Compiles a library that has every function of the public headers with an empty body, with debug
information, SONAME and symbol versions. That is what a program sees, and nothing of the insides:
what abidiff compares. tests/lint keeps headers, map and the real library one set of functions.
Structs hold enumerators as int32_t; so that abidiff sees their values, a function abi_TYPE takes
each enum."""
import os
import re
import subprocess
import sys

FUNCTION = re.compile(r"^CONV2D_API\s+[^;{]*?\bconv2d\w*\s*\([^;]*?\)\s*;", re.M | re.S)

ENUM = re.compile(r"^typedef enum\b[^;]*?\}\s*(conv2d_\w+)\s*;", re.M | re.S)


def stub(include):
    """C text that defines every function of the headers in include/conv2d, and its enums."""
    folder = os.path.join(include, "conv2d")
    names = [n for n in sorted(os.listdir(folder)) if n.endswith(".h") and n != "dlpack.h"]
    lines, functions, enums = [f"#include <conv2d/{name}>" for name in names], [], []
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
        functions += [m.group(0)[:-1] + "\n{\n    __builtin_trap();\n}"
                      for m in FUNCTION.finditer(text)]
        enums += ENUM.findall(text)
    if not functions:
        sys.exit(f"stub.py: no function is declared in {folder}")
    functions += [f"CONV2D_API void abi_{enum}({enum} value);\nvoid abi_{enum}({enum} value)\n"
                  "{\n    (void)value;\n}" for enum in enums]
    return "\n".join(lines + functions) + "\n"


def main(include, version_map, out, compiler="cc"):
    with open(os.path.join(include, "conv2d/version.h"), encoding="utf-8") as file:
        abi = re.search(r"CONV2D_ABI_VERSION (\d+)", file.read()).group(1)
    with open(version_map, encoding="utf-8") as file, open(out + ".map", "w",
                                                           encoding="utf-8") as widened:
        widened.write(file.read().replace("global:", "global:\n    abi_*;", 1))
    subprocess.run([compiler, "-x", "c", "-std=c17", "-g", "-fPIC", "-shared", "-I", include,
                    f"-Wl,-soname,libconv2d.so.{abi}", f"-Wl,--version-script={out}.map",
                    "-o", out, "-"], input=stub(include), text=True, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
