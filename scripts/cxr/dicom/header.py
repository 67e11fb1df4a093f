"""What a DICOM header says: whether the file is a grey radiograph, and facts for the manifest."""

import re
from typing import Any

from pydicom import Dataset

from cxr.errors import Unreadable

RADIOGRAPHS = {"CR", "DX", "DR", "RG", "RF", "OT", "SC", ""}  # modalities; OT: other
LATERAL = {"LL", "RL", "LAT", "LATERAL"}
VIEWS = {"AP", "PA", "LLD", "RLD", "LLO", "RLO", *LATERAL}

_LATERAL_CODES = {  # PS3.16, CID 4010, SNOMED CT and its predecessor: lateral, right, left
    *("399067008", "399198007", "399173006", "R-102CD", "R-10232", "R-10236"),
}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and .1 to .4 below it
_FRONTAL_WORD = re.compile(r"\b(pa|ap|frontal)\b", re.IGNORECASE)
_LATERAL_WORD = re.compile(r"\b(lat|lateral)\b", re.IGNORECASE)


def whole_number(dataset: Dataset, keyword: str, default: int | None = None) -> int:
    """Return a number of the header.

    Raises:
        Unreadable: it is missing and has no default, or is not one whole number.
    """
    value = dataset.get(keyword)
    value = default if value is None else value
    if not isinstance(value, int):
        raise Unreadable(f"its header has no proper {keyword}")
    return int(value)


def check(dataset: Dataset) -> None:
    """Refuse what is not one grey radiograph.

    Raises:
        Unreadable: colour, several frames, no pixels or pixels of fractions, or made by
            something else than a radiography unit.
    """
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise Unreadable("its pixels are floating-point numbers: 8 and 16 bits are read")
    if not dataset.get("PixelData"):
        raise Unreadable("it has no pixels")
    if str(dataset.get("Modality") or "") not in RADIOGRAPHS:
        raise Unreadable("its modality is not one of radiographs (CR, DX, RF and the like)")
    frames = whole_number(dataset, "NumberOfFrames", 1)
    if frames > 1:
        raise Unreadable(f"{frames:,} frames: one image a file is read")
    colours = dataset.get("PhotometricInterpretation")
    if colours not in ("MONOCHROME1", "MONOCHROME2") or dataset.get("SamplesPerPixel", 1) != 1:
        raise Unreadable("its pixels are not grey (MONOCHROME1 or MONOCHROME2): convert it to PNG")


def facts(dataset: Dataset) -> dict[str, Any]:
    """What the manifest may know.

    Returns:
        patient (as the file names it: hash it before it is written anywhere), age, sex and view
        as text, "" where unknown, and flags, a list of `burned_in` and `secondary_capture`.
    """
    flags = {
        "burned_in": dataset.get("BurnedInAnnotation") == "YES",
        "secondary_capture": (_text(dataset, "SOPClassUID") + ".").startswith(
            _SECONDARY_CAPTURE + "."
        ),
    }
    return {
        "patient": _text(dataset, "PatientID"),
        "age": _allowed(r"\d{1,3}[YMWD]?", _text(dataset, "PatientAge")),
        "sex": _allowed("[MFO]", _text(dataset, "PatientSex")),
        "view": _view(dataset),
        "flags": [name for name, true in flags.items() if true],
    }


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()


def _allowed(pattern: str, text: str) -> str:
    return text if re.fullmatch(pattern, text) else ""


def _view(dataset: Dataset) -> str:
    """The projection: as the header names it, or LATERAL if anything else in it says so."""
    view = _text(dataset, "ViewPosition").upper()
    if view in VIEWS:
        return view
    codes = [_text(item, "CodeValue") for item in dataset.get("ViewCodeSequence") or []]
    directions = [str(letter) for letter in dataset.get("PatientOrientation") or []]
    words = f"{_text(dataset, 'SeriesDescription')} {_text(dataset, 'ProtocolName')}"
    words = words.replace("_", " ")
    lateral = (
        not _LATERAL_CODES.isdisjoint(codes)
        or (directions and directions[0][:1] in ("A", "P"))  # rows run from front to back
        or (_LATERAL_WORD.search(words) and not _FRONTAL_WORD.search(words))
    )
    return "LATERAL" if lateral else ""
