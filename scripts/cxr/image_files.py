"""Which files are images, by their names. Standard library only: the Snakefile imports it."""

import os
from collections.abc import Iterator
from pathlib import Path

from cxr.fingerprint import files_below

SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".dcm", ".dicom"}
OTHER_SUFFIXES = {".gif", ".jp2", ".pgm", ".webp"}  # images that are not read


def is_image(path: str) -> bool:
    """Whether a file is an image by its name; without a suffix, whether it begins like DICOM."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 (fast for 100,000 paths)
    if suffix.strip(".0123456789"):  # DICOM files may be called 1.2.840.113619
        return suffix in SUFFIXES | OTHER_SUFFIXES
    file = Path(path)
    if file.name == "DICOMDIR" or not file.is_file():
        return False
    from cxr.dicom import is_dicom  # it needs NumPy, for which no start is to wait

    try:
        with file.open("rb") as opened:
            return is_dicom(opened.read(132))
    except OSError:
        return False


def images_below(path: str | Path) -> Iterator[str]:
    """The images below a folder, in no particular order, or a file itself, whatever its name.

    Raises:
        OSError: A folder cannot be read.
    """
    if Path(path).is_dir():
        yield from filter(is_image, files_below(path))
    else:
        yield str(path)
