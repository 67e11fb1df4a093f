"""Damaged images: each is refused in words or read as what a second decoder makes of it."""

import functools
import io
import time
import warnings

import numpy as np
import pytest
from budget import fuzz
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from cxr import images
from cxr.images import Unreadable
from oddities import GREYS, adam7, bmp, png, scan_lines, tiff
from xrays import draw

pytestmark = pytest.mark.slow

GREY = draw(True, 64, np.random.default_rng(3))[:, :48]
DEEP = GREY.astype(np.uint16) * 257
COLOUR = np.dstack([GREY, 255 - GREY, GREY // 2])
LIMIT = 2  # seconds of CPU time for an image of 3,000 pixels


def encoded(pixels: np.ndarray, kind: str, mode: str | None = None, **options) -> bytes:
    file = io.BytesIO()
    image = Image.fromarray(pixels)
    image.convert(mode or image.mode).save(file, kind, **options)
    return file.getvalue()


WHOLE = {
    "PNG": encoded(GREY, "PNG"),
    "PNG, RGB": encoded(COLOUR, "PNG"),
    "PNG, palette": encoded(COLOUR, "PNG", "P"),
    "PNG, 16 bits": encoded(DEEP, "PNG"),
    "PNG, interlaced": png(48, 64, 8, 0, adam7(GREY), interlaced=1),
    "PNG, 16 bits with alpha": png(48, 64, 16, 4, scan_lines(np.dstack([DEEP, DEEP]))),
    "JPEG": encoded(GREY, "JPEG"),
    "JPEG, RGB": encoded(COLOUR, "JPEG"),
    "JPEG, progressive": encoded(COLOUR, "JPEG", progressive=True),
    "JPEG, CMYK": encoded(COLOUR, "JPEG", "CMYK"),
    "TIFF": encoded(GREY, "TIFF"),
    "TIFF, RGBA": encoded(COLOUR, "TIFF", "RGBA"),
    "TIFF, palette": encoded(COLOUR, "TIFF", "P"),
    "TIFF, LZW": encoded(GREY, "TIFF", compression="tiff_lzw"),
    "TIFF, deflate": encoded(COLOUR, "TIFF", compression="tiff_adobe_deflate"),
    "TIFF, JPEG": encoded(COLOUR, "TIFF", compression="jpeg"),
    "TIFF, big-endian": tiff(GREY.shape, [DEEP.astype(">u2").tobytes()], ">", bits=16),
    "TIFF, strips": tiff(GREY.shape, [DEEP[:32].tobytes(), DEEP[32:].tobytes()], bits=16, rows=32),
    "BigTIFF": encoded(GREY, "TIFF", big_tiff=True),
    "BMP": encoded(GREY, "BMP"),
    "BMP, 32 bits": encoded(COLOUR, "BMP", "RGBA"),
    "BMP, run-length": bmp(48, 64, 8, b"\x30\x99\0\0" * 64 + b"\0\1", GREYS, run_length=True),
}


def read(data: bytes) -> np.ndarray | None:
    """The grey values; None if the image is refused."""
    start = time.thread_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images.check(data)
            pixels = images.decode(data)
        return pixels
    except Unreadable as error:
        assert str(error).isprintable()
        return None
    finally:
        assert time.thread_time() - start < LIMIT


def size_by_pillow(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image.size if image.getexif().get(0x0112, 1) < 5 else image.size[::-1]


@functools.cache
def places(kind: str) -> st.SearchStrategy[int]:
    """Any byte, and more often one near either end, where the headers are."""
    last = len(WHOLE[kind]) - 1
    return st.integers(0, last) | st.integers(0, 200) | st.integers(last - 250, last)


@pytest.mark.parametrize("kind", WHOLE)
@fuzz(400)
@given(drawn=st.data())
def test_damaged_bytes(kind, drawn):
    data = bytearray(WHOLE[kind])
    for _ in range(drawn.draw(st.integers(1, 4))):
        place = drawn.draw(places(kind))
        new = drawn.draw(st.sampled_from([0, 255]) | st.integers(0, 255))
        data[place] = new
    data = bytes(data)
    assume(data != WHOLE[kind])
    pixels = read(data)
    if pixels is None:
        return
    assert pixels.ndim == 2
    assert pixels.dtype in (np.uint8, np.uint16)
    if kind.startswith("PNG"):  # the only format with checksums
        np.testing.assert_array_equal(pixels, read(WHOLE[kind]))
    elif kind.startswith("JPEG"):
        assert pixels.shape[::-1] == size_by_pillow(data)


@pytest.mark.parametrize("kind", WHOLE)
def test_every_truncation(kind):
    """Cut at each byte: refused, or nothing was lost."""
    whole = read(WHOLE[kind])
    for length in range(len(WHOLE[kind])):
        pixels = read(WHOLE[kind][:length])
        if pixels is not None:
            np.testing.assert_array_equal(pixels, whole)
