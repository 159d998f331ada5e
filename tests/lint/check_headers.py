# SPDX-License-Identifier: BSD-2-Clause
"""The public headers: each compiles alone as C99, C17 and C++17, every function is documented."""
import os
import re
import shutil
import subprocess

from tree import files, line_of, read

FUNCTION = re.compile(r"^CONV2D_API\s+([^;{]*?)\b(conv2d\w*)\s*\(([^;]*?)\)\s*;", re.M | re.S)
MODES = (("cc", "c", "c99"), ("cc", "c", "c17"), ("c++", "c++", "c++17"))


def functions(root):
    """(name, path, line, the comment right before it) of every function with CONV2D_API."""
    for path in files(root, ("include",), (".h",)):
        text = read(root, path)
        for match in FUNCTION.finditer(text):
            before = text[:match.start()].rstrip()
            comment = ""
            if before.endswith("*/"):
                comment = before[before.rindex("/*"):]
            yield match.group(2), path, line_of(text, match.start()), comment


def documented(root):
    """Each function has a /** comment of a sentence or more that ends in 'Since <version>'."""
    for name, path, line, comment in functions(root):
        if not comment.startswith("/**"):
            yield path, line, f"{name}() has no /** comment right before it"
        elif len(comment.split()) < 6:
            yield path, line, f"the comment of {name}() says nothing"
        elif not re.search(r"Since\s+\d+\.\d+", comment):
            yield path, line, f"the comment of {name}() does not say 'Since <version>'"
    if not list(functions(root)):
        yield "include", 1, "has no function: the pattern of this check is out of date"


def alone(root):
    """Each header alone, with every warning an error, in C99, C17 and C++17."""
    for compiler, language, standard in MODES:
        program = os.environ.get("CC" if language == "c" else "CXX", compiler)
        if not shutil.which(program.split()[0]):
            yield "include", 1, f"{program} is not there: {standard} cannot be checked"
            continue
        for path in files(root, ("include",), (".h",)):
            run = subprocess.run(
                program.split() + ["-x", language, f"-std={standard}", "-pedantic-errors", "-Wall",
                                   "-Wextra", "-Werror", "-fsyntax-only", "-I",
                                   os.path.join(root, "include"), "-"],
                input=f"#include <{os.path.relpath(path, 'include')}>\n"
                      f"#include <{os.path.relpath(path, 'include')}>\n"
                      "typedef int not_empty;\n",
                capture_output=True, text=True, check=False)
            if run.returncode:
                yield path, 1, f"does not compile alone as {standard}:\n{run.stderr[:800]}"


CHECKS = {"documented": documented, "alone": alone}
