import io
import struct
import threading
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from cxr import images
from cxr.errors import UserError
from cxr.images import Unreadable
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


def test_jpeg_is_close(tmp_path):
    data = encoded(Image.fromarray(GREY), "JPEG", quality=98)
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


def test_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    data = encoded(Image.fromarray(GREY), "JPEG", exif=exif, quality=98)
    read = images.read_grey(write(tmp_path, data)).astype(int)
    assert np.abs(read - np.rot90(GREY, -1)).max() < 6


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


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


HUGE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 11_000, 10_000, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(bytes(100)))
    + chunk(b"IEND", b"")
)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"not an image, whatever its name says", "not a PNG, JPEG, TIFF or BMP"),
        (bytes(128) + b"DICM" + bytes(50), "DICOM is not supported yet: convert to PNG"),
        (HUGE, "more than 100,000,000 pixels: 11000x10000"),
        (encoded(Image.fromarray(GREY), "GIF"), "not a PNG, JPEG, TIFF or BMP"),
        (encoded(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "float32 pixels"),
        (
            encoded(NOISE, "TIFF", save_all=True, append_images=[NOISE]),
            "2 frames or pages",
        ),
    ],
    ids=["empty", "text", "dicom", "huge", "gif", "float", "pages"],
)
def test_reasons(tmp_path, data, reason):
    with pytest.raises(Unreadable, match=reason):
        images.read_grey(write(tmp_path, data))


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


def test_full_disk_is_told_in_time(tmp_path):
    with pytest.raises(UserError, match=r"needs .* GB and the disk has"):
        images.create_array(tmp_path / "images.npy", 10**9, 1000)
    assert not (tmp_path / "images.npy").exists()


def test_for_each_keeps_the_order_and_uses_the_threads(capsys):
    both = threading.Barrier(2, timeout=10)  # passes only if two run at a time

    def work(number):
        if number < 2:
            both.wait()
        return number * number

    results = list(images.for_each(work, range(600), 2, "squared"))
    assert results == [number * number for number in range(600)]
    assert "squared 600 images" in capsys.readouterr().out


def test_for_each_starts_only_a_few_hundred_at_a_time():
    started = []
    results = images.for_each(started.append, range(10_000), 1, "seen")
    next(results)
    assert len(started) <= 2 * images._BLOCK
    results.close()


def test_natural_order():
    names = ["e10.png", "e2.png", "e02.png", "a/e1.png", "E1.png", "12", "e"]
    assert sorted(names, key=images.natural) == [
        "12",
        "E1.png",
        "a/e1.png",
        "e",
        "e02.png",
        "e2.png",
        "e10.png",
    ]
