import contextlib
import errno
import io
import os
import struct
import threading
import time
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cxr import images, parallel
from cxr.images import Unreadable
from oddities import GREYS, adam7, bmp, chunk, packed, png, scan_lines, tiff
from xrays import draw

GREY = draw(True, 64, np.random.default_rng(3))[:, :48]  # not square


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def write(folder, data: bytes):
    path = folder / "image"  # the content counts, not the suffix
    path.write_bytes(data)
    return path


MODES = {"PNG": ["L", "LA", "RGB", "RGBA", "P"], "TIFF": ["L", "LA", "RGB", "RGBA", "P"]}
MODES["BMP"] = ["L", "RGB", "RGBA", "P"]  # BMP has no grey with alpha


@pytest.mark.parametrize(
    ("kind", "mode"), [(kind, mode) for kind, modes in MODES.items() for mode in modes]
)
def test_grey_values_survive_every_lossless_kind(tmp_path, kind, mode):
    image = Image.fromarray(GREY).convert(mode)
    np.testing.assert_array_equal(images.read_grey(write(tmp_path, encoded(image, kind))), GREY)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits_survive(tmp_path, suffix, channels):
    grey = GREY.astype(np.uint16) * 257
    image = np.repeat(grey[..., None], channels, axis=2)
    data = cv2.imencode(suffix, image)[1].tobytes()
    read = images.read_grey(write(tmp_path, data))
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, grey)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_close(tmp_path, progressive):
    data = encoded(Image.fromarray(GREY), "JPEG", quality=98, progressive=progressive)
    read = images.read_grey(write(tmp_path, data)).astype(int)
    assert np.abs(read - GREY).max() < 6


def test_one_bit_becomes_black_and_white(tmp_path):
    image = Image.fromarray(GREY > 100)
    read = images.read_grey(write(tmp_path, encoded(image, "PNG")))
    np.testing.assert_array_equal(read, np.where(GREY > 100, 255, 0))


def test_colours_are_weighed_by_luminance(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    read = images.read_grey(write(tmp_path, encoded(Image.fromarray(colours), "PNG")))
    np.testing.assert_array_equal(read, [[76, 150, 29]])


def test_transparent_pixels_keep_their_grey(tmp_path):
    image = Image.fromarray(GREY).convert("RGBA")
    image.putalpha(Image.new("L", image.size, 0))
    np.testing.assert_array_equal(images.read_grey(write(tmp_path, encoded(image, "PNG"))), GREY)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300), np.uint8))


@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["", "progressive"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@settings(max_examples=25, deadline=None)
@given(share=st.floats(0.001, 0.995))
def test_no_truncated_image_passes(tmp_path_factory, kind, options, share):
    data = encoded(NOISE, kind, **(options if kind == "JPEG" else {}))
    path = write(tmp_path_factory.mktemp("cut"), data[: int(len(data) * share)])
    with pytest.raises(Unreadable, match=r"truncated|empty file|not a PNG"):
        images.read_grey(path)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(8, 2000), value=st.integers(1, 255))
def test_damaged_png_is_refused_or_harmless(tmp_path_factory, place, value):
    data = bytearray(encoded(Image.fromarray(GREY), "PNG"))
    data[place % len(data)] ^= value
    try:
        read = images.read_grey(write(tmp_path_factory.mktemp("bad"), bytes(data)))
    except Unreadable:
        return
    np.testing.assert_array_equal(read, GREY)  # the byte was of no consequence


@given(data=st.binary(max_size=300), magic=st.sampled_from([b"", *images._MAGIC]))
@settings(deadline=None)
def test_no_bytes_crash_the_reader(tmp_path_factory, data, magic):
    with pytest.raises(Unreadable):
        images.read_grey(write(tmp_path_factory.mktemp("any"), magic + data))


HUGE = png(11_000, 10_000, 8, 0, bytes(100))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"not an image, whatever its name says", "not a PNG, JPEG, TIFF, BMP or DICOM"),
        (HUGE, "more than 100,000,000 pixels: 11000x10000"),
        (encoded(Image.fromarray(GREY), "GIF"), "not a PNG, JPEG, TIFF, BMP or DICOM"),
        (encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "float32 pixels"),
        (
            encoded(NOISE, "TIFF", save_all=True, append_images=[NOISE]),
            "2 frames or pages",
        ),
        (encoded(NOISE, "PNG", save_all=True, append_images=[NOISE]), "2 frames or pages"),
    ],
    ids=["empty", "text", "huge", "gif", "float", "pages", "animated"],
)
def test_reasons(tmp_path, data, reason):
    with pytest.raises(Unreadable, match=reason):
        images.read_grey(write(tmp_path, data))


