"""What the sources share: columns, one spelling of each fact, paths and files."""

import functools
import re
from pathlib import Path

import pandas as pd

from cxr.errors import UserError
from cxr.fingerprint import files_below
from cxr.log import say
from cxr.words import count

CLASSES = {"effusion": "1", "normal": "0"}
OLDEST = 120  # years; the NIH table knows patients of 411
KNOWN = ["patient", "age", "sex", "view", "mask", "subset"]
COLUMNS = ["path", "label", *KNOWN, "row", "reason"]

_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O"}
_AGE = re.compile(r"(\d{1,6}(?:[.,]\d*)?)\s*([YMWD]?)", re.IGNORECASE)
_PER_YEAR = {"": 1, "Y": 1, "M": 12, "W": 52, "D": 365}


def frame(images: pd.DataFrame) -> pd.DataFrame:
    """All columns, in order, with ages, sexes and views in one spelling."""
    images = images.reset_index(drop=True).astype(object)
    images = images.reindex(columns=COLUMNS, fill_value="")
    for column, tidy in (("age", years_of), ("sex", _sex), ("view", str.upper)):
        given = [str(value).strip() for value in images[column]]
        images[column] = [tidy(value) for value in given]
        kept = zip(given, images[column], strict=True)
        if lost := [value for value, tidied in kept if value and not tidied]:
            cells = count(len(lost), "cell")
            say(f"{column}: {cells} without a meaning, such as {lost[0]!r}: left empty")
    return images


@functools.cache  # also keeps one string for each age
def years_of(text: str) -> str:
    """An age in years, such as 58 from "58", "58.0" or the older "058Y"; "" if impossible."""
    match = _AGE.fullmatch(text)
    if not match:
        return ""
    unit = match[2].upper()
    years = float(match[1].replace(",", ".")) / _PER_YEAR[unit]
    years = years if unit in ("", "Y") else int(years)
    return f"{years:g}" if years <= OLDEST else ""


def _sex(text: str) -> str:
    return _SEXES.get(text.lower(), "")


def below(root: Path, path: str) -> Path:
    """A path of the config, which starts from the project's root."""
    return Path(root, Path(path).expanduser())


def list_files(where: str, folder: Path) -> list[str]:
    """Every file below a folder, sorted; `where` begins the message if one cannot be read."""
    try:
        return sorted(files_below(folder))
    except OSError as error:
        message = f"{where}: {error.filename} cannot be read ({error.strerror})."
        raise UserError(f"{message} Make it readable.") from error
