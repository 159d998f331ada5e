# SPDX-License-Identifier: BSD-2-Clause
"""Runs the demo into a scratch folder and looks at what it made.

test_demo.py SOURCE BUILD: pictures of the right size, a Gaussian computed again here at
some pixels, every error within its bound, a sheet that shows all."""
import math
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

SOURCE, BUILD = sys.argv[1:3]


def read_png(path):
    """(width, height, rows of bytes, bytes a pixel) of an 8-bit PNG without interlacing."""
    with open(path, "rb") as file:
        content = file.read()
    at, data = 8, b""
    while at < len(content):
        size, kind = struct.unpack(">I4s", content[at:at + 8])
        body = content[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            data += body
        at += 12 + size
    if depth != 8 or interlaced:
        raise ValueError(f"{path}: {depth} bits, interlaced {interlaced}")
    step = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    return width, height, unfilter(zlib.decompress(data), width * step, height, step), step


def unfilter(data, size, height, step):
    rows, above = [], bytes(size)
    for y in range(height):
        start = y * (size + 1)
        kind, row = data[start], bytearray(data[start + 1:start + 1 + size])
        for x in range(size):
            a = row[x - step] if x >= step else 0
            b, c = above[x], above[x - step] if x >= step else 0
            if kind == 4:
                p = a + b - c
                guess = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            else:
                guess = (0, a, b, (a + b) // 2)[kind]
            row[x] = (row[x] + guess) & 255
        rows.append(bytes(row))
        above = row
    return rows


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.out = tempfile.mkdtemp(prefix="conv2d-demo-")
        result = subprocess.run(
            [sys.executable, "-B", os.path.join(SOURCE, "demo/demo.py"), "--build", BUILD,
             "--images", os.path.join(SOURCE, "demo/images"), "--out", cls.out, "--repeat", "1"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode:
            raise AssertionError(result.stdout + result.stderr)
        cls.said = result.stdout

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.out)

    def png(self, name):
        return read_png(os.path.join(self.out, name))

    def test_says_plan_time_speed_and_error_of_each(self):
        lines = re.findall(r"^    plan \w+/\w+, [\d.]+ (?:ms|µs), [\d.]+ GFLOP/s, "
                           r"error [\d.e+-]+, ([\d.]+) % of its bound$", self.said, re.M)
        self.assertEqual(len(lines), 5, self.said)
        for ratio in lines:
            self.assertLessEqual(float(ratio), 100)

    def test_sizes(self):
        for name, size in (("gaussian.png", (512, 512)), ("edges.png", (451, 300)),
                           ("sharpen.png", (640, 427)), ("emboss.png", (256, 256)),
                           ("layer-mosaic.png", (16 * 108, 4 * 72))):
            self.assertEqual(self.png(name)[:2], size, name)
        width, height, rows, _ = self.png("contact-sheet.png")
        self.assertGreater(width * height, 1000 * 600)
        self.assertGreater(len(set(b"".join(rows[300:400]))), 100)

    def test_gaussian_computed_again(self):
        _, _, blurred, step = self.png("gaussian.png")
        _, _, photo, photo_step = self.png("original-astronaut.png")
        axis = [math.exp(-(i - 20) ** 2 / (2 * 8 ** 2)) for i in range(41)]
        total = sum(axis)

        def inside(i):  # reflect padding of an axis of 512
            return 511 - abs(511 - abs(i))

        for y, x, channel in ((0, 0, 0), (511, 511, 2), (256, 200, 1), (100, 500, 0)):
            exact = sum(
                axis[j] * axis[i] *
                photo[inside(y + j - 20)][inside(x + i - 20) * photo_step + channel]
                for j in range(41) for i in range(41)) / total ** 2
            self.assertAlmostEqual(blurred[y][x * step + channel], exact, delta=0.51)

    def test_originals_pass_unchanged(self):
        """The identity kernel gives back each pixel of a PNG photograph."""
        _, _, photo, photo_step = read_png(os.path.join(SOURCE, "demo/images/chelsea.png"))
        _, _, copy, step = self.png("original-chelsea.png")
        for y in (0, 150, 299):
            for channel in range(3):
                self.assertEqual(photo[y][channel::photo_step], copy[y][channel::step])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
