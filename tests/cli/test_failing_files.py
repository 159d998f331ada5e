# SPDX-License-Identifier: BSD-2-Clause
"""The system refuses a write, a sync, a name: exit code 2, the reason, no temporary left, and old
files whole; short and interrupted writes are gone on with. Needs the tool with faulty_files.c."""
import errno
import os

import tool
from tool import npy, ramp, read_npy

QUICK = ["--seconds", "0.01", "--threads", "1"]
CALLS = ("mkstemp", "write", "fchmod", "fsync", "rename")


class FailingFiles(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy(ramp([1, 2, 5, 5])))
        self.write("v.npy", npy(ramp([1, 2, 6, 6])))
        self.write("w.npy", npy(ramp([3, 2, 3, 3])))
        os.mkdir(self.path("out"))
        for name in ("out/x.npy", "l.conv2d", "wisdom"):
            self.write(name, b"old")
        self.commands = (
            ["run", "x.npy", "v.npy", "-w", "w.npy", "-o", "out"],
            ["pack", "-w", "w.npy", "-i", "1,2,5,5", "-o", "l.conv2d"],
            ["tune", "ic4ih8oc4oh8kh1", *QUICK, "-o", "wisdom"])

    def fault(self, call, number, error):
        return {"env": {**os.environ, "CONV2D_TEST_FAULT": f"{call} {number} {error}"}}

    def test_each_call(self):
        for words in self.commands:
            before = self.snapshot()
            for call in CALLS:
                with self.subTest(words=words[0], call=call):
                    result = self.call(*words, **self.fault(call, 1, errno.ENOSPC))
                    self.assertEqual(result.returncode, 2)
                    self.assertIn("cannot write '", result.stderr)
                    self.assertIn(os.strerror(errno.ENOSPC), result.stderr)
                    # Names are given last, when the results are printed.
                    self.assertEqual(result.stdout == "", call != "rename")
                    self.assertEqual(self.snapshot(), before)

    def test_later_calls(self):
        """The second output fails: the first one gets no name either."""
        words = self.commands[0]
        for call in ("mkstemp", "fchmod", "fsync"):
            self.bad(2, *words, says=["v.npy", "Input/output error"],
                     **self.fault(call, 2, errno.EIO))
        for number in range(2, 9):
            self.bad(2, *words, says="Input/output error", **self.fault("write", number, errno.EIO))

    def test_a_name_in_the_middle(self):
        """Names cannot be given all at once: the sentence says what is written already."""
        before = self.snapshot()
        result = self.call(*self.commands[0], **self.fault("rename", 2, errno.EACCES))
        self.assertEqual((result.returncode, result.stdout.count("\n")), (2, 2))
        self.assertIn("Permission denied; already written: '", result.stderr)
        after = self.snapshot()
        new = [name for name in after if after[name] != before.get(name)]
        self.assertEqual(len(new), 1)
        self.assertIn(new[0], result.stderr)
        self.assertEqual(read_npy(after[new[0]])[0][:2], [1, 3])

    def test_interrupted_writes_go_on(self):
        for words in self.commands:
            self.good(*words, **self.fault("write", 1, errno.EINTR))
        self.assertEqual(read_npy(self.read("out/x.npy"))[0], [1, 3, 3, 3])
        self.assertTrue(self.read("wisdom").startswith(b"conv2d-wisdom 1 "))
        self.good("run", "x.npy", "-c", "l.conv2d", "-o", "y.npy")
        self.assertEqual(self.read("y.npy"), self.read("out/x.npy"))


if __name__ == "__main__":
    tool.main()
