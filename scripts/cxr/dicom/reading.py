"""What is made of one DICOM file, in the process that reads it."""

import io
from typing import Any

import numpy as np
import pydicom

from cxr.dicom import header
from cxr.dicom.frames import stored_values
from cxr.dicom.grey import grey_table
from cxr.errors import Unreadable

_BROKEN = "truncated, damaged or of a rare kind: it cannot be decoded"
_TAGS = [
    *("SpecificCharacterSet", "SOPClassUID", "Modality", "SeriesDescription", "ProtocolName"),
    *("PatientID", "PatientAge", "PatientSex", "ViewPosition", "ViewCodeSequence"),
    *("PatientOrientation", "BurnedInAnnotation"),
    *("SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "ModalityLUTSequence", "RescaleIntercept"),
    *("RescaleSlope", "VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
]

pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE


def parse(data: bytes) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the grey values of a DICOM file and what else may be known of it.

    Args:
        data: the whole file.

    Returns:
        (height, width), uint8 where at most 8 bits are stored, else uint16, black is 0; and
        the facts, see `cxr.dicom.header.facts`.

    Raises:
        Unreadable: the file is damaged, or is no single grey radiograph. The reason quotes
            nothing but numbers and terms of the standard.
    """
    try:
        dataset = pydicom.dcmread(io.BytesIO(data), specific_tags=_TAGS)
        header.check(dataset)
        stored, bits = stored_values(dataset)
        return grey_table(dataset, bits)[stored], header.facts(dataset)
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # damaged files make pydicom and its decoders raise anything
        raise Unreadable(_BROKEN) from error
