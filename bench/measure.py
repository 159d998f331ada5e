# SPDX-License-Identifier: BSD-2-Clause
"""Measures conv2d beside other libraries, layer by layer, in one interleaved run.

    measure.py --build BUILD --out RESULTS.csv [--threads 1,2] [--tables peers,second,cliffs]
               [--match REGEX] [--contenders NAME,...] [--seconds S] [--rounds N]
               [--candidates S] [--lock FILE] [--niceness N] [--real-time]

Every contender has a process of its own, and they take turns: in each round each of them times its
runs for a while, after a pause in which the threads of the one before go to sleep. Every output is
compared with a float64 sum. Results are added to the file: the better times stay, ours only if
they are of the same commit. docs/benchmarks/README.md says more."""
import argparse
import contextlib
import fcntl
import os
import platform
import re
import subprocess
import sys
import tempfile
import time

import numpy as np

import layer as layers
import results
from contender import OURS, Contender, Failure, set_priority
from peers import CONTENDERS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAUSE_SECONDS = 0.004
PEAK_SECONDS = 0.05
SLOW_MS = 500  # a contender that takes so long has one round
COPY_KILOBYTES = (32, 1024, 16384, 65536)  # a thread: L1, L2, L3, memory
# (family, model) of /proc/cpuinfo; for the names of files. Those that are not here are "cpu".
KNOWN_CPUS = (("AuthenticAMD", 25, range(0x10, 0x20), "zen4"),
              ("AuthenticAMD", 25, range(0x60, 0xB0), "zen4"),
              ("AuthenticAMD", 25, range(0x00, 0x10), "zen3"),
              ("AuthenticAMD", 25, range(0x20, 0x60), "zen3"),
              ("AuthenticAMD", 26, range(0x00, 0x100), "zen5"),
              ("AuthenticAMD", 23, range(0x30, 0x100), "zen2"),
              ("GenuineIntel", 6, (0x8F,), "spr"), ("GenuineIntel", 6, (0xCF,), "emr"),
              ("GenuineIntel", 6, (0xAD, 0xAE), "gnr"),
              ("GenuineIntel", 6, (0x6A, 0x6C), "icx"), ("GenuineIntel", 6, (0x55,), "skx"))


def processor():
    """Facts about it; class: the widest of the instruction sets that targets distinguish."""
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        text = f.read()

    def value(key, default="?"):
        found = re.search(rf"^{key}\s*:\s*(.*)$", text, re.M)
        return found.group(1) if found else default

    flags = set(value("flags", value("Features", "")).split())
    kind = next((name for flag, name in (("amx_tile", "amx"), ("avx512f", "avx512"),
                                         ("avx2", "avx2"), ("asimd", "neon")) if flag in flags),
                "generic")
    family, model = int(value("cpu family", "0")), int(value("model", "0"))
    name = next((known[3] for known in KNOWN_CPUS if known[0] == value("vendor_id") and
                 known[1] == family and model in known[2]), "cpu")
    if kind == "amx" and model == 0xA7:
        name = "gnr"  # a VM that shows Rocket Lake's model, which has no AMX
    return {"cpu": f"{value('model name')} (family {family}, model {model})", "cpu_name": name,
            "class": kind, "processors": str(len(os.sched_getaffinity(0))),
            "system": f"{platform.system()} {platform.release()}"}


def commit():
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], text=True, capture_output=True,
                              check=False).stdout.strip()
    changed = git("status", "--porcelain", "--untracked-files=no", "src", "include")
    return (git("rev-parse", "--short=10", "HEAD") or "unknown") + ("+" if changed else "")


