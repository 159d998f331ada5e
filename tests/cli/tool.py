# SPDX-License-Identifier: BSD-2-Clause
"""Helpers of the tests of the command-line tool: running it, and small files of every kind,
written and read here independently of it. Standard library only."""
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

TOOL = os.environ.get("CONV2D_TOOL", "conv2d")
SOURCE = os.environ.get("CONV2D_SOURCE", os.path.join(os.path.dirname(__file__), "..", ".."))


class ToolTest(unittest.TestCase):
    """A scratch folder for each test, and conv2d run inside it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="conv2d-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def call(self, *words, **options):
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run([TOOL, *map(str, words)], cwd=self.folder, stderr=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, timeout=120, **options)

    def good(self, *words, **options):
        """Must succeed, silently on standard error; returns standard output."""
        result = self.call(*words, **options)
        self.assertEqual((result.returncode, result.stderr), (0, ""), f"conv2d {words}")
        return result.stdout

    def good_json(self, *words):
        return json.loads(self.good(*words, "--json"))

    def bad(self, code, *words, says=(), **options):
        """Must fail with the code, print nothing, say something, and leave the folder as it was."""
        before = self.snapshot()
        result = self.call(*words, **options)
        self.assertEqual(result.returncode, code, f"conv2d {words}: {result.stderr}")
        self.assertEqual(result.stdout or "", "")
        self.assertTrue(result.stderr.startswith("conv2d"), result.stderr)
        for part in [says] if isinstance(says, str) else says:
            self.assertIn(part, result.stderr)
        self.assertEqual(self.snapshot(), before, f"conv2d {words} changed files")
        return result.stderr

    def without_privileges(self):
        """Options for call() that make permissions count, for root too."""
        if os.geteuid() != 0:
            return {}
        os.chmod(self.folder, 0o755)

        def drop():
            os.setgid(65534)
            os.setuid(65534)

        try:
            usable = self.call("--version", preexec_fn=drop).returncode == 0
        except (OSError, subprocess.SubprocessError):
            usable = False
        if not usable:
            self.skipTest("only root can reach the tool")
        return {"preexec_fn": drop}

    def snapshot(self):
        found = {}
        for root, _, names in os.walk(self.folder):
            for name in names:
                with open(os.path.join(root, name), "rb") as file:
                    found[os.path.relpath(os.path.join(root, name), self.folder)] = file.read()
        return found


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])


# ---- arrays: nested lists are avoided, an array is (sizes, flat list in C order) ---------------

def count(sizes):
    total = 1
    for size in sizes:
        total *= size
    return total


def ramp(sizes, step=0.25, modulus=11):
    """Small exact values that differ between neighbours."""
    return list(sizes), [((7 * i + i // 5) % modulus - modulus // 2) * step
                         for i in range(count(sizes))]


def permuted(array_, axes):
    """The array with its axes in another order."""
    sizes, values = array_
    strides = [count(sizes[i + 1:]) for i in range(len(sizes))]
    new_sizes = [sizes[a] for a in axes]
    result = []
    for flat in range(count(new_sizes)):
        offset = 0
        for size, axis in zip(reversed(new_sizes), reversed(axes)):
            flat, index = divmod(flat, size)
            offset += index * strides[axis]
        result.append(values[offset])
    return new_sizes, result


def convolve(x, w, bias=None, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    """Plain loops over [n, c, h, w] and [oc, c / groups, kh, kw], zero padding."""
    (n, c, h, wide), xs = x
    (oc, icg, kh, kw), ws = w
    oh = (h + padding[0] + padding[2] - dilation[0] * (kh - 1) - 1) // stride[0] + 1
    ow = (wide + padding[1] + padding[3] - dilation[1] * (kw - 1) - 1) // stride[1] + 1
    out = []
    for b in range(n):
        for o in range(oc):
            group = o // (oc // groups)
            for y in range(oh):
                for k in range(ow):
                    total = bias[1][o] if bias else 0.0
                    for i in range(icg):
                        for dy in range(kh):
                            iy = y * stride[0] + dy * dilation[0] - padding[0]
                            for dx in range(kw):
                                ix = k * stride[1] + dx * dilation[1] - padding[1]
                                if 0 <= iy < h and 0 <= ix < wide:
                                    total += (ws[((o * icg + i) * kh + dy) * kw + dx] *
                                              xs[((b * c + group * icg + i) * h + iy) * wide + ix])
                    out.append(total)
    return [n, oc, oh, ow], out


# ---- .npy ---------------------------------------------------------------------------------------

def npy(array_, descr="<f4", fortran=False, version=1, header=None):
    sizes, values = array_
    if fortran:
        _, values = permuted(array_, list(reversed(range(len(sizes)))))
    if header is None:
        shape = "(" + ", ".join(map(str, sizes)) + ("," if len(sizes) == 1 else "") + ")"
        header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    head = header.encode("latin-1")
    prefix = 10 if version == 1 else 12
    head += b" " * (-(prefix + len(head) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(head))
    kind = {"f2": "e", "f4": "f", "f8": "d"}.get(descr[1:], "f")
    data = struct.pack(("<" if descr[0] == "<" else ">") + f"{len(values)}{kind}", *values)
    return b"\x93NUMPY" + bytes([version, 0]) + length + head + data


def read_npy(data):
    """What the tool writes: version 1, little-endian, C order. Returns (sizes, values, descr)."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    length, = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0
    header = eval(data[10:10 + length].decode("ascii"), {"__builtins__": {}})
    assert header["fortran_order"] is False
    kind = {"<f2": "e", "<f4": "f", "<f8": "d"}[header["descr"]]
    values = struct.unpack(f"<{count(header['shape'])}{kind}", data[10 + length:])
    return list(header["shape"]), list(values), header["descr"]


