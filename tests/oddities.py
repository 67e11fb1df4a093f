"""Images of kinds that no library writes, or not by accident, built byte by byte."""

import struct
import zlib

import numpy as np


def chunk(name: bytes, data: bytes) -> bytes:
    """Return a PNG chunk: length, name, data and checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int, height: int, depth: int, colour: int, rows: bytes, extra=b"", interlaced=0
) -> bytes:
    """Return a PNG; `rows` are filtered scan lines, `colour` 0 grey, 2 RGB, 3 palette, 4, 6 alpha.

    Args:
        extra: chunks that come before the pixels.
    """
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND", b"")


def scan_lines(image: np.ndarray) -> bytes:
    """Return the rows of a PNG of 8 or 16 bits, none of them filtered."""
    image = image.astype(image.dtype.newbyteorder(">"))
    return b"".join(b"\0" + row.tobytes() for row in image)


def packed(image: np.ndarray, bits: int) -> list[bytes]:
    """Return the rows of an image with 1, 2, 4 or 12 bits a pixel, each ending at a whole byte."""
    rows = ("".join(f"{value:0{bits}b}" for value in row) for row in image)
    rows = [row + "0" * (-len(row) % 8) for row in rows]
    return [int(row, 2).to_bytes(len(row) // 8, "big") for row in rows]


def adam7(image: np.ndarray) -> bytes:
    """Return the rows of an interlaced PNG."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    passes.append((0, 1, 1, 2))
    return b"".join(scan_lines(image[y::down, x::across]) for x, y, across, down in passes)


def tiff(shape: tuple[int, int], strips: list[bytes], order="<", tile=None, **tags) -> bytes:
    """Return an uncompressed TIFF of 8-bit grey, or whatever the tags say.

    Args:
        shape: (height, width).
        strips: the pixels, or those of each tile.
        order: "<" for little-endian (II), ">" for big-endian (MM).
        tile: side of the square tiles, if there are any.
        tags: bits, photometric, samples, planar, rows, extra and format; numbers.
    """
    given = {"bits": 8, "photometric": 1, "samples": 1, "planar": 1, "rows": shape[0]} | tags
    samples = given["samples"]
    offsets = [8 + sum(map(len, strips[:i])) for i in range(len(strips))]
    sizes = [len(strip) for strip in strips]
    entries = {
        256: (4, [shape[1]]),
        257: (4, [shape[0]]),
        258: (3, [given["bits"]] * samples),
        259: (3, [1]),
        262: (3, [given["photometric"]]),
        277: (3, [samples]),
        284: (3, [given["planar"]]),
        339: (3, [given.get("format", 1)] * samples),
    }
    if tile:
        entries |= {322: (4, [tile]), 323: (4, [tile]), 324: (4, offsets), 325: (4, sizes)}
    else:
        entries |= {273: (4, offsets), 278: (4, [given["rows"]]), 279: (4, sizes)}
    if "extra" in given:
        entries[338] = (3, [given["extra"]])
    pixels = b"".join(strips)
    pixels += bytes(len(pixels) % 2)
    directory = 8 + len(pixels)
    outside, table = b"", b""
    for tag, (kind, values) in sorted(entries.items()):
        data = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        table += struct.pack(f"{order}HHI", tag, kind, len(values))
        if len(data) > 4:
            place = directory + 6 + 12 * len(entries) + len(outside)
            table += struct.pack(f"{order}I", place)
            outside += data
        else:
            table += data.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    count = struct.pack(f"{order}H", len(entries))
    return magic + struct.pack(f"{order}I", directory) + pixels + count + table + bytes(4) + outside


GREYS = b"".join(bytes([i, i, i, 0]) for i in range(256))


def bmp(width: int, height: int, bits: int, rows: bytes, palette=b"", run_length=False) -> bytes:
    """Return a BMP; rows come from the bottom up, or from the top down if `height` is negative."""
    start = 54 + len(palette)
    head = struct.pack("<IHHI", start + len(rows), 0, 0, start)
    sizes = struct.pack("<IiiHHII", 40, width, height, 1, bits, run_length, len(rows))
    return b"BM" + head + sizes + struct.pack("<iiII", 0, 0, len(palette) // 4, 0) + palette + rows
