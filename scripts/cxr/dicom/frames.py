"""The values stored in a DICOM file, by its transfer syntax (PS3.5, section 8 and annex A)."""

import struct

import imagecodecs
import numpy as np
from pydicom import Dataset, uid
from pydicom.encaps import get_frame

from cxr.dicom.header import whole_number
from cxr.errors import Unreadable

MAX_PIXELS = 100_000_000  # as of other images

_NATIVE = {
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
}
_JPEG = {  # and JPEG-LS
    uid.JPEGBaseline8Bit: imagecodecs.jpeg8_decode,
    uid.JPEGExtended12Bit: imagecodecs.jpeg8_decode,
    uid.JPEGLossless: imagecodecs.jpeg8_decode,
    uid.JPEGLosslessSV1: imagecodecs.jpeg8_decode,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
}
_JPEG_2000 = {
    uid.JPEG2000Lossless,
    uid.JPEG2000,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.HTJ2K,
}


def stored_values(dataset: Dataset) -> tuple[np.ndarray, int]:
    """Return the stored values as they stand in the file, and how many bits each has.

    Returns:
        (rows, columns), uint8 or uint16, from 0 to 2**bits - 1: where the file's values are
        signed, these are their bits.

    Raises:
        Unreadable: the numbers in the header contradict each other or the pixels, or the
            transfer syntax is not read.
    """
    rows, columns = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    allocated = whole_number(dataset, "BitsAllocated")
    bits = whole_number(dataset, "BitsStored", allocated)
    high = whole_number(dataset, "HighBit", bits - 1)
    if not 0 < rows * columns <= MAX_PIXELS:
        raise Unreadable(f"{columns}x{rows} pixels: 1 to {MAX_PIXELS:,} are read")
    if allocated not in (8, 16) or not 1 <= bits <= high + 1 <= allocated:
        raise Unreadable(f"{bits} bits in {allocated}, the highest being {high}: 8 or 16 are read")
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax in _NATIVE:
        values = _native(dataset, rows, columns, allocated) >> (high + 1 - bits)
        return values & (2**bits - 1), bits
    if syntax == uid.RLELossless:
        return _run_lengths(_frame(dataset), rows, columns, allocated) & (2**bits - 1), bits
    if syntax in _JPEG:
        values = _jpeg(_frame(dataset), _JPEG[syntax])
    elif syntax in _JPEG_2000:
        values = imagecodecs.jpeg2k_decode(_frame(dataset))
    else:
        raise Unreadable("of a transfer syntax that is not read: " + _name(syntax))
    return _fitted(dataset, values, (rows, columns), bits), bits


def _name(syntax: uid.UID | None) -> str:
    return syntax.name if syntax in uid.AllTransferSyntaxes else "it is not of the standard"


def _native(dataset: Dataset, rows: int, columns: int, allocated: int) -> np.ndarray:
    data, size = dataset.PixelData, rows * columns * allocated // 8
    if len(data) - size not in (0, size % 2):
        raise Unreadable(f"its pixel data has {len(data):,} bytes and should have {size:,}")
    big = dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian
    if big and allocated == 8 and dataset["PixelData"].VR == "OW":  # bytes are swapped in words
        words = np.frombuffer(data, ">u2").astype("<u2")
        return words.view(np.uint8)[:size].reshape(rows, columns)
    values = np.frombuffer(data, f"{'>' if big else '<'}u{allocated // 8}", rows * columns)
    return values.astype(f"u{allocated // 8}").reshape(rows, columns)


def _frame(dataset: Dataset) -> bytes:
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


def _run_lengths(frame: bytes, rows: int, columns: int, allocated: int) -> np.ndarray:
    """Decode the byte planes of PS3.5, annex G, the most significant first."""
    planes = allocated // 8
    count, *starts = struct.unpack_from("<16L", frame)
    if count != planes:
        raise Unreadable(f"{count} run-length segments, not {planes}")
    ends = [*starts[1:planes], len(frame)]
    values = np.zeros(rows * columns, np.dtype(f"u{planes}"))
    for start, end in zip(starts, ends, strict=False):
        plane = np.zeros(rows * columns + 1, np.uint8)  # room for a byte that pads a segment
        size = len(imagecodecs.packbits_decode(frame[start:end], out=plane))
        if size < len(values):
            raise Unreadable("truncated: its run-length segments are too short")
        values = (values << (8 if planes > 1 else 0)) | plane[:-1]
    return values.reshape(rows, columns)


def _jpeg(frame: bytes, decoder) -> np.ndarray:
    """Decode a JPEG that has its end: decoders invent what is missing, or look for it for ever."""
    if not frame.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise Unreadable("truncated: the end of its JPEG is missing")
    return decoder(frame)


def _fitted(dataset: Dataset, values: np.ndarray, shape: tuple[int, int], bits: int) -> np.ndarray:
    """What a decoder made, compared to the header, with negative values as their bits."""
    if values.shape != shape:
        found = "x".join(map(str, values.shape[1::-1]))
        raise Unreadable(f"its pixels are {found}, its header says {shape[1]}x{shape[0]}")
    if values.dtype.kind not in "iu" or values.itemsize > 2:
        raise Unreadable(f"{values.dtype} pixels: 8 and 16 bits are read")
    signed = whole_number(dataset, "PixelRepresentation", 0) == 1
    if values.dtype.kind == "i":
        values = values.astype(np.int16).view(np.uint16)
    elif not signed and values.max() >= 2**bits:
        raise Unreadable(f"its pixels have more than the {bits} bits of its header")
    return values & (2**bits - 1)
