"""What is said of an image that a network may not be fit to judge, for people who take X-rays.

`predict` and the page that predicts in the browser say the same words.
"""

import numpy as np
import pandas as pd

from cxr.dicom.header import LATERAL
from cxr.words import count

COLOUR_STEP = 32  # of 255: how far a pixel's red, green and blue have to be apart
COLOUR_SHARE = 0.01  # of the pixels
WORDS = {
    "unreadable": "cannot be read: {reason}",
    "small": "too small: {width} x {height} pixels, the network sees {side} x {side}",
    "coloured": "in colour, as X-rays are not",
    "shape": "unusual shape: {width} x {height} pixels, squeezed into a square",
    "lateral": "a lateral view, says its header: the network knows frontal ones",
    "negative": "seems to be a negative: black and white swapped",
    "turned_left": "seems to be turned by a quarter to the left",
    "turned_right": "seems to be turned by a quarter to the right",
    "upside_down": "seems to be upside down",
    "unlike": "does not look like a whole frontal chest X-ray",
    "unfamiliar": "unlike the X-rays that the network learned from",
    "unchecked": "not checked: whether the network knows such images (no reference.json)",
}


def is_coloured(pixels: np.ndarray) -> bool:
    """Whether more than `COLOUR_SHARE` of the pixels are clearly of a colour.

    Args:
        pixels: (height, width) or (height, width, 3), uint8 or uint16.
    """
    if pixels.ndim == 2:
        return False
    apart = pixels.max(axis=2) - pixels.min(axis=2)
    return bool((apart > COLOUR_STEP * np.iinfo(pixels.dtype).max / 255).mean() > COLOUR_SHARE)


def of_file(
    width: int, height: int, coloured: bool, view: str, side: int, aspect: tuple[float, float]
) -> list[str]:
    """Warnings that need no network.

    Args:
        width, height: Of the image, pixels.
        coloured: See `is_coloured`.
        view: Of a DICOM header, "" where unknown.
        side: Of the network's input, pixels.
        aspect: The smallest and the largest usual width / height.
    """
    size = {"width": width, "height": height, "side": side}
    holds = {
        "small": min(width, height) < side,
        "coloured": coloured,
        "shape": not aspect[0] <= width / height <= aspect[1],
        "lateral": view in LATERAL,
    }
    return [WORDS[name].format(**size) for name, true in holds.items() if true]


def summarise(table: pd.DataFrame) -> str:
    """How many images there are, what they are called, and how many come with a warning.

    Args:
        table: predictions.csv of new images.
    """
    number = {name: (table["prediction"] == name).sum() for name in ("effusion", "normal", "")}
    unused = f", {number['']:,} cannot be used" if number[""] else ""
    return (
        f"{count(len(table), 'image')}: {number['effusion']:,} called an effusion, "
        f"{number['normal']:,} normal{unused}; {(table['warning'] != '').sum():,} with a warning"
    )
