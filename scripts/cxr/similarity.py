"""How alike two saliency maps are: Spearman's rank correlation and SSIM.

Both are taken at `SIDE` pixels: most grids of a last convolution are coarser, and so is what the
eye takes from a map. There the 11 pixels of SSIM's window hold some structure, while on a full-size
map they lie within one cell of the grid; and ranking takes 0.3 ms instead of 9.
"""

import cv2
import numpy as np
import pandas as pd

SIDE = 64  # of the maps that are compared, pixels at the most
MEASURES = ("spearman", "ssim")
WINDOW, SIGMA = 11, 1.5  # of SSIM, pixels
C1, C2 = 0.01**2, 0.03**2  # of SSIM, for a data range of 1
FLAT = 1e-6  # a map from 0 to 1 of which less than this is left is the same everywhere


def comparable(cam: np.ndarray) -> np.ndarray:
    """A map as it is compared: reduced by averaging areas, scaled to [0, 1] anew.

    Args:
        cam: float32 (height, width), 0 to 1, see `cxr.cams.scale`.

    Returns:
        float32 (side, side) with a side of `SIDE` or, if `cam` has less, of its shorter side.
        An empty map is 0 all over.
    """
    side = min(SIDE, *cam.shape)
    small = cv2.resize(np.asarray(cam, np.float32), (side, side), interpolation=cv2.INTER_AREA)
    low, high = small.min(), small.max()
    if not high - low > FLAT:
        return np.zeros_like(small)
    return (small - low) / (high - low)


def is_empty(maps: np.ndarray) -> np.ndarray:
    """Which maps are the same everywhere and say nothing: bool (n,) of float (n, side, side)."""
    return maps.min(axis=(1, 2)) == maps.max(axis=(1, 2))


def standard_ranks(cam: np.ndarray) -> np.ndarray:
    """Ranks of a map's pixels, ties averaged, shifted to mean 0 and scaled to length 1.

    The sum of products of two such vectors is Spearman's rank correlation of the maps.

    Args:
        cam: float (side, side), not the same everywhere.

    Returns:
        float64 (pixels,).
    """
    ranks = pd.Series(cam.ravel()).rank().to_numpy() - (cam.size + 1) / 2
    return ranks / np.sqrt((ranks * ranks).sum())


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation, -1 to 1, of two maps as `standard_ranks`.

    The sum is taken by NumPy, not by BLAS, whose bits depend on its threads.
    """
    return float(np.clip((first * second).sum(), -1, 1))


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity of two maps (Wang et al., IEEE Trans. Image Processing 2004).

    Their Gaussian window of 11 x 11 pixels with a standard deviation of 1.5, and their constants
    for values from 0 to 1. The mean is over the places where the window lies within the map.

    Args:
        first: float (side, side), 0 to 1; a side of 11 or more.
        second: Likewise.

    Returns:
        -1 to 1, which only equal maps reach.

    Raises:
        ValueError: The maps are smaller than the window.
    """
    if min(first.shape) < WINDOW:
        raise ValueError(f"SSIM needs maps of {WINDOW} x {WINDOW} pixels, not {first.shape}")
    first, second = first.astype(np.float64), second.astype(np.float64)
    mean, other_mean = _blur(first), _blur(second)
    squares, product = mean**2 + other_mean**2, mean * other_mean
    variances = _blur(first**2) + _blur(second**2) - squares
    covariance = _blur(first * second) - product
    place = (2 * product + C1) * (2 * covariance + C2) / ((squares + C1) * (variances + C2))
    edge = WINDOW // 2
    return float(place[edge:-edge, edge:-edge].mean())


def _blur(picture: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(picture, (WINDOW, WINDOW), SIGMA)


def compare(first: np.ndarray, second: np.ndarray) -> pd.DataFrame:
    """Compare maps one by one.

    Args:
        first: float (n, side, side), see `comparable`.
        second: Likewise, of the same images in the same order.

    Returns:
        A row per image with `spearman` and `ssim`, -1 to 1, NaN where one of the maps is empty.
        (SSIM alone would take an empty map for much like one that is 0 over most of the image.)
    """
    rows = np.full((len(first), 2), np.nan)
    for place in np.flatnonzero(~is_empty(first) & ~is_empty(second)):
        one, other = first[place], second[place]
        rows[place] = correlation(standard_ranks(one), standard_ranks(other)), ssim(one, other)
    return pd.DataFrame(rows, columns=MEASURES)


def level(first: np.ndarray, second: np.ndarray, targets: np.ndarray) -> pd.DataFrame:
    """How alike maps of different images are, the level that says nothing about an image.

    All chests resemble each other, and so do maps of them (Arun et al., Radiology: Artificial
    Intelligence 2021, take such pairs as the level that a sound map falls to).

    Args:
        first: float (n, side, side), see `comparable`.
        second: Likewise, of the same images; `first` itself for the level within one set of maps.
        targets: (n,), the class that the maps show.

    Returns:
        A row per image with `spearman` and `ssim`: the mean over the other images with the same
        target of how alike its first map and their second ones are. NaN where the map is empty
        or there is no other.
    """
    targets, full = np.asarray(targets), ~is_empty(first)
    other_full = ~is_empty(second)
    ranks = {place: standard_ranks(second[place]) for place in np.flatnonzero(other_full)}
    rows = np.full((len(first), 2), np.nan)
    for place in np.flatnonzero(full):
        others = np.flatnonzero(other_full & (targets == targets[place]))
        others = others[others != place]
        if len(others):
            own = standard_ranks(first[place])
            rows[place] = np.mean(
                [(correlation(own, ranks[i]), ssim(first[place], second[i])) for i in others],
                axis=0,
            )
    return pd.DataFrame(rows, columns=MEASURES)
