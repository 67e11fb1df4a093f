"""Reading, checking and standardising images."""

import hashlib
import io
import math
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from PIL import TiffImagePlugin as Tiff

from cxr import dicom
from cxr.appearance import looks_inverted
from cxr.errors import Unreadable, UserError
from cxr.log import say
from cxr.parallel import in_order

MAX_PIXELS = 100_000_000
MAX_SIDE = 100_000  # pixels
MAX_BYTES = 2**30  # of a file
RESIZE = {"area": cv2.INTER_AREA, "bilinear": cv2.INTER_LINEAR}
UNSAFE = re.compile("[\0-\x1f\x7f\ud800-\udfff]")  # in a table

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",  # BigTIFF
    b"MM\0+": "TIFF",
    b"BM": "BMP",
}
_FORMATS = sorted(set(_MAGIC.values()))
_BROKEN = "truncated, damaged or of a rare kind: it cannot be decoded"
_TRUNCATED = "truncated: the file ends too early"
_SCANS = 1000  # of a JPEG: a progressive one has about ten, and each takes time
_HEAD = 2**18  # bytes, read to see whether there is any use in reading more

Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # or Pillow warns of "bombs" below our own limit


def read_bytes(path: str | Path) -> bytes:
    """Return the content of an image file.

    Raises:
        Unreadable: the file is missing, empty, larger than 1 GiB, may not be read, or its first
            bytes are not those of a PNG, JPEG, TIFF, BMP or DICOM file.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("not a regular file")
            if status.st_size > MAX_BYTES:
                raise Unreadable("larger than 1 GiB")
            data = file.read(_HEAD)
            _check_magic(data[:132])
            return data if len(data) < _HEAD else data + file.readall()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # NUL in the path
        raise Unreadable("file not found") from error
    except IsADirectoryError as error:
        raise Unreadable("not a regular file") from error
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror}") from error


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting, as a named pipe would make one do for ever."""
    return os.open(path, flags | os.O_NONBLOCK)


def _check_magic(head: bytes) -> None:
    if not head:
        raise Unreadable("empty file")
    if not (dicom.is_dicom(head) or head.startswith(tuple(_MAGIC))):
        raise Unreadable("not a PNG, JPEG, TIFF, BMP or DICOM image")


def check(data: bytes) -> None:
    """See that an image is whole, and of a kind and size that `decode` reads as it is.

    OpenCV has versions that silently leave the missing part of a truncated JPEG or TIFF grey, or
    set aside gigabytes for a PNG chunk of the wrong length. Pillow does not, so it looks first. Of
    a PNG the lengths and checksums of the chunks are enough: what they hold, OpenCV reads to the
    last byte or not at all. Others Pillow decodes.

    Raises:
        Unreadable: the image is truncated, damaged, has more than 100 million pixels or 100,000
            a side (found before they are decoded) or several frames, or is a TIFF of a kind that
            OpenCV reads wrongly. (A DICOM file is checked where it is decoded.)
    """
    if dicom.is_dicom(data):
        return
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            size = f"{image.width}x{image.height}"
            if image.width * image.height > MAX_PIXELS:
                raise Unreadable(f"more than {MAX_PIXELS:,} pixels: {size}")
            if max(image.size) > MAX_SIDE:
                raise Unreadable(f"more than {MAX_SIDE:,} pixels a side: {size}")
            if getattr(image, "n_frames", 1) > 1:
                raise Unreadable(f"{image.n_frames} frames or pages: one image a file is read")
            if image.format == "PNG":
                image.verify()
                return
            if image.format == "JPEG" and data.count(b"\xff\xda") > _SCANS:
                raise Unreadable(f"a JPEG of more than {_SCANS:,} scans")
            image.load()
            if image.format == "TIFF":
                _check_tiff(image)
    except Unreadable:
        raise
    except Image.DecompressionBombError as error:
        raise Unreadable(f"more than {MAX_PIXELS:,} pixels") from error
    except Exception as error:  # damaged files make Pillow raise almost anything
        if "truncated" in str(error).lower():
            raise Unreadable(_TRUNCATED) from error
        raise Unreadable(_BROKEN) from error


