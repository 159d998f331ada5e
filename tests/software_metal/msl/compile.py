#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compile MSL to a shared object: compile.py SOURCE OUTPUT [flags of the last step]

Writes OUTPUT.so and OUTPUT.info, or OUTPUT.err with the compiler's words. Steps: preprocess,
rewrite, type-check twice with address spaces, compile as C++14 without them, look for recursion.
OUTPUT.info has a line a kernel: its number, whether its threads meet, the function constants it
needs (by index) and those it only asks about."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from rewrite import Refused, Rewriter  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CLANG = os.environ.get("CONV2D_SOFTWARE_METAL_CLANG", "clang-19")
NAME = "program_source"
MEETINGS = {"msl_threadgroup_barrier", "msl_simdgroup_barrier", "msl_simd_exchange"}
QUIET = ["-Wno-unknown-attributes", "-Wno-unused-command-line-argument", "-fno-caret-diagnostics",
         "-fno-color-diagnostics", "-Wno-null-dereference"]


def clang(arguments):
    done = subprocess.run([CLANG] + arguments, capture_output=True, text=True)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout


def preprocess(source, language):
    text = clang(["-E", "-x", "c++", "-std=c++14", "-nostdinc", "-undef",
                  "-isystem", os.path.join(HERE, "include"), "-D__METAL__=1",
                  f"-D__METAL_VERSION__={language}", "-D__METAL_MACOS__=1", "-D__cplusplus=201402L",
                  "-Wno-builtin-macro-redefined", source])
    if "#pragma msl_standard_header" not in text:
        raise Refused(f"{NAME}:1: error: nothing of <metal_stdlib> is included")
    text = re.sub(r"^#pragma msl_standard_header$", "", text, flags=re.M)
    text = re.sub(r"^(\s*#\s*pragma) METAL fp contract", r"\1 clang fp contract", text, flags=re.M)
    return text.replace(f'"{source}"', f'"{NAME}"')


def type_check(path):
    for direction in (1, 2):
        clang(["-x", "clcpp", "-cl-std=clc++2021", "-cl-no-stdinc", "-cl-single-precision-constant",
               f"-DMSL_CHECK={direction}", "-I", HERE, "-fsyntax-only", *QUIET, path])


def functions(ir):
    """Name -> text of each function of LLVM's assembly language."""
    found = {}
    for match in re.finditer(r'^define [^@\n]*@("[^"]*"|[\w.$]+)\(.*?^}', ir, re.S | re.M):
        found[match.group(1).strip('"')] = match.group(0)
    return found


def references(body):
    names = re.findall(r'@("[^"]*"|[\w.$]+)', body)
    return {n.strip('"') for n in names[1:]}


def recursion(graph):
    """A function that can call itself, or None."""
    state = {}
    for root in graph:
        stack = [(root, iter(graph[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            node, rest = stack[-1]
            for other in rest:
                if other in graph and state.get(other) == 1:
                    return other
                if other in graph and other not in state:
                    state[other] = 1
                    stack.append((other, iter(graph[other])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return None


def demangled(name):
    done = subprocess.run(["c++filt", name], capture_output=True, text=True)
    return done.stdout.strip() or name


def closure(start, edges):
    seen, todo = set(), [start]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += edges.get(node, ())
    return seen


def information(ir, n_kernels, optional):
    bodies = functions(ir)
    graph = {}
    for name, body in bodies.items():
        refs = references(body)
        graph[name] = refs - {name} | ({name} if re.search(
            rf'(call|invoke) [^@\n]*@"?{re.escape(name)}"?\(', body) else set())
    own = recursion({n: [r for r in graph[n] if r in bodies] for n in graph})
    if own:
        raise Refused(f"{NAME}: error: recursion, which MSL has not: {demangled(own)} calls itself")
    # A variable leads to whatever its initialisation reads, function constants above all.
    edges, ids = {n: set(r) for n, r in graph.items()}, {}
    for name, body in bodies.items():
        if not name.startswith("__cxx_global_var_init"):
            continue
        for target in re.findall(r'store [^@\n]*, ptr @([\w.$]+)', body) + \
                re.findall(r"@(_ZL\d+msl_p\d+)\b", body):
            edges.setdefault(target, set()).add(name)
        numbers = re.findall(r"function_constantI\w*\([^@\n]*?i32[a-z ]* (\d+)", body)
        if numbers:
            ids[name] = int(numbers[0])
    lines = []
    for n in range(n_kernels):
        launcher, table = f"msl_l{n}", f"msl_p{n}"
        seen = closure(f"_ZL{len(launcher)}{launcher}PK13msl_argumentsPK12msl_position", edges) | \
            closure(f"_ZL{len(table)}{table}", edges)
        constants = sorted({ids[s] for s in seen if s in ids})
        meets = int(bool(seen & MEETINGS))
        needed = ",".join(str(c) for c in constants if str(c) not in optional) or "-"
        asked = ",".join(str(c) for c in constants if str(c) in optional) or "-"
        lines.append(f"{n} {meets} {needed} {asked}\n")
    return "".join(lines)


def compile_source(source, output, flags, language):
    rewriter = Rewriter(preprocess(source, language))
    text = rewriter.run()
    cpp, ir_path = output + ".cpp", output + ".ll"
    with open(cpp, "w", encoding="utf-8") as file:
        file.write('#include "kernel.h"\n' + text + rewriter.launchers())
    type_check(cpp)
    sanitizers = [f for f in flags if f.startswith(("-fsanitize", "-fno-sanitize"))]
    if "-s" not in flags:
        sanitizers.append("-gline-tables-only")
    clang(["-x", "c++", "-std=c++14", "-S", "-emit-llvm", "-O2", "-Xclang", "-disable-llvm-passes",
           "-fPIC", "-march=native", "-ffp-contract=fast-honor-pragmas",
           "-fno-math-errno",
           "-Xclang", "-ffloat16-excess-precision=none", "-fno-exceptions", "-fno-rtti",
           "-fno-threadsafe-statics", "-fvisibility=hidden", "-Wno-extern-initializer", "-Xclang",
           "-cl-single-precision-constant", "-Werror=c++17-extensions", "-Werror=vla-extension",
           "-Werror=return-type", *QUIET, *sanitizers, "-I", HERE, cpp, "-o", ir_path])
    with open(ir_path, encoding="utf-8", errors="replace") as file:
        ir = file.read()
    optional = {rewriter.constants[name] for name in rewriter.optional}
    info = information(ir, len(rewriter.entries()), optional)
    # What clang-19 says of AVX10 on a Granite Rapids is nobody's error here.
    subprocess.run([CLANG, "-x", "ir", "-fPIC", "-shared", "-march=native", "-Wno-override-module",
                    "-Wno-invalid-feature-combination", ir_path, "-x", "none", *flags, "-o",
                    output + ".so"], check=True)
    with open(output + ".info", "w", encoding="utf-8") as file:
        file.write(info)
    if not os.environ.get("CONV2D_SOFTWARE_METAL_KEEP"):
        os.unlink(ir_path)
        os.unlink(cpp)


def main():
    source, output, language, *flags = sys.argv[1:]
    try:
        compile_source(source, output, flags, language)
    except Refused as refusal:
        with open(output + ".err", "w", encoding="utf-8") as file:
            file.write(re.sub(re.escape(output) + r"\.cpp", "launchers", str(refusal)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
