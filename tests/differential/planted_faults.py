#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Planted faults: can the tests fail? Each fault of planted_table.py is one change of the real
sources. The translation units it touches are compiled with the build's own flags, linked into the
tests in place of the originals, and the test must fail; the same units unchanged must pass.
Usage: planted_faults.py CONFIG.json [NAME...]   (CONFIG.json is written by CMake)
       planted_faults.py CONFIG.json --metal [NAME...]   (faults of the Metal backend; the
                                                  environment names software Metal)
       planted_faults.py --texts                 (only: does every fault's text still stand?)
A fault that no longer applies is an error, not a pass."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from planted_table import AMX, AMX_UNITS, BF16, FAULTS, LATE, METAL_FAULTS  # noqa: E402

TIMEOUT_S = 240


class Build:
    """The build tree's commands, replayed on a changed copy of src/."""

    def __init__(self, config_path, metal):
        self.metal = metal
        self.config = json.loads(pathlib.Path(config_path).read_text())
        self.source = pathlib.Path(self.config["source"]) / "src"
        self.scratch = pathlib.Path(self.config["scratch"])
        commands = pathlib.Path(self.config["build"]) / "compile_commands.json"
        self.units = {}  # path under src/ -> (folder, arguments without output)
        own = commands.parent / "src"
        for entry in json.loads(commands.read_text()):
            path = pathlib.Path(entry["directory"], entry["file"])
            # Tests compile some sources again. Of those only the emulated AMX kernels count: no
            # fault is looked for with the instructions themselves.
            amx = AMX_UNITS in str(path)
            if amx != ("emulate_amx.h" in entry["command"]) or (
                    not amx and path.is_relative_to(self.source) and
                    not pathlib.Path(entry["directory"]).is_relative_to(own)):
                continue
            # Of the C files in the build, kernels of a GPU: made of texts that are listed beside.
            made = path.parent == own and pathlib.Path(f"{path}.texts").exists()
            if made or path.is_relative_to(self.source):
                arguments = shlex.split(entry["command"])
                cut = arguments.index("-o")
                del arguments[cut:cut + 2]
                unit = path if made else path.relative_to(self.source)
                self.units[str(unit)] = (entry["directory"], arguments)
        self.isa = self.best_isa()
        self.has_bf16 = self.has_isa(BF16)
        self.includes = {unit: self.headers_of(unit) for unit in self.units if self.wanted(unit)}

    def program(self, name):
        return self.config["programs"][name]["file"]

    def has_program(self, name):
        return name in self.config["programs"]

    def has_isa(self, isa):
        run = subprocess.run([self.program("differential"), "--isa", isa, "--count", "1"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return run.returncode == 0

    def best_isa(self):
        return next((isa for isa in ("avx2", "neon") if self.has_isa(isa)), "generic")

    def wanted(self, unit):
        """Kernel stubs of other ISAs keep their original objects: they need not be compiled. For
        faults of the Metal backend its own units are enough."""
        if self.metal:
            return os.path.isabs(unit) or unit.startswith(("metal/", "gpu/"))
        folder = re.match(r"cpu/isa/(\w+)/", unit)
        return (not folder or folder[1] == self.isa or unit.startswith(AMX_UNITS) or
                (folder[1] == BF16 and self.has_bf16))

    def headers_of(self, unit):
        """Files under src/ that a unit includes, itself among them, by the compiler's own list."""
        if os.path.isabs(unit):
            return {os.path.relpath(text, self.source) for text in self.texts(unit)}
        folder, arguments = self.units[unit]
        arguments = [a for a in arguments if a != "-c"] + ["-MM"]
        text = subprocess.run(arguments, cwd=folder, capture_output=True, text=True,
                              check=True).stdout
        files = re.split(r"[\s\\]+", text.split(":", 1)[1])
        return {os.path.relpath(os.path.join(folder, f), self.source) for f in files if f}

    @staticmethod
    def texts(unit):
        """What the C file of a family of GPU kernels is made of."""
        return pathlib.Path(unit + ".texts").read_text().strip().split(";")

    def embed(self, unit, sources, folder):
        """That C file, made of the texts of a copy of src/."""
        path = folder / pathlib.Path(unit).name
        texts = ";".join(text.replace(str(self.source), str(sources)) for text in self.texts(unit))
        subprocess.run(["cmake", "-D", f"OUT={path}", "-D", f"NAME=c2_{path.stem}", "-D",
                        f"TEXTS={texts}", "-P", str(sources / "metal" / "embed.cmake")], check=True)
        return str(path)

    def units_with(self, file):
        return [unit for unit, files in self.includes.items() if file in files]

    def compile(self, unit, sources, folder):
        """Compile a unit of the copy of src/ in sources; the object's path."""
        directory, arguments = self.units[unit]
        # No warnings: a changed line may leave a variable without use. Bodies of kernels as plain
        # functions compile ten times faster.
        replaced = [a.replace(str(self.source), str(sources)) for a in arguments]
        launcher = os.environ.get("CMAKE_C_COMPILER_LAUNCHER", "").split()
        replaced = launcher + replaced + ["-w", "-DC2_PLAIN_BODIES"]
        if os.path.isabs(unit):
            replaced = [self.embed(unit, sources, folder) if a == unit else a for a in replaced]
        out = folder / (unit.replace("/", "_") + ".o")
        subprocess.run(replaced + ["-o", str(out)], cwd=directory, check=True)
        return str(out)

    def link(self, program, objects, folder):
        """A test program with the objects before the library, whose own are then not taken."""
        out = folder / program
        command = (shlex.split(self.config["compiler"]) + objects +
                   self.config["programs"][program]["objects"] +
                   self.config["programs"][program].get("libraries", []) +
                   self.config["libraries"] +
                   ["-o", str(out)])
        subprocess.run(command, check=True)
        return str(out)

    def run(self, faults, name, command):
        """Apply (file, old, new) changes, build, run. (exit status, output, seconds)."""
        folder = self.scratch / re.sub(r"\W+", "_", name)
        shutil.rmtree(folder, ignore_errors=True)
        sources = folder / "src"
        shutil.copytree(self.source, sources)
        words = command.format(isa=self.isa).split()
        units = set()
        for file, old, new in faults:
            path = sources / file
            text = path.read_text()
            path.write_text(text.replace(old, new))
            units.update(unit for unit in self.units_with(file)
                         if words[0] in (AMX, LATE) or not unit.startswith(AMX_UNITS))
        if not units:
            raise SystemExit(f"planted_faults: {name}: no unit includes that file")
        objects = [self.compile(unit, sources, folder) for unit in sorted(units)]
        program = self.link(words[0], objects, folder)
        start = time.monotonic()
        try:
            done = subprocess.run([program] + words[1:], capture_output=True, text=True,
                                  errors="replace", timeout=TIMEOUT_S, check=False)
            status, output = done.returncode, done.stdout + done.stderr
        except subprocess.TimeoutExpired:
            status, output = -1, f"no end after {TIMEOUT_S} s"
        seconds = time.monotonic() - start
        shutil.rmtree(folder)
        return status, output, seconds


def first_line(output):
    """The first complaint of a failing run."""
    lines = output.splitlines()
    for i, line in enumerate(lines):
        if line.startswith("FAIL"):
            return " ".join(part.strip() for part in lines[i:i + 2])[:150]
    return lines[-1][:150] if lines else "(no output)"


def check_texts(source):
    """Names of faults whose text does not stand exactly once in the sources."""
    return [f"{name}: src/{file}: stands {(source / file).read_text().count(old)} times: {old!r}"
            for name, file, old, _, _ in FAULTS + METAL_FAULTS
            if (source / file).read_text().count(old) != 1]


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    stale = check_texts(pathlib.Path(__file__).resolve().parents[2] / "src")
    if stale:
        raise SystemExit("planted_faults: texts to change must stand once\n" + "\n".join(stale))
    if sys.argv[1] == "--texts":
        return
    metal = "--metal" in sys.argv
    build = Build(sys.argv[1], metal)
    names = [name for name in sys.argv[2:] if name != "--metal"]
    faults = METAL_FAULTS if metal else FAULTS
    chosen = [f for f in faults if (not names or f[0] in names) and
              (build.has_bf16 or BF16 not in f[4]) and build.has_program(f[4].split()[0]) and
              (build.config["kissfft"] or "fft" not in f[4])]
    print(f"planted_faults: {len(chosen)} faults, kernels of {build.isa}")
    missed = 0

    # Unchanged sources first, through the same path: "changes" that leave every file as it is.
    tries = []
    for command in sorted({f[4] for f in chosen}):
        texts = {f[1]: (build.source / f[1]).read_text() for f in chosen if f[4] == command}
        same = [(file, text, text) for file, text in texts.items()]
        tries.append((f"unchanged sources: {command}", same, command, "ok", "BROKEN"))
    tries.sort(key=lambda one: -len(one[1]))  # what takes longest begins first
    tries += [(f"{name} (src/{file})", [(file, old, new)], command, "MISSED", "found")
              for name, file, old, new, command in chosen]

    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        done = pool.map(lambda one: build.run(one[1], one[0], one[2]), tries)
        for (name, _, _, passed, failed), (status, output, seconds) in zip(tries, done):
            verdict = passed if status == 0 else failed
            missed += verdict in ("MISSED", "BROKEN")
            print(f"{verdict:7} {name} ({seconds:.1f} s)"
                  f"{': ' + first_line(output) if verdict == 'found' else ''}", flush=True)
            if verdict == "BROKEN":
                print(output)
    print(f"planted_faults: {len(chosen)} faults, {missed} missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