def _check_tiff(image: Tiff.TiffImageFile) -> None:
    """Refuse what OpenCV reads without a word as something else than it is."""
    tags = image.tag_v2
    width, height = tags[Tiff.IMAGEWIDTH], tags[Tiff.IMAGELENGTH]
    deep = max(tags.get(Tiff.BITSPERSAMPLE, (1,))) > 8
    if deep and tags.get(Tiff.PHOTOMETRIC_INTERPRETATION) == 0:
        raise Unreadable("more than 8 bits with white as 0 (WhiteIsZero): convert to PNG")
    if not deep and image.mode == "RGBA" and image.getchannel("A").getextrema()[0] < 255:
        raise Unreadable("a TIFF with transparency: convert to PNG")
    across = tags.get(Tiff.TILEWIDTH, width)
    down = tags.get(Tiff.TILELENGTH, tags.get(Tiff.ROWSPERSTRIP, height))
    planes = tags[Tiff.SAMPLESPERPIXEL] if tags.get(Tiff.PLANAR_CONFIGURATION) == 2 else 1
    parts = tags.get(Tiff.TILEOFFSETS) or tags.get(Tiff.STRIPOFFSETS)
    if len(parts) < math.ceil(width / across) * math.ceil(height / down) * planes:
        raise Unreadable(_TRUNCATED)


def decode(data: bytes) -> np.ndarray:
    """Return the grey values of an image, (height, width), uint8 or uint16; see `to_grey`.

    For DICOM, see `cxr.dicom.reading.parse`.

    Raises:
        Unreadable: it cannot be decoded, or its pixels are not of 8 or 16 bits.
    """
    return dicom.read(data)[0] if dicom.is_dicom(data) else to_grey(decode_colours(data))


def decode_colours(data: bytes) -> np.ndarray:
    """Return a PNG, JPEG, TIFF or BMP as it is stored, uint8 or uint16.

    Transparency is dropped; palettes and 1-bit images become 8-bit; an EXIF orientation is applied.

    Returns:
        (height, width), or where there are colours (height, width, 3): blue, green, red.

    Raises:
        Unreadable: it cannot be decoded, or its pixels are not of 8 or 16 bits.
    """
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise Unreadable(_BROKEN) from error
    if pixels is None:
        raise Unreadable(_BROKEN)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise Unreadable(f"{pixels.dtype} pixels: only unsigned 8 and 16 bits are read")
    return pixels


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """Return the luminance of an image, see `decode_colours`, (height, width), uint8 or uint16.

    Colours are weighed (0.299 red, 0.587 green, 0.114 blue), which leaves grey stored as colour as
    it was.
    """
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY) if pixels.ndim == 3 else pixels


def read_grey(path: str | Path) -> np.ndarray:
    """Return the grey values of an image file, (height, width), uint8 or uint16.

    Raises:
        Unreadable: see `read_bytes`, `check` and `decode`.
    """
    data = read_bytes(path)
    check(data)
    return decode(data)


def read_listed(path: str | Path) -> np.ndarray:
    """Return the grey values of an image or mask that manifest.csv names; see `read_grey`.

    Raises:
        UserError: the file has gone or changed since the manifest was written.
    """
    try:
        return read_grey(path)
    except Unreadable as error:
        raise UserError(
            f"{path}: {error}. It was fine when manifest.csv was written. Put it right or remove "
            "it, and run again."
        ) from error


