"""Does a map show the place of the effusion? Maps against the truth, and against knowing none.

Lungs are always in the middle and fluid at their bottom, so a map that looks at no image scores
well, too. A method's scores are therefore set beside those of a prior, image by image.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from cxr.means import advantage_row, joint_row

STATISTICS = ("pointing", "energy", "iou")
MEAN, CENTRE = "mean truth", "centre"  # the priors
THRESHOLDS = 100  # that are tried on validation images
REFINEMENTS = 10


def centre(size: int) -> np.ndarray:
    """A prior that knows nothing of effusions: a Gaussian in the middle of the image.

    Its standard deviation is a quarter of the side, which puts two thirds of it over the chest's
    middle half, across and down.

    Args:
        size: Side of the maps, pixels.

    Returns:
        float32 (size, size), 0 to 1.
    """
    line = np.exp(-8 * ((np.arange(size) + 0.5) / size - 0.5) ** 2)
    return _scaled(np.outer(line, line))


def mean_truth(truths: np.ndarray) -> np.ndarray:
    """The stronger prior: how often each pixel is an effusion in the validation images.

    It knows where effusions lie, and nothing of the image at hand. A map that does not beat it
    has shown no more than that it belongs to a chest.

    Args:
        truths: bool (n, size, size), at least one, none of them of an image that is scored.

    Returns:
        float32 (size, size), 0 to 1.
    """
    return _scaled(truths.mean(axis=0))


def _scaled(prior: np.ndarray) -> np.ndarray:
    low, high = prior.min(), prior.max()
    return ((prior - low) / max(high - low, 1e-12)).astype(np.float32)


def pointing(cam: np.ndarray, truth: np.ndarray) -> float:
    """The pointing game (Zhang et al., IJCV 2018): whether the map's peak lies in the truth.

    Args:
        cam: float (size, size).
        truth: bool (size, size).

    Returns:
        0 or 1; where several pixels share the peak, the share of them in the truth.
    """
    return float(truth[cam == cam.max()].mean())


def energy(cam: np.ndarray, truth: np.ndarray) -> float:
    """The share of a map's sum in the truth, 0 to 1 (Wang et al., Score-CAM, CVPRW 2020).

    Args:
        cam: float (size, size), 0 and above, not 0 all over.
        truth: bool (size, size).
    """
    return float(cam[truth].sum(dtype=np.float64) / cam.sum(dtype=np.float64))


def iou(cam: np.ndarray, truth: np.ndarray, threshold: float) -> float:
    """Intersection over union of the truth and the pixels at the threshold and above, 0 to 1.

    Args:
        cam: float (size, size).
        truth: bool (size, size), not false all over.
        threshold: In the map's units.
    """
    shown = cam >= threshold
    return float((shown & truth).sum() / (shown | truth).sum())


def best_iou(cam: np.ndarray, truth: np.ndarray) -> float:
    """The highest `iou` of all thresholds: with a threshold that only the truth can tell."""
    order = np.argsort(-cam, axis=None, kind="stable")
    values = cam.ravel()[order]
    hits = np.cumsum(truth.ravel()[order])
    last = np.append(values[:-1] != values[1:], True)  # pixels of one value come together
    shown = np.arange(1, cam.size + 1)
    return float((hits / (shown + hits[-1] - hits))[last].max())


def choose_threshold(maps: np.ndarray, truths: np.ndarray) -> float:
    """The threshold with the highest mean `iou`, to be chosen on validation images.

    Args:
        maps: float (n, size, size), 0 to 1, none of them empty, at least one.
        truths: bool (n, size, size), none of them false all over.

    Returns:
        0.01 to 1, in hundredths; the middle one of those that are equally good.
    """
    thresholds = np.arange(1, THRESHOLDS + 1) / THRESHOLDS
    total = np.zeros(THRESHOLDS)
    for cam, truth in zip(maps, truths, strict=True):
        passed = np.searchsorted(thresholds, cam.ravel(), side="right")  # thresholds it reaches
        shown = _at_least(passed, None)
        hits = _at_least(passed, truth.ravel())
        total += hits / (shown + truth.sum() - hits)
    best = np.flatnonzero(total >= total.max() - 1e-9)
    return float(thresholds[best[len(best) // 2]])


def _at_least(passed: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    counts = np.bincount(passed, weights, minlength=THRESHOLDS + 1)
    return counts[::-1].cumsum()[::-1][1:]


def reachable_iou(truth: np.ndarray, grid: tuple[int, int]) -> float:
    """What `best_iou` a map of a coarse grid can reach for a truth, stretched as maps are.

    Such a map is made from the truth: its share of each cell, and then better and better ones, by
    adding to each cell what the stretched map lacks there. The best of them is taken. There may
    be better maps still, so it is the least that can be reached, not the most.

    Args:
        truth: bool (size, size), not false all over.
        grid: Height and width of the layer.

    Returns:
        0 to 1; 1 where the grid is as fine as the truth.
    """
    wanted = truth.astype(np.float32)
    cells = np.zeros(grid, dtype=np.float32)
    best, lacking = 0.0, wanted
    for _ in range(REFINEMENTS):
        cells += cv2.resize(lacking, grid[::-1], interpolation=cv2.INTER_AREA)
        stretched = cv2.resize(cells, truth.shape[::-1])
        best = max(best, best_iou(stretched, truth))
        lacking = wanted - np.clip(stretched, 0, 1)
    return best


def scores(
    maps: np.ndarray, truths: np.ndarray, empty: np.ndarray, threshold: float
) -> dict[str, np.ndarray]:
    """Each map's scores.

    Args:
        maps: float (n, size, size), 0 to 1, the highest value of each 1.
        truths: bool (n, size, size); false all over where the truth is unknown.
        empty: bool (n,), the maps that say nothing.
        threshold: See `choose_threshold`.

    Returns:
        float64 (n,) for each of `STATISTICS` and "best_iou"; NaN for empty maps and where the
        truth is unknown.
    """
    result = {name: np.full(len(maps), np.nan) for name in (*STATISTICS, "best_iou")}
    for row in np.flatnonzero(~empty & truths.any(axis=(1, 2))):
        cam, truth = maps[row], truths[row]
        result["pointing"][row] = pointing(cam, truth)
        result["energy"][row] = energy(cam, truth)
        result["iou"][row] = iou(cam, truth, threshold)
        result["best_iou"][row] = best_iou(cam, truth)
    return result


def rows(
    method: str,
    own: Mapping[str, np.ndarray],
    prior: Mapping[str, np.ndarray],
    against: str,
    patients: np.ndarray | None = None,
) -> list[dict]:
    """Rows of checks.csv: how far a method's maps score above a prior's, image by image.

    Args:
        method: The method.
        own: float (n,) for each of `STATISTICS`, its scores; NaN where there are none, and where
            the truth is unknown.
        prior: Those of the prior for the same images, at the prior's own threshold.
        against: Name of the prior, such as "mean truth".
        patients: See `cxr.means.by_patient`; None where all are unknown.

    Returns:
        A row for each of `STATISTICS`, and one for all of them; see `cxr.means.advantage_row`
        and `cxr.means.joint_row`.
    """
    found = [
        advantage_row(
            method, "localisation", f"{name} above {against}", own[name] - prior[name], patients
        )
        for name in STATISTICS
    ]
    return [*found, joint_row(found, f"all above {against}")]
