# SPDX-License-Identifier: BSD-2-Clause
"""A contender's process: the line protocol, its threads' place and priority."""
import os
import selectors
import subprocess
import sys

BENCH = os.path.dirname(os.path.abspath(__file__))
# conv2d through its C API: a name for each order and accuracy.
OURS = {"conv2d_nchw": ("nchw", "default"), "conv2d_nhwc": ("nhwc", "default"),
        "conv2d_strict_nchw": ("nchw", "strict"), "conv2d_strict_nhwc": ("nhwc", "strict")}
START_SECONDS, ANSWER_SECONDS = 120, 300
# Memory that a library frees stays with its process, as in a program that runs for long; else
# those that allocate their output in each call would fetch pages from the kernel each time.
ENVIRONMENT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 36),
               "MALLOC_TOP_PAD_": str(1 << 26), "TF_CPP_MIN_LOG_LEVEL": "3",
               "PYTHONWARNINGS": "ignore", "PYTHONDONTWRITEBYTECODE": "1"}


class Failure(Exception):
    """What a contender answered instead of "ok", or that it died."""


def set_priority(pid, niceness, real_time=False):
    """Of every thread of a process; without the right to raise it, it stays as it is."""
    policy, level = (os.SCHED_FIFO, 1) if real_time else (os.SCHED_OTHER, 0)
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        try:
            os.setpriority(os.PRIO_PROCESS, thread, niceness)
            os.sched_setscheduler(thread, policy, os.sched_param(level))
        except (PermissionError, ProcessLookupError):
            pass


class Contender:
    def __init__(self, name, threads, build, log):
        self.name, self.log = name, log
        self.build, self.threads = build, threads
        self.start()

    def start(self):
        environment = {**os.environ, **ENVIRONMENT, "OMP_NUM_THREADS": str(self.threads),
                       "PYTHONPATH": os.path.join(os.path.dirname(BENCH), "bindings/python"),
                       "CONV2D_LIBRARY": os.path.join(self.build, "src/libconv2d.so")}
        if self.name in OURS:
            command = [os.path.join(self.build, "bench/runner"), str(self.threads),
                       *OURS[self.name]]
        else:
            command = [sys.executable, os.path.join(BENCH, "peers/worker.py"), self.name,
                       str(self.threads)]
        # One thread stays on one processor, the last; more threads go where the system puts them.
        last = max(os.sched_getaffinity(0))
        pin = (lambda: os.sched_setaffinity(0, {last})) if self.threads == 1 else None
        # Lines are read whole and by hand: nothing waits in a buffer that select() does not see.
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, env=environment, preexec_fn=pin)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.facts = self.receive(START_SECONDS)

    def receive(self, seconds):
        if not self.selector.select(seconds):
            self.stop()
            raise Failure(f"no answer in {seconds} s")
        line = self.process.stdout.readline().decode().strip()
        if not line:
            self.stop()
            raise Failure(f"the process ended with status {self.process.returncode}")
        word, _, rest = line.partition(" ")
        if word != "ok":
            raise Failure(rest)
        return dict(pair.split("=", 1) for pair in rest.split())

    def ask(self, *words):
        """NAME=VALUE pairs of the answer as a dict; Failure for an error. One that died starts
        anew with the next question."""
        if self.process.poll() is not None:
            self.start()
        try:
            self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
            self.process.stdin.flush()
        except OSError as error:
            self.stop()
            raise Failure(str(error)) from error
        return self.receive(ANSWER_SECONDS)

    def stop(self):
        self.process.kill()
        self.process.wait()