SAFETENSORS_KINDS = {"F16": "e", "F32": "f", "F64": "d"}


def bfloat16_bits(value):
    """Rounded to nearest even, for finite values."""
    bits, = struct.unpack("<I", struct.pack("<f", value))
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16


def bfloat16(value):
    """The value that bfloat16 stores."""
    return struct.unpack("<f", struct.pack("<I", bfloat16_bits(value) << 16))[0]


def float16(value):
    return struct.unpack("<e", struct.pack("<e", value))[0]


def read_safetensors(data):
    """name -> (sizes, values, dtype); offsets without gaps, data aligned to 8."""
    length, = struct.unpack("<Q", data[:8])
    assert length % 8 == 0
    header = json.loads(data[8:8 + length])
    tensors, at = {}, 8 + length
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw, dtype = data[at + begin:at + end], entry["dtype"]
        if dtype == "BF16":
            values = [struct.unpack("<f", b"\0\0" + raw[i:i + 2])[0]
                      for i in range(0, len(raw), 2)]
        else:
            kind = SAFETENSORS_KINDS[dtype]
            values = list(struct.unpack(f"<{len(raw) // struct.calcsize(kind)}{kind}", raw))
        assert len(values) == count(entry["shape"])
        tensors[name] = entry["shape"], values, dtype
    return tensors


def safetensors(tensors, header=None):
    """tensors: name -> (array, "F32" | "F64" | "F16" | "BF16")."""
    entries, data = {}, b""
    for name, ((sizes, values), dtype) in tensors.items():
        if dtype == "BF16":
            packed = b"".join(struct.pack("<H", bfloat16_bits(v)) for v in values)
        else:
            packed = struct.pack(f"<{len(values)}{SAFETENSORS_KINDS[dtype]}", *values)
        entries[name] = {"dtype": dtype, "shape": sizes,
                         "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    head = json.dumps(entries if header is None else header).encode()
    return struct.pack("<Q", len(head)) + head + data


# ---- pictures: (width, height, channels, samples in rows of pixels) -----------------------------

def chunk(kind, data):
    return (struct.pack(">I", len(data)) + kind + data +
            struct.pack(">I", zlib.crc32(kind + data)))


def png(width, height, channels, samples, depth=8, extra=b"", color_type=None):
    """Rows without filter; samples above 8 bits big-endian."""
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels] if color_type is None else color_type
    row = width * channels
    code = "B" if depth == 8 else "H"
    lines = b"".join(b"\0" + struct.pack(f">{row}{code}", *samples[y * row:(y + 1) * row])
                     for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra +
            chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))


def read_png(data):
    """Any filter, 8 or 16 bits, no interlace. Returns (width, height, channels, depth, samples)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0] == \
            zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[color]
    size = channels * depth // 8
    raw, stride = zlib.decompress(packed), width * size
    lines, previous = b"", bytearray(stride)
    for y in range(height):
        kind = raw[y * (stride + 1)]
        line = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - size] if i >= size else 0
            corner = previous[i - size] if i >= size else 0
            line[i] = (line[i] + predictor(kind, left, previous[i], corner)) & 255
        lines += bytes(line)
        previous = line
    code = "B" if depth == 8 else "H"
    return width, height, channels, depth, list(
        struct.unpack(f">{width * height * channels}{code}", lines))


def predictor(kind, left, above, corner):
    if kind == 4:
        estimate = left + above - corner
        return min((left, above, corner), key=lambda v: abs(estimate - v))
    return [0, left, above, (left + above) // 2][kind]


def ppm(width, height, channels, samples, maximum=255):
    head = f"P{5 if channels == 1 else 6}\n# a comment\n{width} {height}\n{maximum}\n".encode()
    return head + struct.pack(f">{len(samples)}{'B' if maximum < 256 else 'H'}", *samples)


def pfm(width, height, channels, samples, scale="-1.0"):
    row = width * channels
    order = ">" if float(scale) > 0 else "<"
    lines = [struct.pack(f"{order}{row}f", *samples[y * row:(y + 1) * row]) for y in range(height)]
    head = f"P{'f' if channels == 1 else 'F'}\n{width} {height}\n{scale}\n".encode()
    return head + b"".join(reversed(lines))


def read_pfm(data):
    kind, sizes, scale, body = data.split(b"\n", 3)
    width, height = map(int, sizes.split())
    channels = 3 if kind == b"PF" else 1
    assert float(scale) < 0
    row = width * channels
    lines = [list(struct.unpack(f"<{row}f", body[4 * y * row:4 * (y + 1) * row]))
             for y in range(height)]
    return width, height, channels, [v for line in reversed(lines) for v in line]
