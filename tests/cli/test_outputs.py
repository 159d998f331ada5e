# SPDX-License-Identifier: BSD-2-Clause
"""Where conv2d run writes: names of several outputs, files kept on failure, devices, links, full
disks, closed descriptors. A failure writes nothing and loses nothing."""
import os
import resource
import signal
import stat
import subprocess
import time

import tool
from tool import npy, png, ramp, read_npy, read_png


class Outputs(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy(ramp([1, 2, 5, 5])))
        self.write("w.npy", npy(ramp([3, 2, 3, 3])))
        self.write("a.png", png(4, 3, 1, list(range(12))))
        self.write("b.png", png(4, 3, 3, list(range(36))))
        self.write("bad.png", self.read("b.png")[:60])

    def test_directory(self):
        os.mkdir(self.path("out"))
        text = self.good("run", "a.png", "b.png", "-w", "identity", "-p", "1", "-o", "out")
        self.assertEqual(read_png(self.read("out/a.png"))[4], list(range(12)))
        self.assertEqual(read_png(self.read("out/b.png"))[4], list(range(36)))
        self.assertEqual([line.split(":")[0] for line in text.splitlines()],
                         ["out/a.png", "out/b.png"])
        self.good("run", "a.png", "-w", "identity", "-p", "1", "-o", "out/")

    def test_pattern(self):
        self.good("run", "a.png", "./b.png", "-w", "identity", "-p", "1", "-o", "new-{name}.npy")
        self.assertEqual(read_npy(self.read("new-a.npy"))[0], [1, 3, 4])
        self.assertEqual(read_npy(self.read("new-b.npy"))[0], [3, 3, 4])

    def test_names_are_checked_first(self):
        os.mkdir(self.path("out"))
        os.mkdir(self.path("other"))
        self.write("other/a.png", self.read("a.png"))
        common = ["-w", "identity", "-p", "1"]
        self.bad(2, "run", "a.png", "b.png", *common, "-o", "one.png", says="with 2 inputs")
        self.bad(2, "run", "a.png", "other/a.png", *common, "-o", "out", says="two inputs")
        self.bad(2, "run", "a.png", *common, "-o", "missing/y.png", says="missing/y.png")
        self.bad(2, "run", "a.png", *common, "-o", "y.tiff", says="expected a name that ends in")
        self.bad(2, "run", "a.png", *common, "-o", "", says="--output is empty")
        self.bad(2, "run", "a.png", *common, "-o", "a.png", says="is also read")
        self.bad(2, "run", "a.png", "b.png", *common, "-o", ".", says="is also read")
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-o", "w.npy", says="is also read")
        os.link(self.path("a.png"), self.path("same.png"))
        self.bad(2, "run", "a.png", *common, "-o", "same.png", says="is also read")

    def test_one_bad_input_stops_all(self):
        self.write("new-a.png", b"old")
        self.bad(2, "run", "a.png", "bad.png", "-w", "identity", "-p", "1", "-o", "new-{name}.png",
                 says="bad.png")
        self.assertEqual(self.read("new-a.png"), b"old")

    def test_channels_that_do_not_fit(self):
        self.write("old.png", b"old")
        self.write("w2.npy", npy(ramp([2, 1, 1, 1])))
        self.bad(2, "run", "a.png", "-w", "w2.npy", "-o", "old.png",
                 says=["2 channels", "holds 1 or 3 or 4", ".npy"])
        self.bad(2, "run", "b.png", "-w", "identity", "-o", "y.pgm", says="3 channels")
        self.bad(2, "run", "a.png", "-w", "identity", "-o", "y.ppm", says="1 channels")
        self.write("alpha.png", png(4, 3, 4, list(range(48))))
        self.bad(2, "run", "alpha.png", "-w", "identity", "-o", "y.jpg", says="4 channels")
        self.write("batch.npy", npy(ramp([2, 1, 5, 5])))
        self.bad(2, "run", "batch.npy", "-w", "identity", "-o", "y.png", says="batch of 2")

    def test_mode_and_links_survive(self):
        self.write("real.npy", b"old")
        os.chmod(self.path("real.npy"), 0o640)
        os.symlink("real.npy", self.path("link.npy"))
        self.good("run", "x.npy", "-w", "w.npy", "-o", "link.npy")
        self.assertTrue(os.path.islink(self.path("link.npy")))
        self.assertEqual(stat.S_IMODE(os.stat(self.path("real.npy")).st_mode), 0o640)
        self.assertEqual(read_npy(self.read("real.npy"))[0], [1, 3, 3, 3])
        old = os.umask(0o027)
        try:
            self.good("run", "x.npy", "-w", "w.npy", "-o", "new.npy")
        finally:
            os.umask(old)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("new.npy")).st_mode), 0o640)

    def test_long_name(self):
        name = "n" * 250 + ".npy"  # 254 of at most 255 bytes
        self.good("run", "x.npy", "-w", "w.npy", "-o", name)
        self.assertEqual(read_npy(self.read(name))[0], [1, 3, 3, 3])

    def test_read_only(self):
        options = self.without_privileges()
        self.write("locked.npy", b"old")
        os.chmod(self.path("locked.npy"), 0o444)
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-o", "locked.npy", says="Permission denied",
                 **options)
        os.chmod(self.folder, 0o555)
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-o", "new.npy", says="Permission denied",
                 **options)
        os.chmod(self.folder, 0o755)

    def test_full_device_as_output(self):
        os.symlink("/dev/full", self.path("full.npy"))
        result = self.call("run", "x.npy", "-w", "w.npy", "-o", "full.npy")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("No space left", result.stderr)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/full").st_mode))
        os.symlink("/dev/null", self.path("null.npy"))
        self.good("run", "x.npy", "-w", "w.npy", "-o", "null.npy")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_full_disk(self):
        """A limit on file sizes stands for a disk that fills up while the output is written."""
        self.write("y.npy", b"old")
        self.write("big.npy", npy(ramp([1, 2, 200, 200])))

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        self.bad(2, "run", "big.npy", "-w", "w.npy", "-o", "y.npy", says="y.npy",
                 preexec_fn=limit)
        self.assertEqual(self.read("y.npy"), b"old")

    def test_full_standard_output(self):
        self.write("y.npy", b"old")
        commands = (["run", "x.npy", "-w", "w.npy", "-o", "y.npy"],
                    ["run", "x.npy", "-w", "w.npy", "-o", "y.npy", "--json"],
                    ["plan", "ic3ih8oc4oh8kh3ph1"], ["info"], ["info", "--json"], ["--help"],
                    ["run", "--help"], ["--version"], ["verify", "ic3ih8oc4oh8kh3ph1"])
        for words in commands:
            with open("/dev/full", "w", encoding="ascii") as full:
                result = self.call(*words, stdout=full)
            self.assertEqual(result.returncode, 2, words)
            self.assertIn("standard output", result.stderr)
            closed = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", tool.TOOL, *words],
                                    cwd=self.folder, stderr=subprocess.PIPE, text=True, timeout=60)
            self.assertEqual(closed.returncode, 2, words)
            self.assertIn("standard output", closed.stderr)
        self.assertEqual(self.read("y.npy"), b"old")

    def test_closed_descriptors(self):
        """With 0, 1 and 2 closed, no message lands in a file that is opened next."""
        run = 'exec "$@" <&- >&- 2>&-'
        result = subprocess.run(["sh", "-c", run, "sh", tool.TOOL, "run", "x.npy", "-w", "w.npy",
                                 "-o", "y.npy"], cwd=self.folder, timeout=60)
        self.assertEqual(result.returncode, 2)
        self.assertFalse(os.path.exists(self.path("y.npy")))

    def test_interrupt_removes_temporaries(self):
        """Ended by a signal while it runs, with outputs staged, it leaves nothing behind."""
        self.write("big.npy", npy(([1, 1, 300, 300], [1.0] * 90000)))
        os.mkfifo(self.path("wait.npy"))  # the second input never comes
        os.mkdir(self.path("out"))
        process = subprocess.Popen([tool.TOOL, "run", "big.npy", "wait.npy", "-w", "box:3", "-o",
                                    "out/{name}.pfm"], cwd=self.folder, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        deadline = time.monotonic() + 30
        while not os.listdir(self.path("out")) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(len(os.listdir(self.path("out"))), 1)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        self.assertEqual(process.returncode, -signal.SIGTERM)
        self.assertEqual(os.listdir(self.path("out")), [])

    def test_progress_is_for_terminals(self):
        """The tests above see that nothing is printed elsewhere."""
        os.mkdir(self.path("out"))
        try:
            terminal, inside = os.openpty()
        except OSError as error:
            self.skipTest(f"no terminals here: {error}")
        try:
            result = subprocess.run([tool.TOOL, "run", "a.png", "b.png", "-w", "identity", "-p",
                                     "1", "-o", "out"], cwd=self.folder, stderr=inside,
                                    stdout=subprocess.PIPE, text=True, timeout=60, check=True)
            self.assertIn(b"conv2d run: 1 of 2", os.read(terminal, 4096))
            self.assertEqual(len(result.stdout.splitlines()), 2)
        finally:
            os.close(inside)
            os.close(terminal)

    def test_pipe_as_input(self):
        reader, writer = os.pipe()
        os.write(writer, self.read("x.npy"))
        os.close(writer)
        try:
            result = subprocess.run([tool.TOOL, "run", "/dev/stdin", "-w", "w.npy", "-o", "y.npy"],
                                    cwd=self.folder, stdin=reader, stderr=subprocess.PIPE,
                                    stdout=subprocess.PIPE, timeout=60)
        finally:
            os.close(reader)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_npy(self.read("y.npy"))[0], [1, 3, 3, 3])


if __name__ == "__main__":
    tool.main()
