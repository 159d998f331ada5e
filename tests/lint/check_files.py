# SPDX-License-Identifier: BSD-2-Clause
"""Every file: its length, its width, its head comment, and no path of somebody's machine."""
import os
import re

from tree import files, read

CODE = (".c", ".h", ".py", ".sh", ".cmake", "CMakeLists.txt", "Makefile", ".inc")
MAX_LINES = 600
MAX_COLUMNS = 100
# A list of data, one row a line, may be longer than a file of logic.
TABLES = re.compile(r"\.inc$|_table\.[ch]$")
# Home and work folders of one machine; /usr, /etc, /dev and /proc are the same everywhere, and
# mkstemp's templates are allowed.
MACHINE_PATH = re.compile(r"(?<![\w./])/(home|root|work|tmp|opt|mnt|Users)/"
                          r"(?!\w*XXXXXX)[A-Za-z0-9_]")
MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")


def length(root):
    """A file ends before line 600."""
    for path in files(root, suffixes=CODE):
        n_lines = read(root, path).count("\n")
        if n_lines >= MAX_LINES and not TABLES.search(path):
            yield path, n_lines, f"has {n_lines} lines; a file ends before line {MAX_LINES}"


def layout(root):
    """Lines are at most 100 columns wide, without tabs (but in Makefiles) or trailing blanks."""
    for path in files(root, suffixes=CODE):
        text = read(root, path)
        if text and not text.endswith("\n"):
            yield path, text.count("\n") + 1, "the last line does not end"
        for number, line in enumerate(text.split("\n"), 1):
            if len(line) > MAX_COLUMNS:
                yield path, number, f"is {len(line)} columns wide, more than {MAX_COLUMNS}"
            if line != line.rstrip():
                yield path, number, "ends in blanks"
            if "\t" in line and not path.endswith("Makefile"):
                yield path, number, "has a tab"


def heads(root):
    """Each file begins with its licence and, in C, with a comment that says what lives there."""
    for path in files(root, suffixes=CODE):
        text = read(root, path)
        head = "\n".join(text.split("\n")[:3])
        if "SPDX-License-Identifier: BSD-2-Clause" not in head:
            yield path, 1, "has no line 'SPDX-License-Identifier: BSD-2-Clause' at its head"
        elif path.endswith((".c", ".h")) and "/isa/" not in path:
            comment = re.match(r"/\*.*?\*/(\s*/\*.*?\*/)?", text, re.S)
            body = comment.group(0) if comment else ""
            if len(re.findall(r"[A-Za-z]{2,}", body)) < 10:
                yield path, 1, "has no head comment that says what lives in it"


def portable(root):
    """No path of one machine and no unfinished business in the tree."""
    for path in files(root, suffixes=CODE + (".md", ".txt", ".1", ".yml", "run")):
        for number, line in enumerate(read(root, path).split("\n"), 1):
            if MACHINE_PATH.search(line):
                yield path, number, f"names a place of one machine: {line.strip()[:70]}"
            if MARKERS.search(line):
                yield path, number, "has a marker of unfinished work"


def links(root):
    """Every relative link of a Markdown page leads to a file or folder."""
    for path in files(root, suffixes=(".md",)):
        for number, line in enumerate(read(root, path).split("\n"), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                place = os.path.join(root, os.path.dirname(path), target)
                if "://" not in target and not os.path.exists(place):
                    yield path, number, f"links to {target}, which is not there"


CHECKS = {"length": length, "layout": layout, "heads": heads, "portable": portable,
          "links": links}