def describe(path: Path, mask: Path | None, min_size: int) -> dict[str, Any]:
    """Return what there is to know of an image.

    Args:
        path: the image.
        mask: the effusion's mask, if there is one.
        min_size: the shortest side allowed, in pixels.

    Returns:
        width, height and bit_depth; sha256 of the file; pixels, a digest of the grey values;
        header, what the header of a DICOM file says of the patient and the image (see
        `cxr.dicom.header.facts`), None for other files; and inverted, see
        `cxr.appearance.looks_inverted`.

    Raises:
        Unreadable: the image or its mask cannot be used.
    """
    data = read_bytes(path)
    check(data)
    image, header = dicom.read(data) if dicom.is_dicom(data) else (decode(data), None)
    height, width = image.shape
    if min(height, width) < min_size:
        raise Unreadable(f"too small: {width}x{height} pixels, {min_size} a side are needed")
    if image.min() == image.max():
        raise Unreadable(f"constant: all pixels are {image.flat[0]}")
    if mask:
        _check_mask(mask, image.shape)
    return {
        "width": width,
        "height": height,
        "bit_depth": image.itemsize * 8,
        "sha256": hashlib.sha256(data).hexdigest(),
        "pixels": _pixel_digest(image),
        "header": header,
        "inverted": looks_inverted(image),
    }


def _check_mask(path: Path, shape: tuple[int, int]) -> None:
    try:
        height, width = read_grey(path).shape
    except Unreadable as error:
        raise Unreadable(f"its mask {printable(str(path))}: {error}") from error
    if (height, width) != shape:
        raise Unreadable(f"its mask is of {width}x{height} pixels, not {shape[1]}x{shape[0]}")


def _pixel_digest(image: np.ndarray) -> bytes:
    """The same for the same grey values, whatever the file format."""
    digest = hashlib.sha256(np.ascontiguousarray(image))
    digest.update(f"{image.shape} {image.dtype.str}".encode())
    return digest.digest()[:16]


def prepare(image: np.ndarray, size: int, resize: str) -> np.ndarray:
    """Return a grey image as the networks see it: (size, size), float32, mean 0, deviation 1.

    An image that is not square is squeezed, as in the lesson: its aspect ratio is lost.

    Args:
        image: (height, width), uint8 or uint16.
        size: pixels a side.
        resize: `area` (each new pixel is the mean of those it covers) or `bilinear` (the
            lesson's; takes only the four nearest pixels and rounds to whole grey values).

    Raises:
        Unreadable: no contrast is left at this size.
    """
    if resize == "area":
        image = image.astype(np.float32)  # keeps the means' fractions
    image = cv2.resize(image, (size, size), interpolation=RESIZE[resize])
    # in float64; OpenCV takes an eighth of NumPy's time
    image = cv2.subtract(image, cv2.mean(image)[0], dtype=cv2.CV_64F)
    deviation = cv2.norm(image) / size
    if deviation < 1e-6:
        raise Unreadable(f"no contrast at {size}x{size} pixels")
    return cv2.divide(image, deviation, dtype=cv2.CV_32F)


def for_each(
    function: Callable[[Any], Any], items: Iterable, count: int, threads: int, doing: str
) -> Iterator[Any]:
    """Yield `function(item)` for each item, see `cxr.parallel.in_order`, and say how far that is.

    Long runs do so about every tenth of the way.

    Args:
        count: of the items.
        doing: the first words of a line of progress, such as "checked".
    """
    start = said = time.monotonic()
    for done, result in enumerate(in_order(function, items, threads), 1):
        yield result
        if done * 10 // count > (done - 1) * 10 // count and done < count:
            now = time.monotonic()
            if now - said > 5:
                said = now
                say(f"{doing} {done:,} of {count:,} images, {done / (now - start):.0f}/s")
    seconds = max(time.monotonic() - start, 1e-3)
    say(f"{doing} {count:,} images in {seconds:.1f} s, {count / seconds:.0f}/s")


def natural(path: str | os.PathLike) -> tuple[str, str]:
    """Return a sort key that puts e2.png before e10.png."""
    text = os.fspath(path)
    return re.sub("0*([0-9]+)", lambda found: f"\0{len(found[1]):05}{found[1]}", text), text


def printable(path: str) -> str:
    r"""Return a path with control characters and bytes that are not UTF-8 as \x escapes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return UNSAFE.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
