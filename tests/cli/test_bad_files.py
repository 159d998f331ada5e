# SPDX-License-Identifier: BSD-2-Clause
"""Files that conv2d run must refuse: unreadable, truncated, hostile. Exit code 2, a sentence that
names the file and what is wrong, nothing written, and no more memory than the file warrants."""
import os
import resource
import struct
import zlib

import tool
from tool import chunk, npy, png, ppm, pfm, ramp, safetensors

MEMORY = 512 << 20  # address space for hostile files; the tool itself needs about 50 MiB


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


class BadFiles(tool.ToolTest):
    def setUp(self):
        super().setUp()
        self.write("x.npy", npy(ramp([1, 2, 5, 5])))
        self.write("w.npy", npy(ramp([3, 2, 3, 3])))
        self.write("y.npy", b"old")
        # A sanitizer's shadow memory does not fit under a limit.
        sanitized = b"__asan_init" in self.binary() or b"__tsan_init" in self.binary()
        self.limit = {} if sanitized else {"preexec_fn": limit_memory}

    @staticmethod
    def binary():
        with open(tool.TOOL, "rb") as file:
            return file.read()

    def refuse_input(self, data, says, name="bad.bin"):
        self.write(name, data)
        return self.bad(2, "run", name, "-w", "box:1", "-o", "y.npy", says=[name, *says],
                        **self.limit)

    def refuse_weight(self, name, says, code=2):
        return self.bad(code, "run", "x.npy", "-w", name, "-o", "y.npy", says=[name, *says],
                        **self.limit)


class Unreadable(BadFiles):
    def test_missing_and_directory(self):
        os.mkdir(self.path("folder"))
        for name, says in (("missing.npy", "No such file"), ("folder", "directory"), ("", "open")):
            self.bad(2, "run", name, "-w", "box:1", "-o", "y.npy", says=says)
            if name:
                self.bad(2, "run", "x.npy", "-w", name, "-o", "y.npy", says=[name, says])
                self.bad(2, "run", "x.npy", "-w", "w.npy", "-b", name, "-o", "y.npy",
                         says=[name, says])
                self.bad(2, "run", "x.npy", "-w", "w.npy", "-r", name, "-o", "y.npy",
                         says=[name, says])

    def test_no_permission(self):
        options = self.without_privileges()
        os.chmod(self.folder, 0o777)
        os.chmod(self.path("x.npy"), 0)
        if not options:  # the snapshots of bad() could not be read
            result = self.call("run", "x.npy", "-w", "box:1", "-o", "z.npy")
            self.assertEqual(result.returncode, 2)
            self.assertIn("Permission denied", result.stderr)
        else:
            self.bad(2, "run", "x.npy", "-w", "box:1", "-o", "z.npy", says="Permission denied",
                     **options)
        os.chmod(self.path("x.npy"), 0o600)

    def test_unknown_kinds(self):
        for data in (b"", b"x", b"GIF89a" + bytes(50), bytes(100), b"P4\n1 1\n\0"):
            self.refuse_input(data, ["unknown kind of file", ".npy"])
        self.write("photo.png", png(1, 1, 1, [0]))
        self.refuse_weight("photo.png", ["unknown kind of file"])


