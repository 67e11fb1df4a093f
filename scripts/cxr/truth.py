"""Where the effusion truly is: masks, boxes and CheXlocalize's run lengths as arrays of booleans.

Images are squeezed to a square (see `cxr.images.prepare`), and so is the truth.
"""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from cxr.errors import UserError

MAX_PIXELS = 100_000_000  # as of images


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """The truth at a map's size.

    Args:
        mask: (height, width), above 0 where the truth is.
        size: Side of the map, pixels.

    Returns:
        bool (size, size), true where at least half of a pixel is covered; where the truth is too
        small for that, where most of one is. All false where the mask is.
    """
    share = (mask > 0).astype(np.float32)
    return _at_least_half(cv2.resize(share, (size, size), interpolation=cv2.INTER_AREA))


def box_mask(boxes: pd.DataFrame, size: int) -> np.ndarray:
    """The boxes of one image as one truth, see `resize_mask`.

    Args:
        boxes: Rows of boxes.csv. What lies outside the image is cut off.
        size: Side of the map, pixels.

    Returns:
        bool (size, size), all false where no box meets the image.
    """
    share = np.zeros((size, size))
    for box in boxes.itertuples():
        across, down = size / box.reference_width, size / box.reference_height
        rows = _covered(box.y * down, (box.y + box.h) * down, size)
        columns = _covered(box.x * across, (box.x + box.w) * across, size)
        share = np.maximum(share, rows[:, None] * columns)
    return _at_least_half(share)


def _covered(low: float, high: float, size: int) -> np.ndarray:
    """The share of each pixel of a line that lies between two places, float (size,)."""
    edges = np.clip(np.arange(size + 1), low, high)
    return np.diff(edges)


def _at_least_half(share: np.ndarray) -> np.ndarray:
    most = float(share.max())
    if most <= 0:
        return np.zeros(share.shape, dtype=bool)
    return share >= min(0.5, most) - 1e-6  # shares are rounded


def chexlocalize_id(path: str) -> str:
    """CheXlocalize's name of an image of CheXpert: patient64541_study1_view1_frontal.

    Args:
        path: Ends in patient64541/study1/view1_frontal.jpg.
    """
    return "_".join(Path(path).with_suffix("").parts[-3:])


def read_chexlocalize(path: str | Path, finding: str, size: int) -> dict[str, np.ndarray]:
    """The masks of one finding in a file such as gt_segmentations_val.json.

    The format is that of CheXlocalize (Saporta et al., Nature Machine Intelligence 2022): a mask
    for each image and each of ten findings, all 0 where there is none, in COCO's run lengths.

    Args:
        path: The file.
        finding: As the file calls it: "Pleural Effusion".
        size: Side of the maps, pixels.

    Returns:
        bool (size, size) by the image's id, see `chexlocalize_id` and `resize_mask`, of the
        images that have the finding.

    Raises:
        UserError: The file cannot be read, holds no such finding, or a mask is damaged.
    """
    known = _read_json(path)
    names = sorted({name for masks in known.values() for name in masks})
    if finding not in names:
        found = ", ".join(names) or "none"
        raise UserError(f"{path}: no finding {finding!r}. It has: {found}.")
    masks = {
        name: resize_mask(decode_runs(masks[finding], f"{path}: {name}, {finding}"), size)
        for name, masks in known.items()
        if finding in masks
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


def _read_json(path: str | Path) -> dict[str, dict[str, Any]]:
    try:
        known = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: it cannot be opened ({error.strerror}). Mend the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: it is not a JSON file ({error}). Fetch it again.") from error
    if not isinstance(known, dict) or not all(isinstance(masks, dict) for masks in known.values()):
        raise UserError(
            f"{path}: it should hold a mask by image and finding, as CheXlocalize's "
            "gt_segmentations_val.json does."
        )
    return known


def decode_runs(runs: Any, where: str) -> np.ndarray:
    """Decode a mask in COCO's run lengths.

    Runs of 0 and 1 take turns, beginning with 0 (a run may be of length 0), down the columns,
    one column after the other. They are a list of numbers or a string, see `_parse_counts`
    (maskApi.c of https://github.com/cocodataset/cocoapi).

    Args:
        runs: {"size": [height, width], "counts": a list of int, or str}.
        where: The file and the mask, for the message.

    Returns:
        bool (height, width).

    Raises:
        UserError: It is none of this, or the runs do not fill the mask.
    """
    if not isinstance(runs, dict):
        runs = {}
    size, counts = runs.get("size"), runs.get("counts")
    if not (_whole(size, 1) and len(size) == 2 and size[0] * size[1] <= MAX_PIXELS):
        raise UserError(f"{where}: no size [height, width]. Fetch the file again.")
    if isinstance(counts, str):
        counts = _parse_counts(counts)
    if not _whole(counts, 0):
        raise UserError(f"{where}: its counts are no run lengths. Fetch the file again.")
    height, width = size
    if sum(counts) != height * width:
        raise UserError(
            f"{where}: its runs are of {sum(counts):,} pixels in all, the mask is of "
            f"{height}x{width}. Fetch the file again."
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height).T


def _whole(numbers: Any, least: int) -> bool:
    """Whether it is a list of whole numbers, none of them less than `least`."""
    return isinstance(numbers, list) and all(type(n) is int and n >= least for n in numbers)


def _parse_counts(text: str) -> list[int] | None:
    """Run lengths from COCO's string; None where it is damaged.

    Each character holds six bits above 48 ("0"): five of the number, the lowest first, and one
    that says whether more follow. The last of a number's bits is its sign. From the fourth run
    on, the number is what a run is longer than the last run but one.
    """
    counts, number, shift = [], 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64:
            return None
        number |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            number -= 1 << shift
        counts.append(number + (counts[-2] if len(counts) > 2 else 0))
        number = shift = 0
    return None if shift else counts
