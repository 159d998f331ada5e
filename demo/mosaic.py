# SPDX-License-Identifier: BSD-2-Clause
"""The 64 channels of a network layer as a picture of 16 x 4 tiles. Standard library only.

Each channel is scaled to its own maximum and coloured from dark through a hue of its own to
white; hues run once around the circle."""
import array
import ast
import colorsys
import struct
import zlib

COLUMNS, ROWS = 16, 4
TILE_WIDTH, TILE_HEIGHT = 108, 72


def write_npy(path, shape, values):
    """A float32 .npy file, version 1.0, C order."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    header = header.ljust(-(-(len(header) + 11) // 64) * 64 - 11) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}f", *values))


def read_npy(path):
    """(shape, values) of a little-endian float32 .npy file in C order."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError(f"{path} is no .npy file of version 1.0")
    end = 10 + struct.unpack("<H", content[8:10])[0]
    header = ast.literal_eval(content[10:end].decode())
    if header["descr"] != "<f4" or header["fortran_order"]:
        raise ValueError(f"{path} has {header}, expected float32 in C order")
    return header["shape"], array.array("f", content[end:])


def write_png(path, width, height, rows):
    """8-bit RGB; rows is a list of bytes, one row each."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))))
        file.write(chunk(b"IEND", b""))


def colours(hue):
    """256 colours from dark through the hue to white."""
    table = []
    for i in range(256):
        t = (i / 255) ** 0.75
        r, g, b = colorsys.hls_to_rgb(hue, 0.07 + 0.86 * t, 0.25 + 0.45 * (1 - abs(2 * t - 1)))
        table.append(bytes((round(255 * r), round(255 * g), round(255 * b))))
    return table


def tile_rows(values, first, height, width, table):
    """The picture of one channel: its middle, averaged down to a tile."""
    step = max(1, min(width // TILE_WIDTH, height // TILE_HEIGHT))
    left, top = (width - step * TILE_WIDTH) // 2, (height - step * TILE_HEIGHT) // 2
    means = []
    for y in range(TILE_HEIGHT):
        lines = [values[first + (top + step * y + j) * width + left:][:step * TILE_WIDTH]
                 for j in range(step)]
        sums = [sum(column) for column in zip(*lines)]
        means.append([sum(sums[step * x:step * x + step]) for x in range(TILE_WIDTH)])
    # The brightest hundredth may be clipped, so that one pixel does not darken a tile.
    ordered = sorted(value for line in means for value in line)
    scale = 255 / max(ordered[len(ordered) * 99 // 100], 1e-6)
    return [b"".join(table[min(255, max(0, int(scale * value)))] for value in line)
            for line in means]


def mosaic(npy, png):
    """Draw the first 64 channels of a [64, H, W] or [1, 64, H, W] array."""
    shape, values = read_npy(npy)
    channels, height, width = shape[-3:]
    if channels < COLUMNS * ROWS or width < TILE_WIDTH or height < TILE_HEIGHT:
        raise ValueError(f"{npy} has shape {shape}, expected [64, 72 or more, 108 or more]")
    rows = []
    for i in range(ROWS):
        tiles = [tile_rows(values, (i * COLUMNS + j) * height * width, height, width,
                           colours((0.52 + (i * COLUMNS + j) / (COLUMNS * ROWS)) % 1))
                 for j in range(COLUMNS)]
        rows += [b"".join(parts) for parts in zip(*tiles)]
    write_png(png, COLUMNS * TILE_WIDTH, ROWS * TILE_HEIGHT, rows)