class Npy(BadFiles):
    def header(self, text, says, data=b"\0" * 16, version=1):
        head = text.encode("latin-1")
        length = struct.pack("<H" if version == 1 else "<I", len(head))
        self.refuse_input(b"\x93NUMPY" + bytes([version, 0]) + length + head + data, says)

    def test_every_truncation(self):
        whole = npy(ramp([1, 1, 2, 3]))
        for n in (6, 7, 8, 9, 10, 11, 20, 80, len(whole) - 25, len(whole) - 4, len(whole) - 1):
            self.refuse_input(whole[:n], [])
        self.refuse_input(whole[:-1], ["truncated", "24 bytes", "23"])

    def test_trailing_data(self):
        self.refuse_input(npy(ramp([1, 1, 2, 3])) + b"\0", ["1 bytes after the 24"])

    def test_versions(self):
        for major, minor in ((0, 0), (4, 0), (255, 0), (1, 1), (2, 7)):
            data = bytearray(npy(ramp([1, 1, 2, 3])))
            data[6:8] = bytes([major, minor])
            self.refuse_input(bytes(data), [f"version {major}.{minor}", "expected 1.0"])

    def test_header_length(self):
        for version, length in ((1, b"\xff\xff"), (2, b"\xff\xff\xff\xff"), (3, b"\0\0\0\x80")):
            self.refuse_input(b"\x93NUMPY" + bytes([version, 0]) + length + b"{}", ["header"])
        self.refuse_input(b"\x93NUMPY\x01\0\0\0", ["expected '{'"])

    def test_types(self):
        for descr in ("<i8", "|u1", "<f3", "=f4", "f4", "<c8", "|O", "<f16", "", "<f4x"):
            self.header("{'descr': '%s', 'fortran_order': False, 'shape': (1, 1, 2, 2), }" % descr,
                        ["descr", "float32"])
        self.header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1, 2, 2), }",
                    ["expected a quoted string"])

    def test_shapes(self):
        form = "{'descr': '<f4', 'fortran_order': False, 'shape': %s, }"
        for shape, says in (("(4,)", "1 axes, expected 4"), ("()", "12 bytes after"),
                            ("(2, 2)", "2 axes"),
                            ("(1, 1, 1, 2, 2)", "more than 4 axes"), ("(-1, 1, 2, 2)", "a size"),
                            ("(1, 2, 2", "a size"), ("(4)", "','"), ("(1,, 4)", "a size"),
                            ("(1, 1, 2, 2.0)", "')'"), ("[1, 1, 2, 2]", "'('"), ("(1 4)", "','"),
                            ("(0x4, 1, 1, 1)", "','"), ("(1L, 1, 2, 2)", "','"),
                            ("(9223372036854775808, 1, 1)", "below 2^63"),
                            ("(99999999999999999999999, 1, 1)", "below 2^63"),
                            ("(9223372036854775807, 1, 1)", "63 bits"),
                            ("(4611686018427387904, 4611686018427387904, 0)", "63 bits"),
                            ("(4294967296, 4294967296, 1)", "63 bits"),
                            ("(1, 1, 1000000000, 500000000)", "truncated")):
            self.header(form % shape, [says])
        self.header(form % "()", ["0 axes"], data=bytes(4))

    def test_grammar(self):
        for text, says in (
                ("", "'{'"), ("{", "quoted string"), ("{}", "must all be there"),
                ("{'descr': '<f4'}", "must all be there"),
                ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}",
                 "twice"),
                ("{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 1, 2, 2)}", "True or False"),
                ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2), 'x': 1}",
                 "key 'x'"),
                ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2)} junk",
                 "only spaces"),
                ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 2, 2)", "',' or '}'"),
                ("{'descr' '<f4'}", "':'"), ("{'descr: '<f4'}", "key"), ("{'de\\x00': 1}", "plain"),
                ("{'" + "d" * 5000 + "': 1}", "short string"), ("{'descr': '<f4", "closing")):
            self.header(text, [says])

    def test_ranks_of_parameters(self):
        self.write("w3.npy", npy(ramp([2, 3, 3])))
        self.refuse_weight("w3.npy", ["3 axes, expected 4 (OC IC/G KH KW)"])
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-b", "w.npy", "-o", "y.npy",
                 says="4 axes, expected 1 (OC)")

    def test_types_that_differ(self):
        self.write("w8.npy", npy(ramp([3, 2, 3, 3]), "<f8"))
        self.refuse_weight("w8.npy", ["float64", "float32", "--dtype"])
        self.write("b8.npy", npy(ramp([3]), "<f8"))
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-b", "b8.npy", "-o", "y.npy",
                 says=["--bias 'b8.npy' is float64", "--dtype"])


