"""From stored values to grey: what a workstation shows at first (PS3.3, C.11; PS3.4, N.2).

Everything here is a function of the stored value alone, so it is computed once for each value that
the file's bits allow, at most 65,536, and not for each pixel.
"""

import numpy as np
from pydicom import Dataset, uid

from cxr.dicom.header import whole_number
from cxr.errors import Unreadable


def grey_table(dataset: Dataset, bits: int) -> np.ndarray:
    """Return the grey value of each stored value.

    The steps: sign, modality LUT or rescaling, VOI LUT or window (the first, if there are
    several; without any, the whole range), MONOCHROME1 inverted, padding black.

    Args:
        bits: of a stored value, 1 to 16.

    Returns:
        (2**bits,), uint8 up to 8 bits, else uint16; 0 is black and the type's largest value white.

    Raises:
        Unreadable: a step is damaged.
    """
    values = np.arange(2**bits)
    if whole_number(dataset, "PixelRepresentation", 0) == 1:
        values[2 ** (bits - 1) :] -= 2**bits
    shown = _displayed(dataset, _rescaled(dataset, values))
    if not np.isfinite(shown).all():
        raise Unreadable("its rescaling or window is out of all bounds")
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        shown = 1 - shown
    shown[_padding(dataset, values)] = 0
    depth = np.uint8 if bits <= 8 else np.uint16
    return np.rint(shown * np.iinfo(depth).max).astype(depth)


def _padding(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """Which values stand for no part of the image."""
    if "PixelPaddingValue" not in dataset:
        return np.zeros(len(values), bool)
    first = whole_number(dataset, "PixelPaddingValue")
    last = whole_number(dataset, "PixelPaddingRangeLimit", first)
    return (values >= min(first, last)) & (values <= max(first, last))


def _rescaled(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """The modality LUT, or slope and intercept."""
    if dataset.get("ModalityLUTSequence"):
        return _looked_up(dataset, dataset.ModalityLUTSequence[0], values)[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    return values * float(1 if slope is None else slope) + float(intercept or 0)


def _displayed(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """Brightness, 0 to 1, by VOI LUT, window or the range of all values."""
    if dataset.get("VOILUTSequence"):
        grey, top = _looked_up(dataset, dataset.VOILUTSequence[0], values)
        return np.minimum(grey / top, 1)
    centre, width = _first(dataset, "WindowCenter"), _first(dataset, "WindowWidth")
    if centre is not None and width is not None and width > 0:
        return _windowed(values, centre, width, dataset.get("VOILUTFunction") or "LINEAR")
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros(len(values))


def _first(dataset: Dataset, keyword: str) -> float | None:
    given = np.ravel(dataset.get(keyword))
    return None if len(given) == 0 or given[0] in (None, "") else float(given[0])


def _windowed(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """Brightness, 0 to 1, by the formulas of PS3.3, C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1
        if width <= 0:
            return (values > centre).astype(float)
    elif function != "LINEAR_EXACT":
        raise Unreadable("its VOI LUT function is not LINEAR, LINEAR_EXACT or SIGMOID")
    return np.clip((values - centre) / width + 0.5, 0, 1)


def _looked_up(dataset: Dataset, item: Dataset, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Values through a LUT (PS3.3, C.11.1.1 and C.11.2.1.1), and the largest it may hold."""
    entries, first, bits = item.LUTDescriptor
    entries, data = entries or 2**16, item.LUTData
    if isinstance(data, bytes):
        big = dataset.file_meta.TransferSyntaxUID == uid.ExplicitVRBigEndian
        one_byte = bits <= 8 and len(data) < 2 * entries
        data = np.frombuffer(data, "u1" if one_byte else ">u2" if big else "<u2")
    table = np.ravel(data)[:entries].astype(np.int64)
    if len(table) < entries or not 1 <= bits <= 16:
        raise Unreadable("its look-up table is damaged")
    return table[np.clip(np.rint(values) - first, 0, entries - 1).astype(int)], 2**bits - 1
