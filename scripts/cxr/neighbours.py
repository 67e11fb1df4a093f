"""Which images a network makes alike of each other."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

PAIRS, SEED = 10_000, 1  # of images whose median distance is the unit


def nearest(features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other images of each image, by Euclidean distance of standardised features.

    Args:
        features: float (n, channels), see `cxr.training.write_features`; channels that are the
            same for all images say nothing and are left out.
        number: Of neighbours; n - 1 if there are fewer.

    Returns:
        Their rows, int (n, number), the nearest first, and their distances, float (n, number), in
        units of the median distance of two different images, drawn 10,000 times.
    """
    count, spread = len(features), features.std(axis=0, dtype=np.float64)
    scaled = features[:, spread > 0] / spread[spread > 0]
    if not scaled.shape[1]:
        scaled = np.zeros((count, 1))
    if count == 1:
        return np.zeros((1, 0), int), np.zeros((1, 0))
    search = NearestNeighbors(n_neighbors=min(number, count - 1), algorithm="brute").fit(scaled)
    distances, rows = search.kneighbors()  # without an argument no image is its own neighbour
    return rows, distances / _usual(scaled)


def _usual(scaled: np.ndarray) -> float:
    """The median distance of two different images; 1 where it is 0."""
    random = np.random.default_rng(SEED)
    first = random.integers(len(scaled), size=PAIRS)
    second = (first + random.integers(1, len(scaled), size=PAIRS)) % len(scaled)
    return float(np.median(np.linalg.norm(scaled[first] - scaled[second], axis=1))) or 1.0