class Machine:
    """Turns with other measurements, by a lock file, and priority while times are taken."""

    def __init__(self, options):
        self.lock = options.lock and open(options.lock, "w", encoding="ascii")
        self.raised = options.niceness, options.real_time
        self.usual = os.getpriority(os.PRIO_PROCESS, 0), False

    @contextlib.contextmanager
    def alone(self):
        """While no other measurement runs."""
        if self.lock:
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        try:
            with self.turn(os.getpid()):
                yield
        finally:
            if self.lock:
                fcntl.flock(self.lock, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def turn(self, pid):
        """With the priority raised of the one process that is measured."""
        set_priority(pid, *self.raised)
        try:
            yield
        finally:
            if os.path.isdir(f"/proc/{pid}/task"):
                set_priority(pid, *self.usual)


class Run:
    """Contenders on one number of threads."""

    def __init__(self, options, threads, found, folder, log):
        self.options, self.threads, self.found, self.folder = options, threads, found, folder
        self.commit = commit()
        self.machine = Machine(options)
        self.contenders = {}
        for name in options.contenders:
            try:
                one = Contender(name, threads, options.build, log)
            except Failure as failure:
                print(f"{name:18} absent: {failure}", flush=True)
                continue
            self.contenders[name] = one
            found.add_fact(f"version_{name}", one.facts["version"])
            print(f"{name:18} {one.facts['version']}", flush=True)
        self.runner = Contender("conv2d_nchw", threads, options.build, log)

    def measure_machine(self):
        with self.machine.alone():
            self.peak(6 * PEAK_SECONDS)
            for kilobytes in COPY_KILOBYTES:
                speed = self.ask(self.runner, "copy", kilobytes, 4 * PEAK_SECONDS)["gb_s"]
                self.found.add_fact(f"copy_gb_s_{self.threads}_{kilobytes}", float(speed))

    def ask(self, contender, *words):
        """An answer that has times in it."""
        with self.machine.turn(contender.process.pid):
            return contender.ask(*words)

    def peak(self, seconds=PEAK_SECONDS):
        gflops = float(self.ask(self.runner, "peak", seconds)["gflops"])
        self.found.add_fact(f"fma_peak_gflops_{self.threads}", gflops)
        return gflops

    def prepare(self, table, layer):
        """Rows of the contenders that can run the layer, their outputs checked."""
        tensors = layers.data(layer)
        for name, tensor in zip("xwb", tensors):
            tensor.tofile(os.path.join(self.folder, name + ".f32"))
        expected = layers.reference(layer, *tensors)
        rows = {}
        for name, contender in self.contenders.items():
            if table == "cliffs" and name not in OURS:
                continue  # those layers are compared with each other
            ours = name.startswith("conv2d")
            row = results.Row(table, layer.name, self.threads, name, contender.facts["layout"],
                              commit=self.commit if ours else contender.facts["version"])
            try:
                said = contender.ask("setup", self.folder, layer.text)
                y = np.fromfile(os.path.join(self.folder, "y.f32"), np.float32)
                row.error = float(np.max(np.abs(y.reshape(expected.shape) - expected)) /
                                  np.max(np.abs(expected)))
                row.setup_ms = float(said["setup_ms"])
                row.workspace_bytes = int(said.get("workspace_bytes", 0)) if ours else None
                row.algorithm = said.get("algorithm", "")
                rows[name] = row
            except Failure as failure:
                row.failure = str(failure)[:200].replace("\n", " ")
                self.found.add(row)
        return rows

    def time(self, rows):
        """Rounds of all, each beginning with another one."""
        names = list(rows)
        for k in range(self.options.rounds):
            for name in names[k % max(1, len(names)):] + names[:k % max(1, len(names))]:
                row = rows[name]
                if row.failure or (row.least_ms or 0) > SLOW_MS:
                    continue
                time.sleep(PAUSE_SECONDS)
                try:
                    said = self.ask(self.contenders[name], "time",
                                    self.options.seconds / self.options.rounds)
                except Failure as failure:
                    row.failure, row.least_ms = str(failure)[:200], None
                    continue
                row.least_ms = results.least(row.least_ms, float(said["least_ms"]))
                row.median_ms = results.least(row.median_ms, float(said["median_ms"]))
                row.runs += int(said["runs"])

    def time_candidates(self, rows):
        """The planner's choice (the first of the answer) beside its other candidates."""
        for name in ("conv2d_nchw", "conv2d_nhwc"):
            row = rows.get(name)
            if not row or row.failure:
                continue
            said = self.ask(self.contenders[name], "candidates", self.options.candidates)
            milliseconds = {key: float(value) for key, value in said.items()}
            row.chosen_ms = next(iter(milliseconds.values()))
            row.best_candidate = min(milliseconds, key=milliseconds.get)
            row.best_ms = milliseconds[row.best_candidate]

    def measure(self, table, layer):
        rows = self.prepare(table, layer)
        with self.machine.alone():
            peak = self.peak()
            self.time(rows)
            peak = max(peak, self.peak())
        if self.options.candidates:
            with self.machine.alone():
                self.time_candidates(rows)
        for row in rows.values():
            row.peak_gflops = peak
            self.found.add(row)
        timed = sorted((row.least_ms, name) for name, row in rows.items() if not row.failure)
        print(f"{table}/{layer.name} x{self.threads}: " +
              ", ".join(f"{name} {ms:.4f}" for ms, name in timed[:5]), flush=True)

    def stop(self):
        for contender in [*self.contenders.values(), self.runner]:
            contender.stop()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", required=True, type=os.path.abspath)
    parser.add_argument("--out", required=True)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--tables", default="peers,second,cliffs")
    parser.add_argument("--match", default="")
    parser.add_argument("--contenders", default=",".join([*OURS, *CONTENDERS]))
    parser.add_argument("--seconds", type=float, default=0.2, help="of each contender a layer")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--candidates", type=float, default=0,
                        help="seconds for each candidate of the planner")
    parser.add_argument("--lock", help="file that measurements on this machine lock in turn")
    parser.add_argument("--niceness", type=int, default=0, help="while times are taken")
    parser.add_argument("--real-time", action="store_true",
                        help="take times under SCHED_FIFO, as only root may")
    options = parser.parse_args()
    options.contenders = options.contenders.split(",")
    unknown = set(options.contenders) - set(OURS) - set(CONTENDERS)
    if unknown:
        parser.error(f"unknown contenders {' '.join(sorted(unknown))}; "
                     f"known: {' '.join([*OURS, *CONTENDERS])}")
    return options


def main():
    options = arguments()
    found = results.load(options.out) if os.path.exists(options.out) else results.Results()
    found.facts.update(processor(), commit=commit(), date=time.strftime("%Y-%m-%d"))
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="conv2d-bench-", dir=memory) as folder, \
            open(options.out + ".log", "w", encoding="utf-8") as log:
        for threads in map(int, options.threads.split(",")):
            run = Run(options, threads, found, folder, log)
            try:
                run.measure_machine()
                for table in options.tables.split(","):
                    for layer in layers.read(table, options.match):
                        run.measure(table, layer)
                        found.save(options.out)
            finally:
                run.stop()
    found.save(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