ROWS = scan_lines(GREY)
DEEP = GREY.astype(np.uint16) * 16  # 12 bits
SHAPE = GREY.shape
COARSE = {bits: GREY >> (8 - bits) for bits in (1, 2, 4)}
SPREAD = {1: 255, 2: 85, 4: 17}
SIXTEEN = b"".join(GREYS[4 * i : 4 * i + 4] for i in range(0, 256, 17))
TILES = np.pad(GREY, ((0, 0), (0, 16))).reshape(2, 32, 2, 32).transpose(0, 2, 1, 3).reshape(4, -1)
PALETTE = chunk(b"PLTE", bytes(np.repeat(np.arange(256, dtype=np.uint8), 3)))
TRANSPARENT = chunk(b"tRNS", bytes(256))


def alpha(image, value=0):
    return np.dstack([image, np.full_like(image, value)])


ODD = {
    **{
        f"PNG, {bits} bits": (
            png(48, 64, bits, 0, b"".join(b"\0" + row for row in packed(COARSE[bits], bits))),
            COARSE[bits] * SPREAD[bits],
        )
        for bits in COARSE
    },
    "PNG, interlaced": (png(48, 64, 8, 0, adam7(GREY), interlaced=1), GREY),
    "PNG, transparent palette": (png(48, 64, 8, 3, ROWS, PALETTE + TRANSPARENT), GREY),
    "PNG, a transparent grey": (png(48, 64, 8, 0, ROWS, chunk(b"tRNS", b"\0\x99")), GREY),
    "PNG, grey, all transparent": (png(48, 64, 8, 4, scan_lines(alpha(GREY))), GREY),
    "PNG, 12 of 16 bits": (
        png(48, 64, 16, 0, scan_lines(DEEP), chunk(b"sBIT", b"\x0c")),
        DEEP,
    ),
    "PNG, 16 bits, all transparent": (png(48, 64, 16, 4, scan_lines(alpha(DEEP))), DEEP),
    "PNG, gamma": (png(48, 64, 8, 0, ROWS, chunk(b"gAMA", struct.pack(">I", 100_000))), GREY),
    "PNG, too many rows": (png(48, 64, 8, 0, ROWS + ROWS), GREY),
    "PNG, something behind": (png(48, 64, 8, 0, ROWS) + bytes(1000), GREY),
    "TIFF, big-endian, 16 bits": (tiff(SHAPE, [DEEP.astype(">u2").tobytes()], ">", bits=16), DEEP),
    "TIFF, strips": (
        tiff(SHAPE, [GREY[i : i + 10].tobytes() for i in range(0, 64, 10)], rows=10),
        GREY,
    ),
    "TIFF, tiles": (tiff(SHAPE, [tile.tobytes() for tile in TILES], tile=32), GREY),
    "TIFF, planes": (tiff(SHAPE, [GREY.tobytes()] * 3, samples=3, photometric=2, planar=2), GREY),
    "TIFF, white is 0": (tiff(SHAPE, [(255 - GREY).tobytes()], photometric=0), GREY),
    "TIFF, grey, all transparent": (
        tiff(SHAPE, [alpha(GREY).tobytes()], samples=2, extra=2),
        GREY,
    ),
    "TIFF, 12 bits": (  # OpenCV spreads them over 16
        tiff(SHAPE, [b"".join(packed(DEEP, 12))], bits=12),
        DEEP * 16,
    ),
    "BMP, from the top down": (bmp(48, -64, 8, GREY.tobytes(), GREYS), GREY),
    "BMP, 1 bit": (
        bmp(
            48,
            64,
            1,
            b"".join(row + b"\0\0" for row in packed(COARSE[1], 1)[::-1]),
            GREYS[:4] + GREYS[-4:],
        ),
        COARSE[1] * 255,
    ),
    "BMP, 4 bits": (bmp(48, 64, 4, b"".join(packed(COARSE[4], 4)[::-1]), SIXTEEN), COARSE[4] * 17),
    "BMP, 24 bits": (bmp(48, 64, 24, np.dstack([GREY] * 3)[::-1].tobytes()), GREY),
    "BMP, 32 bits": (bmp(48, -64, 32, np.dstack([GREY] * 3 + [GREY * 0]).tobytes()), GREY),
    "BMP, run-length": (
        bmp(
            48,
            64,
            8,
            b"".join(b"\0\x30" + row.tobytes() + b"\0\0" for row in GREY[::-1]) + b"\0\1",
            GREYS,
            True,
        ),
        GREY,
    ),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_kinds_are_read_as_what_they_are(tmp_path, kind):
    data, grey = ODD[kind]
    read = images.read_grey(write(tmp_path, data))
    assert read.dtype == grey.dtype
    np.testing.assert_array_equal(read, grey)


@pytest.mark.parametrize("kind", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_compressed_tiffs(tmp_path, kind):
    data = encoded(Image.fromarray(GREY), "TIFF", compression=kind)
    np.testing.assert_array_equal(images.read_grey(write(tmp_path, data)), GREY)


def test_big_tiffs(tmp_path):
    data = encoded(Image.fromarray(GREY), "TIFF", big_tiff=True)
    assert data.startswith(b"II+\0")
    np.testing.assert_array_equal(images.read_grey(write(tmp_path, data)), GREY)


@pytest.mark.parametrize("compression", ["group3", "group4"])
def test_fax_tiffs(tmp_path, compression):
    data = encoded(Image.fromarray(GREY > 100), "TIFF", compression=compression)
    read = images.read_grey(write(tmp_path, data))
    np.testing.assert_array_equal(read, np.where(GREY > 100, 255, 0))


TURNS = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).T,
    8: np.rot90,
    9: lambda image: image,  # means nothing
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_every_orientation_is_applied(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(GREY), kind, exif=exif, quality=98)
    read = images.read_grey(write(tmp_path, data)).astype(int)
    assert np.abs(read - TURNS[orientation](GREY)).max() < (6 if kind == "JPEG" else 1)


@pytest.mark.parametrize("adobe", [0, 2], ids=["CMYK", "YCCK"])  # transform flags
def test_four_coloured_jpegs(tmp_path, adobe):
    ink = 255 - GREY
    none = np.zeros_like(ink)
    # no cyan, magenta or yellow; in YCCK as black in YCbCr. Pillow inverts what it writes.
    first = [none + 255, none + 127, none + 127] if adobe else [none] * 3
    image = Image.merge("CMYK", [Image.fromarray(channel) for channel in (*first, ink)])
    data = encoded(image, "JPEG", quality=98)
    place = data.index(b"Adobe") + 11  # says how the colours are coded
    data = data[:place] + bytes([adobe]) + data[place + 1 :]
    read = images.read_grey(write(tmp_path, data)).astype(int)
    assert np.abs(read - GREY).max() < 8


def turned(data: bytes, place: int) -> bytes:
    """The data with one bit turned over."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


WHOLE = png(48, 64, 8, 0, ROWS)
IDAT = WHOLE.index(b"IDAT")
BOMB = zlib.compress(bytes(50_000_000))
SCAN = encoded(Image.fromarray(GREY), "JPEG")


HOSTILE = {
    "wrong checksum of the pixels": (turned(WHOLE, len(WHOLE) - 13), "truncated, damaged"),
    "wrong checksum of the header": (turned(WHOLE, 29), "truncated, damaged"),
    "chunk of 4 GB": (WHOLE[: IDAT - 4] + b"\xff\0" + WHOLE[IDAT - 2 :], "truncated"),
    "no end": (WHOLE[:-12], "truncated"),
    "missing rows": (png(48, 64, 8, 0, ROWS[:-500]), "truncated"),
    "no palette": (png(48, 64, 8, 3, ROWS), "truncated, damaged"),
    "no width": (png(0, 64, 8, 0, bytes(64)), "truncated, damaged"),
    "text that unfolds": (png(48, 64, 8, 0, ROWS, chunk(b"zTXt", b"k\0\0" + BOMB)), "damaged"),
    "profile that unfolds": (png(48, 64, 8, 0, ROWS, chunk(b"iCCP", b"k\0\0" + BOMB)), "damaged"),
    "signed": (tiff(SHAPE, [GREY.tobytes()], format=2), "int8 pixels: only unsigned"),
    "whole numbers of 32 bits": (
        tiff(SHAPE, [GREY.astype("<u4").tobytes()], bits=32),
        "uint32 pixels: only unsigned",
    ),
    "16 bits, white is 0": (
        tiff(SHAPE, [DEEP.tobytes()], bits=16, photometric=0),
        "white as 0",
    ),
    "transparency that is multiplied": (
        tiff(SHAPE, [np.dstack([GREY] * 4).tobytes()], samples=4, photometric=2, extra=2),
        "a TIFF with transparency: convert to PNG",
    ),
    "missing strips": (tiff(SHAPE, [DEEP[:32].tobytes()], bits=16, rows=32), "truncated"),
    "missing tiles": (tiff(SHAPE, [tile.tobytes() for tile in TILES[:3]], tile=32), "truncated"),
    "missing planes": (
        tiff(SHAPE, [GREY.tobytes()] * 2, samples=3, photometric=2, planar=2),
        "truncated",
    ),
    "huge, it says": (tiff((60_000, 60_000), [b"x"]), "more than 100,000,000 pixels"),
    "wide": (bmp(10**8, 1, 8, b"\0\2\0\xff\0\1", GREYS, True), "more than 100,000 pixels a side"),
    "endlessly high": (bmp(48, -(2**31), 8, GREY.tobytes(), GREYS), "more than 100,000,000"),
    "endless scans": (SCAN[:-2] + b"\xff\xda" * 1001 + SCAN[-2:], "more than 1,000 scans"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_kinds_are_refused_at_once(tmp_path, kind):
    data, reason = HOSTILE[kind]
    start = time.monotonic()
    with pytest.raises(Unreadable, match=reason):
        images.read_grey(write(tmp_path, data))
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("shape", [(1, 100_000), (100_000, 1), (1, 1)])
def test_extreme_shapes(tmp_path, shape):
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = write(tmp_path, encoded(Image.fromarray(image), "PNG"))
    np.testing.assert_array_equal(images.read_grey(path), image)
    with pytest.raises(Unreadable, match="too small"):
        images.describe(path, None, 32)
    with contextlib.suppress(Unreadable):  # where the caller has set no least size
        assert images.prepare(image, 32, "area").shape == (32, 32)


def test_what_is_no_file_to_read(tmp_path):
    pipe, loop, large = tmp_path / "pipe.png", tmp_path / "loop.png", tmp_path / "large.png"
    os.mkfifo(pipe)
    loop.symlink_to(loop)
    with large.open("wb") as file:
        file.write(WHOLE)
        file.truncate(images.MAX_BYTES + 1)
    for path, reason in [
        (pipe, "not a regular file"),
        (loop, "cannot be opened: Too many levels of symbolic links"),
        (large, "larger than 1 GiB"),
        (tmp_path / ("x" * 300), "cannot be opened: File name too long"),
        (tmp_path / "large.png" / "x.png", "file not found"),
        (tmp_path / "nul\0.png", "file not found"),
    ]:
        with pytest.raises(Unreadable, match=reason):
            images.read_bytes(path)


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = write(tmp_path, WHOLE)

    def refuse(*_):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # root may read anything

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unreadable, match="cannot be opened: Permission denied"):
        images.read_bytes(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(Unreadable, match="file not found"):
        images.read_grey(tmp_path / "none.png")
    with pytest.raises(Unreadable, match="not a regular file"):
        images.read_grey(tmp_path)


@settings(max_examples=50, deadline=None)
@given(
    image=st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda kind: arrays(kind, array_shapes(min_dims=2, max_dims=2, min_side=32, max_side=80))
    ),
    size=st.integers(32, 64),
    resize=st.sampled_from(["area", "bilinear"]),
)
def test_prepared_images_have_mean_0_and_deviation_1(image, size, resize):
    try:
        prepared = images.prepare(image, size, resize)
    except Unreadable as error:
        assert "no contrast" in str(error)
        return
    assert prepared.shape == (size, size)
    assert prepared.dtype == np.float32
    assert abs(prepared.mean(dtype=np.float64)) < 1e-5
    assert abs(prepared.std(dtype=np.float64) - 1) < 1e-5


def test_bilinear_is_the_lessons():
    lesson = cv2.resize(GREY, (32, 32)).astype(float)
    lesson = (lesson - lesson.mean()) / lesson.std()
    np.testing.assert_allclose(images.prepare(GREY, 32, "bilinear"), lesson, atol=1e-6)


def test_area_is_the_mean_of_the_pixels_it_covers():
    image = GREY[:48].astype(np.uint8)
    means = image.reshape(24, 2, 24, 2).mean(axis=(1, 3))
    expected = (means - means.mean()) / means.std()
    np.testing.assert_allclose(images.prepare(image, 24, "area"), expected, atol=1e-5)


def test_exposure_does_not_matter():
    dim = (GREY // 2).astype(np.uint16)
    for bright in (dim + 20, dim * 257):
        np.testing.assert_allclose(
            images.prepare(bright, 32, "area"), images.prepare(dim, 32, "area"), atol=1e-4
        )


def test_constant_image_has_no_contrast():
    with pytest.raises(Unreadable, match="no contrast at 32x32"):
        images.prepare(np.full((50, 50), 7, np.uint8), 32, "area")


def test_for_each_keeps_the_order_and_uses_the_threads(capsys):
    both = threading.Barrier(2, timeout=10)  # passes only if two run at a time

    def work(number):
        if number in (0, parallel.PART):
            both.wait()
        return number * number

    results = list(images.for_each(work, range(600), 600, 2, "squared"))
    assert results == [number * number for number in range(600)]
    assert "squared 600 images" in capsys.readouterr().out


def test_for_each_starts_only_a_few_hundred_at_a_time():
    started = []
    results = images.for_each(started.append, range(10_000), 10_000, 1, "seen")
    next(results)
    assert len(started) < 400
    results.close()


def test_natural_order():
    huge = "9" * 5000
    names = [huge, "e10.png", "e2.png", "e02.png", "a/e1.png", "E1.png", "12", "e"]
    assert sorted(names, key=images.natural) == [
        "12",
        huge,
        "E1.png",
        "a/e1.png",
        "e",
        "e02.png",
        "e2.png",
        "e10.png",
    ]
