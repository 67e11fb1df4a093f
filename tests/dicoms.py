"""DICOM files of every transfer syntax that is read."""

import io
import struct
import warnings

import imagecodecs
import numpy as np
from pydicom import Dataset, uid
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite

NATIVE = [
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
]
LOSSLESS = [
    *NATIVE,
    uid.RLELossless,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
]
LOSSY = [
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLSNearLossless,
    uid.JPEG2000,
    uid.HTJ2K,
]


def run_lengths(pixels: np.ndarray) -> bytes:
    """Return an RLE frame (PS3.5, annex G): byte planes, the most significant first."""
    big = pixels.astype(pixels.dtype.newbyteorder(">"))
    planes = big.view(np.uint8).reshape(*pixels.shape, -1)
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        data = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
        segments.append(data + bytes(len(data) % 2))
    starts = [64 + sum(map(len, segments[:i])) for i in range(len(segments))]
    header = struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


def frame(pixels: np.ndarray, syntax: str, bits: int) -> bytes:
    """Return the pixels as one frame of a compressed transfer syntax."""
    jpeg = {"bitspersample": bits, "level": 97}
    wavelets = {"codecformat": "j2k", "bitspersample": bits}
    match syntax:
        case uid.RLELossless:
            return run_lengths(pixels)
        case uid.JPEGBaseline8Bit | uid.JPEGExtended12Bit:
            return imagecodecs.jpeg8_encode(pixels, **jpeg)
        case uid.JPEGLossless | uid.JPEGLosslessSV1:
            predictor = 1 if syntax == uid.JPEGLosslessSV1 else 6
            options = {"lossless": True, "bitspersample": bits, "predictor": predictor}
            return imagecodecs.jpeg8_encode(pixels, **options)
        case uid.JPEGLSLossless:
            return imagecodecs.jpegls_encode(pixels)
        case uid.JPEGLSNearLossless:
            return imagecodecs.jpegls_encode(pixels, level=2)
        case uid.JPEG2000Lossless:
            return imagecodecs.jpeg2k_encode(pixels, reversible=True, **wavelets)
        case uid.JPEG2000:
            return imagecodecs.jpeg2k_encode(pixels, level=50, **wavelets)
        case uid.HTJ2K:
            return imagecodecs.htj2k_encode(pixels, reversible=False)
        case uid.HTJ2KLossless | uid.HTJ2KLosslessRPCL:
            return imagecodecs.htj2k_encode(pixels, reversible=True)
    raise ValueError(syntax)


def dicom(pixels: np.ndarray, syntax: str = uid.ExplicitVRLittleEndian, **changes) -> bytes:
    """Return a DICOM file.

    Args:
        pixels: (rows, columns), uint8, uint16, int8 or int16: the stored values.
        syntax: the transfer syntax.
        changes: elements by keyword, in place of or beside those of a plain radiograph; None
            leaves one out.
    """
    allocated = pixels.itemsize * 8
    rows, columns = pixels.shape
    elements = {
        "SOPClassUID": uid.DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "DX",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": allocated,
        "BitsStored": allocated,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    elements |= changes
    elements.setdefault("HighBit", elements["BitsStored"] - 1)
    if "PixelData" not in elements:
        if syntax in NATIVE:
            order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
            data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
            elements["PixelData"] = data + bytes(len(data) % 2)
        else:
            data = frame(pixels, syntax, elements["BitsStored"])
            elements["PixelData"] = encapsulate([data])
    dataset = Dataset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are wrong on purpose
        for keyword, value in elements.items():
            if value is not None:
                setattr(dataset, keyword, value)
        if "PixelData" in dataset:
            dataset["PixelData"].VR = "OB" if syntax not in NATIVE or allocated == 8 else "OW"
            dataset["PixelData"].is_undefined_length = syntax not in NATIVE
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = syntax
        file = io.BytesIO()
        dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()
