#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A double of Apple's xcrun with a Metal compiler: what it makes is a line with the settings and
the text, which software Metal takes as a library of data. FAKE_XCRUN_FAILS=1: no text compiles."""
import os
import sys

arguments = sys.argv[1:]
if arguments[:2] != ["-sdk", "macosx"]:
    sys.exit("fake xcrun: expected -sdk macosx")
if arguments[2:] == ["--find", "metal"]:
    print("/fake/metal")
    sys.exit(0)
if arguments[2] != "metal" or "-o" not in arguments:
    sys.exit("fake xcrun: expected metal ... -o OUT IN")
if os.environ.get("FAKE_XCRUN_FAILS"):
    sys.exit("fake metal: error: told to fail")
language = [a[len("-std=macos-metal"):] for a in arguments if a.startswith("-std=macos-metal")]
version = language[0].replace(".", "") + "0" if language else "none"
math = "off" if "-fno-fast-math" in arguments else "on"
with open(arguments[-1], encoding="ascii") as source:
    text = source.read()
with open(arguments[arguments.index("-o") + 1], "w", encoding="ascii") as out:
    out.write(f"software metallib {version} fast-math={math}\n{text}")
