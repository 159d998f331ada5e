# SPDX-License-Identifier: BSD-2-Clause
"""The house: who may include whom, what the library may call, which files the build knows."""
import os
import re

from tree import files, line_of, read, without_comments

# Data flows api -> plan -> backend -> cpu. A layer includes its own folder, core/ and the layer
# below. A backend includes backend.h, the interface it implements; api/ sees it too, because
# devices, buffers and queues are not planned; the registry sees the one header of each backend.
MAY_INCLUDE = {
    "core": (r"core/",),
    "file": (r"file/", r"core/"),
    "backend": (r"backend/", r"core/", r"cpu/cpu\.h$", r"metal/metal\.h$"),
    "cpu": (r"cpu/", r"core/", r"backend/backend\.h$"),
    "gpu": (r"gpu/", r"core/"),
    "metal": (r"metal/", r"gpu/", r"core/", r"backend/backend\.h$"),
    "plan": (r"plan/", r"core/", r"backend/backend\.h$"),
    "api": (r"api/", r"core/", r"file/", r"plan/", r"backend/backend\.h$"),
}
PUBLIC = r"conv2d/[a-z0-9]+\.h$"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)

# The library never prints, ends the process or looks around in it.
FORBIDDEN = re.compile(r"\b(printf|vprintf|fprintf|puts|fputs|putchar|perror|abort|exit|_Exit|"
                       r"_exit|quick_exit|atexit|signal|raise|system|getenv|secure_getenv|setenv|"
                       r"setlocale|srand|rand|strtok|strcpy|strcat|sprintf|vsprintf|gets|alloca)"
                       r"\s*\(")
ALLOWED_CALLS = {("src/cpu/machine.c", "getenv"), ("src/cpu/machine.c", "secure_getenv"),
                 ("src/metal/objc.c", "getenv")}
SIDE_EFFECT = re.compile(r"\bassert\s*\((?:[^()]|\([^()]*\))*(\+\+|--|[^=!<>]=[^=])")
CONSTRUCTOR = re.compile(r"__attribute__\s*\(\(\s*(constructor|destructor)")


def directory(path):
    return path.split("/")[1] if path.count("/") >= 2 else ""


def includes(root):
    """src/: own folder, core/ and the layer below; cli/, demo/, bench/: the public headers only."""
    for path in files(root, ("src",), (".c", ".h", ".inc")):
        allowed = MAY_INCLUDE.get(directory(path), ())
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            quote, name = match.groups()
            if quote == "<" and not name.startswith("conv2d/"):
                continue
            if not any(re.match(rule, name) for rule in allowed + (PUBLIC,)):
                yield (path, line_of(text, match.start()),
                       f"includes {name}; {directory(path)}/ may include {', '.join(allowed)} "
                       f"and the public headers")
    inside = "|".join(MAY_INCLUDE)
    for path in files(root, ("cli", "demo", "bench", "packaging"), (".c", ".h")):
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            if re.match(rf"(\.\./)*(src/)?({inside})/", match.group(2)):
                yield (path, line_of(text, match.start()),
                       f"includes {match.group(2)}; only the public headers of the library may be")
    for path in files(root, ("src/cpu/body",)):
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            if "intrin" in match.group(2) or match.group(2) == "arm_neon.h":
                yield (path, line_of(text, match.start()),
                       "a kernel body is plain C over vec_<isa>.h and includes no intrinsics")


def calls(root):
    """The library never prints, ends the process, reads the environment or runs at load time."""
    for path in files(root, ("src",), (".c", ".h", ".inc")):
        text = without_comments(read(root, path))
        for match in FORBIDDEN.finditer(text):
            if (path, match.group(1)) not in ALLOWED_CALLS:
                yield path, line_of(text, match.start()), f"calls {match.group(1)}()"
        for match in SIDE_EFFECT.finditer(text):
            yield path, line_of(text, match.start()), "an assert changes something"
        for match in CONSTRUCTOR.finditer(text):
            yield path, line_of(text, match.start()), "runs code when the library is loaded"


def listed_sources(root, folder):
    """Files with a source suffix named in the CMake files of a folder, relative to the root."""
    named = set()
    for cmake in files(root, (folder,), ("CMakeLists.txt", ".cmake")):
        text = re.sub(r"#[^\n]*", "", read(root, cmake))
        for token in re.findall(r"[\w./+${}-]+\.[chS]\b", text):
            token = re.sub(r"\$\{CMAKE_CURRENT_(SOURCE|LIST)_DIR\}/", "", token)
            for base in (os.path.dirname(cmake), folder):
                named.add(os.path.normpath(os.path.join(base, token)))
        if "GLOB" in text:
            named.add("GLOB in " + cmake)
    return named


def unlisted_tests(root):
    """Tests that no CMake file of their room names, be it as test_${_name}.c in a list."""
    for path in files(root, ("tests",), (".c",)):
        room = "/".join(path.split("/")[:2])
        lists_of = files(root, (room,), ("CMakeLists.txt", ".cmake", ".py"))
        text = "".join(read(root, f) for f in lists_of + files(root, (".",), ("CMakeLists.txt",))
                       if f in lists_of or f == "tests/CMakeLists.txt")
        words = set(re.findall(r"\w+", re.sub(r"#[^\n]*", "", text)))
        stem = os.path.splitext(os.path.basename(path))[0]
        if not words & ({stem} | {stem.split("_", n)[-1] for n in (1, 2)}):
            yield path, 1, "is in no CMake list of its room: it is never compiled"


def lists(root):
    """Every .c file of a program or library is named in a CMake list, and nothing is globbed."""
    yield from unlisted_tests(root)
    for folder in ("src", "cli", "bench", "demo"):
        if not os.path.isdir(os.path.join(root, folder)):
            continue
        named = listed_sources(root, folder)
        for path in files(root, (folder,), (".c",)):
            stem = os.path.splitext(os.path.basename(path))[0]
            in_list = path in named or any(stem in read(root, cmake) for cmake in
                                           files(root, (folder,), (".cmake",)) if "/isa/" in path)
            if not in_list:
                yield path, 1, "is in no CMake list: it is never compiled"
        for name in sorted(named):
            if name.startswith("GLOB in "):
                yield name[8:], 1, "globs; lists of sources are explicit"


CHECKS = {"includes": includes, "calls": calls, "lists": lists}