class Pictures(BadFiles):
    def test_png_truncated(self):
        whole = png(16, 16, 3, [i % 251 for i in range(768)])
        for n in (8, 20, 33, 40, 50, len(whole) // 2, len(whole) - 13):
            self.refuse_input(whole[:n], ["PNG"])

    def test_png_damaged(self):
        whole = bytearray(png(16, 16, 3, [i % 251 for i in range(768)]))
        for at in (12, 17, 24, 30, 45, 60):
            damaged = bytearray(whole)
            damaged[at] ^= 0x55
            self.refuse_input(bytes(damaged), ["PNG"])

    def png_of(self, width, height, data, depth=8, color=0):
        header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))

    def test_png_claims(self):
        for width, height in ((65535, 65535), (2 ** 31 - 1, 1), (1, 2 ** 31 - 1), (60000, 40000),
                              (0, 1), (1, 0), (2 ** 32 - 1, 2 ** 32 - 1)):
            self.refuse_input(self.png_of(width, height, b"\0" * 1000), ["PNG"])
        self.refuse_input(self.png_of(5, 5, b"\0" * 7), ["PNG"])      # too few pixels
        self.refuse_input(self.png_of(2, 2, b"\0" * 6, depth=3), ["PNG"])
        self.refuse_input(self.png_of(2, 2, b"\0" * 6, color=9), ["PNG"])
        self.refuse_input(self.png_of(2, 2, b"\0" * 6, color=3), ["PNG"])  # palette missing

    def test_jpeg(self):
        with open(os.path.join(tool.SOURCE, "demo", "images", "rocket.jpg"), "rb") as file:
            whole = file.read()
        for n in (3, 4, 20, 200, 700, len(whole) // 2, len(whole) - 40):
            self.refuse_input(whole[:n], ["JPEG"])
        frame = next(i for i in range(len(whole)) if whole[i:i + 2] in (b"\xff\xc0", b"\xff\xc2"))
        huge = bytearray(whole)
        huge[frame + 5:frame + 9] = b"\xff\xff\xff\xff"  # height and width
        self.refuse_input(bytes(huge), ["JPEG"])
        huge[frame + 5:frame + 9] = b"\xff\x00\xff\x00"
        self.refuse_input(bytes(huge), ["JPEG"])
        zero = bytearray(whole)
        zero[frame + 5:frame + 9] = bytes(4)
        self.refuse_input(bytes(zero), ["JPEG"])
        ended = bytearray(whole)
        ended[len(whole) // 2:len(whole) // 2 + 2] = b"\xff\xd9"  # the end, too early
        self.refuse_input(bytes(ended), ["JPEG"])

    def test_netpbm(self):
        whole = ppm(4, 3, 3, list(range(36)))
        for n in (3, 10, 18, len(whole) - 37, len(whole) - 1):
            self.refuse_input(whole[:n], ["PPM"])
        self.refuse_input(whole + b"x", ["1 bytes after its pixels"])
        for text, says in ((b"P5\n0 1\n255\n", "width is '0'"), (b"P5\n1 -1\n255\nx", "height"),
                           (b"P5\n1 1\n65536\nxx", "maximum"), (b"P5\n1 1\n0\nx", "maximum"),
                           (b"P5\n65536 1\n255\nx", "width"),
                           (b"P6\n60000 60000\n255\nx", "needed"),
                           (b"P5\n99999999999999999999 1\n255\n", "width"),
                           (b"P5\n1 1\n10\n\x0b", "above the maximum"), (b"P5\n# only", "width")):
            self.refuse_input(text, [says])

    def test_pfm(self):
        whole = pfm(4, 3, 3, [0.5] * 36)
        self.refuse_input(whole[:-1], ["truncated"])
        self.refuse_input(whole + b"x", ["after its pixels"])
        for scale in (b"0", b"nan", b"inf", b"x", b"1.0x"):
            self.refuse_input(b"Pf\n1 1\n" + scale + b"\n\0\0\0\0", ["scale"])


class Safetensors(BadFiles):
    def refuse(self, data, says, name="conv"):
        self.write("net.safetensors", data)
        self.refuse_weight("net.safetensors:" + name, [says])

    def entry(self, dtype="F32", shape=(3, 2, 3, 3), offsets=(0, 216)):
        return {"dtype": dtype, "shape": shape, "data_offsets": offsets}

    def file(self, header, data=bytes(216)):
        return safetensors({}, header) + data

    def test_good_one_is_taken(self):
        self.write("net.safetensors", self.file({"conv": self.entry()}))
        self.good("run", "x.npy", "-w", "net.safetensors:conv", "-o", "y.npy")

    def test_header(self):
        good = self.file({"conv": self.entry()})
        self.refuse(good[:7], "truncated")
        self.refuse(good[:60], "header of")
        self.refuse(struct.pack("<Q", 2 ** 63) + b"{}", "header of")
        self.refuse(struct.pack("<Q", (16 << 20) + 1) + bytes((16 << 20) + 8), "header of")
        self.refuse(struct.pack("<Q", 5) + b"{{{{{", "safetensors header")
        self.refuse(struct.pack("<Q", 2) + b"[]", "not a JSON object")
        text = b'{"conv":1,"conv":1}'
        self.refuse(struct.pack("<Q", len(text)) + text, "duplicate")
        deep = b"[" * 100000
        self.refuse(struct.pack("<Q", len(deep)) + deep, "depth")

    def test_entries(self):
        for entry, says in (
                (self.entry("F8_E4M3"), "dtype"), (self.entry("I8"), "dtype"), (1, "data_offsets"),
                (self.entry(None), "dtype"), (self.entry(shape=(3, 2, 3, 4)), "needs 288 bytes"),
                (self.entry(shape=()), "0 axes"), (self.entry(shape=(1, 1, 3, 2, 9)), "5 axes"),
                (self.entry(shape=(3, 2, 3, -3)), "size 3"), (self.entry(shape="x"), "axes"),
                (self.entry(shape=(2 ** 62, 2 ** 62, 4, 4)), "size"),
                (self.entry(shape=(3, 2, 3, 3.0)), "size 3"), (self.entry(shape=(54,)), "1 axes"),
                (self.entry(offsets=(0, 217)), "data_offsets"),
                (self.entry(offsets=(-1, 215)), "data_offsets"),
                (self.entry(offsets=(216, 0)), "data_offsets"),
                (self.entry(offsets=(4, 216)), "gap"), (self.entry(offsets=(0, 212)), "no tensor"),
                (self.entry(offsets=(0,)), "data_offsets"),
                (self.entry(offsets=(0, 2 ** 70)), "integer")):
            self.refuse(self.file({"conv": entry}), says)
        self.refuse(self.file({"conv": self.entry(), "b": self.entry(offsets=(100, 216))}), "gap")
        self.refuse(self.file({"conv": self.entry()}), "no tensor 'other'", "other")
        self.refuse(self.file({"conv": self.entry()}), "no tensor ''", "")
        self.refuse(self.file({"__metadata__": {"a": "b"}, "conv": self.entry()}),
                    "no tensor '__metadata__'", "__metadata__")


class BadArguments(BadFiles):
    """What the library refuses reaches the user with option, value and what was expected."""

    def refuse(self, says, *words):
        self.bad(2, "run", "x.npy", "-w", "w.npy", "-o", "y.npy", *words, says=says)

    def test_values_of_options(self):
        for words, says in (
                (("-s", "0"), "--stride is '0', expected"), (("-s", "1,2,3"), "--stride"),
                (("-s", "-1"), "--stride"), (("-s", "1.5"), "--stride"), (("-s", ""), "--stride"),
                (("-s", "99999999999999999999"), "--stride"), (("-s", " 1"), "--stride"),
                (("-p", "-1"), "--padding is '-1', expected"), (("-p", "1,2,3"), "--padding"),
                (("-p", "some"), "--padding"), (("-p", "1,"), "--padding"),
                (("--padding-mode", "mirror"), "zeros, reflect, replicate or circular"),
                (("-d", "0"), "--dilation is '0'"), (("-g", "0"), "--groups is '0'"),
                (("-g", "x"), "--groups is 'x'"), (("-a", "swish"), "--activation is 'swish'"),
                (("-a", "clamp"), "--activation"), (("-a", "clamp:"), "--activation"),
                (("-a", "clamp:,"), "--activation"), (("-a", "clamp:1,x"), "--activation"),
                (("-a", "relu:1"), "--activation"), (("-a", "leaky_relu:"), "--activation"),
                (("--layout", "chwn"), "nchw or nhwc"), (("--dtype", "int8"), "f32, f64, f16"),
                (("--accuracy", "best"), "default, strict, fast or tf32"),
                (("--workspace-limit", "-1"), "--workspace-limit is '-1'"),
                (("--repeat", "0"), "--repeat is '0'"), (("--threads", "0"), "--threads is '0'"),
                (("--threads", "5000"), "from 1 to 4096"), (("--isa", "sse9"), "--isa is"),
                (("--device", "abacus"), "--device is \"abacus\""),
                (("--isa", ""), "--isa is empty"),
                (("--algorithm", "magic"), "--algorithm is \"magic\"")):
            self.refuse(says, *words)

    def test_combinations(self):
        for words, says in (
                (("-g", "3"), ["groups", "3"]), (("-s", "2", "-p", "same"), ["--stride", "1,1"]),
                (("-d", "5"), "larger than the padded input"),
                (("-p", "5", "--padding-mode", "reflect"), ["padding of 5", "reflect", "5"]),
                (("-p", "6", "--padding-mode", "circular"), ["padding of 6", "circular"]),
                (("-a", "clamp:nan,1"), "NaN"), (("-a", "clamp:2,1"), ["2", "greater", "1"]),
                (("-a", "leaky_relu:inf"), "slope"),
                (("-p", "9223372036854775807"), "63 bits"),
                (("-d", "9223372036854775807"), "63 bits"),
                (("-r", "x.npy"), ["residual", "channels", "expected 3"])):
            self.refuse(says, *words)
        self.write("w5.npy", npy(ramp([3, 5, 3, 3])))
        self.bad(2, "run", "x.npy", "-w", "w5.npy", "-o", "y.npy",
                 says=["weight has 5 input channels per group", "input has 2", "expected 2"])
        self.write("b4.npy", npy(ramp([4])))
        self.refuse(["bias has 4 elements", "3 output channels"], "-b", "b4.npy")

    def test_kernels(self):
        for text, says in (("gaussian", "gaussian:SIZE"), ("gaussian:", "odd SIZE"),
                           ("gaussian:4", "odd SIZE"), ("gaussian:-3", "odd SIZE"),
                           ("gaussian:1001", "odd SIZE"), ("gaussian:3,0", "SIGMA is '0'"),
                           ("gaussian:3,x", "SIGMA"), ("gaussian:3,", "SIGMA"),
                           ("gaussian:3,nan", "SIGMA"), ("box:0", "box:SIZE"),
                           ("box:3,1", "box:SIZE"), ("sobel-x:3", "expected one of")):
            self.bad(2, "run", "x.npy", "-w", text, "-o", "y.npy", says=[text, says])
        self.bad(2, "run", "x.npy", "-w", "box:3", "-g", "1", "-o", "y.npy",
                 says=["--groups is 1", "2 channels"])


if __name__ == "__main__":
    tool.main()
