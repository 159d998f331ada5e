# SPDX-License-Identifier: BSD-2-Clause
"""The source tree as the lint checks see it: which files there are, and how a finding is reported.

Standard library only, no git: a tarball is checked like a clone. A check is a function that takes
the root of a tree and yields findings as (path, line, sentence)."""
import os
import re

SKIPPED = re.compile(r"^(\.git|\.cache|build.*|out|__pycache__)$")


def files(root, folders=("",), suffixes=()):
    """Relative paths below the folders (or files directly in the root for "."), sorted."""
    found = []
    for folder in folders:
        for where, subfolders, names in os.walk(os.path.join(root, folder)):
            subfolders[:] = [d for d in subfolders if not SKIPPED.match(d)]
            for name in names:
                path = os.path.relpath(os.path.join(where, name), root)
                if not suffixes or name.endswith(tuple(suffixes)):
                    found.append(path)
    return sorted(set(found))


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()


def without_comments(text):
    """C text with comments and the contents of strings blanked; line numbers stay."""
    def blank(match):
        token = match.group(0)
        if token.startswith(("/*", "//")):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + token[0]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
