"""Random textures."""

import cv2
import numpy as np


def field(rng: np.random.Generator, pixels: int, cells: int) -> np.ndarray:
    """Smooth noise, (pixels, pixels) float32 of about mean 0 and standard deviation 1, `cells`
    bumps across.

    Drawn on a coarse grid and interpolated: each cell is `pixels / cells` wide.
    """
    coarse = rng.standard_normal((cells + 3, cells + 3), dtype=np.float32)
    side = -(-pixels * (cells + 3) // cells)
    fine = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    first = (side - pixels) // 2
    return fine[first : first + pixels, first : first + pixels] * 1.25


def enlarge(image: np.ndarray, pixels: int) -> np.ndarray:
    """The image at (pixels, pixels), linearly interpolated."""
    return cv2.resize(image, (pixels, pixels), interpolation=cv2.INTER_LINEAR)
