"""Classifiers that see no anatomy: what a network has to beat before it has learned to see.

Each describes an image by a few numbers and fits a logistic regression to them. One that does
well tells of a shortcut: exposure, what stands at the border, posture, who is X-rayed and how
(Zech et al., PLoS Medicine 2018; DeGrave et al., Nature Machine Intelligence 2021).
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pandas as pd
from scipy.stats import skew
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from cxr.metadata import ages, telling

PERCENTILES = (0, 1, 5, 25, 50, 75, 95, 99, 100)
PARTS = 8  # of each side of the frame, and of each side of the thumbnail
FRAME = 32  # the frame is a side's 32nd part wide: 8 pixels of 256
STRENGTH = 0.1  # scikit-learn's C: at 1, the thumbnail's 64 numbers fit some 500 images too well


def statistics(image: np.ndarray) -> np.ndarray:
    """Nine percentiles of the pixels and their skewness, (10,): blind to where anything lies.

    Args:
        image: float32 (side, side).
    """
    pixels = image.ravel().astype(np.float64)
    return np.append(np.percentile(pixels, PERCENTILES), skew(pixels))


def frame(image: np.ndarray) -> np.ndarray:
    """Means along the border, eight to a side, (32,): letters, collimation, arms, no lungs.

    Args:
        image: float32 (side, side).
    """
    width = max(1, len(image) // FRAME)
    strips = image[:width], image[-width:], image[:, :width].T, image[:, -width:].T
    return np.concatenate([_reduced(strip, (PARTS, 1)) for strip in strips])


def thumbnail(image: np.ndarray) -> np.ndarray:
    """The image at 8x8 by averaging areas, (64,): large shapes without detail.

    Args:
        image: float32 (side, side).
    """
    return _reduced(image, (PARTS, PARTS))


def _reduced(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return small.ravel().astype(np.float64)


DESCRIPTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "statistics": statistics,
    "frame": frame,
    "thumbnail": thumbnail,
}


def describe(images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Describe images in every way that needs pixels alone, reading each of them once.

    Args:
        images: float32 (n, side, side), such as a memory-mapped images.npy.

    Returns:
        By name of the baseline, float64 (n, numbers).
    """
    described = {
        name: np.empty((len(images), len(of(images[0])))) for name, of in DESCRIPTIONS.items()
    }
    for row, image in enumerate(images):
        for name, of in DESCRIPTIONS.items():
            described[name][row] = of(image)
    return described


def metadata(manifest: pd.DataFrame) -> np.ndarray:
    """Age, sex and view as numbers: what is known without the image.

    Args:
        manifest: With the columns age, sex and view as strings, "" where unknown.

    Returns:
        float64 (n, numbers): age in years, NaN where unknown, and a 0 or 1 for each sex and each
        view, unknown included. A column of which nothing is known, or that is the same for all
        images, is left out, so there may be none.
    """
    told = telling(manifest)
    numbers = pd.DataFrame(index=manifest.index)
    if "age" in told:
        numbers["age"] = ages(manifest)
    kinds = [name for name in told if name != "age"]
    if kinds:
        numbers = numbers.join(pd.get_dummies(manifest[kinds], dtype=float))
    return numbers.to_numpy(dtype=float)


def classifier() -> Pipeline:
    """Logistic regression on standardised numbers; NaN becomes the mean, with a mark that says so.

    Everything is learned from what it is fitted to; the same data give the same coefficients.
    """
    return make_pipeline(
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=STRENGTH, max_iter=1000),
    )
