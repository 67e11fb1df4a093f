"""Sanity checks: what changes a saliency map, and what must not?

The other class must change it (`other_target`). Noise, a small shift of the image and another seed
of the training must not: two maps of one image must stay more alike than maps of different images,
the level that says nothing about an image (Arun et al., Radiology: Artificial Intelligence 2021,
who call the seeds repeatability). What comes out are tables of comparisons, see `cxr.sanity`.
"""

import itertools

import cv2
import numpy as np
import pandas as pd

from cxr import similarity
from cxr.cams import Mapper
from cxr.randomisation import Own, full_maps, small_maps
from cxr.sanity import comparisons

NOISE = 0.05  # standard deviation of the noise, of the image's own
SHIFT = 0.02  # of the side
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))  # right, left, down, up


def noise(
    method: str,
    own: Own,
    mapper: Mapper,
    images: np.ndarray,
    targets: np.ndarray,
    draws: int = 3,
) -> pd.DataFrame:
    """Compare each image's map with those of the image with a little noise.

    Args:
        method: Name of the method.
        own: See `cxr.randomisation.own_maps`.
        mapper: See `cxr.cams.mapper`.
        images: float32 (n, side, side, 1), as the network sees them.
        targets: int (n,), the class that each map shows.
        draws: Noisy copies of each image.

    Returns:
        A table of comparisons, check "noise"; the level is that of different images with the same
        target.
    """
    tables = []
    for draw in range(draws):
        others = small_maps(mapper, noisy(images, draw), targets)
        tables.append(comparisons(method, "noise", own.small, others, own.level, draw=draw))
    return pd.concat(tables, ignore_index=True)


def noisy(images: np.ndarray, seed: int) -> np.ndarray:
    """Images, float32 (n, side, side, 1), with normal noise of `NOISE` times their own spread."""
    spread = NOISE * images.std(axis=(1, 2, 3), keepdims=True)
    rng = np.random.default_rng(seed)
    return images + spread * rng.standard_normal(images.shape, dtype=np.float32)


def shift(
    method: str, own: Own, mapper: Mapper, images: np.ndarray, targets: np.ndarray
) -> pd.DataFrame:
    """Compare each image's map with those of the image moved by `SHIFT`, moved back.

    Arguments and result as for `noise`, with the check "shift" and a draw for each of
    `DIRECTIONS`. What has left the image on one side is left out; on the other side, the image's
    border is repeated.
    """
    step = max(1, round(SHIFT * images.shape[1]))
    tables = []
    for draw, (right, down) in enumerate(DIRECTIONS):
        x, y = right * step, down * step
        moved = full_maps(mapper, shifted(images, x, y), targets)
        pairs = [
            [similarity.comparable(common(*part)) for part in ((cam, x, y), (other, -x, -y))]
            for cam, other in zip(own.full, moved, strict=True)
        ]
        maps, others = np.swapaxes(pairs, 0, 1)
        tables.append(comparisons(method, "shift", maps, others, own.level, draw=draw))
    return pd.concat(tables, ignore_index=True)


def shifted(images: np.ndarray, x: int, y: int) -> np.ndarray:
    """Images, float32 (n, side, side, 1), moved right by x and down by y pixels."""
    matrix, size = np.float32([[1, 0, x], [0, 1, y]]), images.shape[1:3]
    options = {"flags": cv2.INTER_NEAREST, "borderMode": cv2.BORDER_REPLICATE}
    return np.stack([cv2.warpAffine(image, matrix, size, **options) for image in images])[..., None]


def common(cam: np.ndarray, x: int, y: int) -> np.ndarray:
    """The part of a map that stays in the image when it moves right by x and down by y pixels.

    In the map of the image so moved it is `common(map, -x, -y)`.
    """
    height, width = cam.shape
    return cam[max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)]


def other_target(
    method: str, mapper: Mapper, images: np.ndarray, repeats: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Compare each image's maps for an effusion and for normal.

    They show evidence for one class and for its opposite, so they must differ, by more than two
    maps for the same class do. They may be complementary (in a method that keeps what is above 0)
    or opposite. Where only one of the two maps is empty they differ outright: similarity 0.

    Args:
        method: Name of the method.
        mapper: See `cxr.cams.mapper`.
        images: float32 (n, side, side, 1), as the network sees them.
        repeats: Of the same images in the same order, see `noise`. Each image's mean similarity
            there is the level; without it, or where there is none, the level is 1.

    Returns:
        A table of comparisons, check "target".
    """
    normal, effusion = (
        small_maps(mapper, images, np.full(len(images), target)) for target in (0, 1)
    )
    measures = list(similarity.MEASURES)
    level = pd.DataFrame(1.0, index=range(len(images)), columns=measures)
    if repeats is not None:
        level = repeats.groupby("row")[measures].mean().reindex(level.index).fillna(1.0)
    table = comparisons(method, "target", effusion, normal, level)
    table.loc[similarity.is_empty(normal) ^ similarity.is_empty(effusion), measures] = 0.0
    return table


def seeds(method: str, maps: list[np.ndarray], targets: np.ndarray) -> pd.DataFrame:
    """Compare the maps of networks that differ in the seed of their training alone.

    Args:
        method: Name of the method.
        maps: float (n, side, side) of each of two networks or more, see `small_maps`.
        targets: int (n,), the class that each map shows.

    Returns:
        A table of comparisons, check "seeds", a draw for each two networks; the level is that of
        the one's map of an image and the other's maps of different images with the same target.
    """
    tables = [
        comparisons(method, "seeds", one, other, similarity.level(one, other, targets), draw=draw)
        for draw, (one, other) in enumerate(itertools.combinations(maps, 2))
    ]
    return pd.concat(tables, ignore_index=True)
