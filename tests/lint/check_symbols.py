# SPDX-License-Identifier: BSD-2-Clause
"""The built libraries: exported symbols are the declared functions, nothing runs at load time.

The list src/conv2d.map, the headers and the shared library's dynamic symbols must be one set."""
import os
import re
import subprocess

from check_headers import functions
from tree import read


def tool(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def map_names(root):
    text = re.sub(r"/\*.*?\*/|#[^\n]*", "", read(root, "src/conv2d.map"), flags=re.S)
    section = re.search(r"global:(.*?)local:", text, re.S)
    return set(re.findall(r"(\w+)\s*;", section.group(1))) if section else set()


def symbols(root, shared, static):
    declared = {name for name, _, _, _ in functions(root)}
    listed = map_names(root)
    exported = set()
    for line in tool("nm", "-D", "--defined-only", shared).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":  # the version node itself
            exported.add(re.sub(r"@.*", "", name))
    where = os.path.basename(shared)
    for name in sorted(declared - listed):
        yield "src/conv2d.map", 1, f"lacks {name}, which the headers declare"
    for name in sorted(listed - declared):
        yield "src/conv2d.map", 1, f"lists {name}, which no header declares"
    for name in sorted(declared - exported):
        yield where, 1, f"does not export {name}, which the headers declare"
    for name in sorted(exported - declared):
        yield where, 1, f"exports {name}, which no header declares"

    # In the static library everything global is ours by name; borrowed objects have their own.
    for line in tool("nm", "-g", "--defined-only", static).splitlines():
        parts = line.split()
        if len(parts) == 3 and not re.match(r"(conv2d|c2_)", parts[2]):
            yield os.path.basename(static), 1, f"has the global symbol {parts[2]}"


def constructors(shared):
    """frame_dummy and its like are the C runtime's, one entry; any more would be ours."""
    for line in tool("readelf", "-S", "-W", shared).splitlines():
        match = re.search(r"\]\s+\.(init|fini)_array\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+)", line)
        if match and int(match.group(2), 16) > 8:
            yield (os.path.basename(shared), 1,
                   f".{match.group(1)}_array has {int(match.group(2), 16) // 8} entries; the C "
                   f"runtime's own is 1")


def check(root, shared, static, sanitized=False):
    yield from symbols(root, shared, static)
    if not sanitized:
        yield from constructors(shared)
    print(f"{os.path.basename(shared)}: {os.path.getsize(shared)} bytes, "
          f"{len(map_names(root))} functions")
