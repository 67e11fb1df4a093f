"""Random numbers that belong to an image."""

import hashlib

import numpy as np


def seeded(image: np.ndarray, purpose: str = "") -> np.random.Generator:
    """Random numbers that an image always gets, whatever its place among others.

    Args:
        image: float32, of any shape; its values alone matter.
        purpose: What they are for: other numbers for each purpose.
    """
    content = np.ascontiguousarray(image, dtype=np.float32).tobytes()
    digest = hashlib.sha256(content + purpose.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
