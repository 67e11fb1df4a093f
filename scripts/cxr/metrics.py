"""Metrics of a binary classifier, and thresholds.

Each metric comes with the influence of every image on it: its derivative with respect to the
image's weight (Hampel, JASA 1974; Efron's infinitesimal jackknife, 1982). Summed over the images
of a patient they say how far the metric would move without that patient, which is what intervals
and paired differences are made of (`cxr.intervals`). All take n log n steps.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

ECE_BINS = 10

UNDEFINED = {
    "auroc": "needs images of both classes",
    "auprc": "needs effusions",
    "sensitivity": "needs effusions",
    "specificity": "needs normal images",
    "ppv": "no image was called an effusion",
    "npv": "no image was called normal",
    "calibration_slope": "needs images of both classes that no threshold separates",
    "calibration_intercept": "needs images of both classes",
}


class Estimate(NamedTuple):
    """A metric of one classifier on n images.

    Attributes:
        value: NaN where undefined.
        influence: float (n,), the derivative of the value with respect to each image's weight;
            the sum is 0.
        bases: The images that it rests on, bool (n,) each: those counted in its denominator, or
            each class in turn.
    """

    value: float
    influence: np.ndarray
    bases: tuple[np.ndarray, ...]


def auroc(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Area under the ROC curve: the Mann-Whitney statistic, ties counting half.

    The influences are the centred structural components of DeLong et al. (Biometrics 1988).

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (n,).
    """
    effusion = labels == 1
    bases = (effusion, ~effusion)
    if not all(base.any() for base in bases):
        return undefined(labels)
    ranks = _share_below(probabilities[~effusion], probabilities)
    ranks[~effusion] = 1 - _share_below(probabilities[effusion], probabilities[~effusion])
    value = ranks[effusion].mean()
    return Estimate(value, (ranks - value) / np.where(effusion, *map(np.sum, bases)), bases)


def auprc(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Average precision: precision summed over the steps of recall, without interpolation.

    Arguments as for `auroc`.
    """
    effusions = labels.sum()
    if not effusions:
        return undefined(labels)
    _, level = np.unique(probabilities, return_inverse=True)
    found, called = np.bincount(level, labels), np.bincount(level)
    at_least = called[::-1].cumsum()[::-1]
    precision = found[::-1].cumsum()[::-1] / at_least
    value = found @ precision / effusions
    # An image's weight counts in the precision at its own level and at all below
    true = np.cumsum(found / at_least)[level]
    all_called = np.cumsum(found * precision / at_least)[level]
    influence = labels * (precision[level] - value) + labels * true - all_called
    bases = tuple(labels == label for label in np.unique(labels))
    return Estimate(value, influence / effusions, bases)


def brier(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Mean squared difference of probability and label (Brier 1950); arguments as for `auroc`."""
    return mean((probabilities - labels) ** 2)


def ece(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Expected calibration error in ten bins of equal width (Naeini et al., AAAI 2015).

    Arguments as for `auroc`.
    """
    excess = probabilities - labels
    level = bins(probabilities)
    side = np.sign(np.bincount(level, excess, ECE_BINS).round(9))  # 0 whatever the order
    return mean(side[level] * excess)


def bins(probabilities: np.ndarray) -> np.ndarray:
    """The bin of the calibration error that each probability falls into, int (n,)."""
    return np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)


def mean(values: np.ndarray, base: np.ndarray | None = None) -> Estimate:
    """Mean of float (n,) over the images in `base`, bool (n,); all by default."""
    base = np.ones(len(values), bool) if base is None else base
    if not base.any():
        return undefined(values)
    value = values[base].mean()
    return Estimate(value, np.where(base, values - value, 0) / base.sum(), (base,))


def at_threshold(labels: np.ndarray, called: np.ndarray) -> dict[str, Estimate]:
    """Accuracy, sensitivity, specificity and predictive values.

    Args:
        labels: int (n,), 0 or 1.
        called: bool (n,), whether an image is called an effusion.
    """
    right = (called == (labels == 1)).astype(float)
    return {
        "accuracy": mean(right),
        "sensitivity": mean(right, labels == 1),
        "specificity": mean(right, labels == 0),
        "ppv": mean(right, called),
        "npv": mean(right, ~called),
    }


def estimates(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float | np.ndarray
) -> dict[str, Estimate]:
    """Every metric of metrics.json by name.

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (n,), 0 to 1.
        threshold: An image at or above it is called an effusion; one for all, or (n,).
    """
    return {
        "auroc": auroc(labels, probabilities),
        **at_threshold(labels, probabilities >= threshold),
        "auprc": auprc(labels, probabilities),
        "brier": brier(labels, probabilities),
        "ece": ece(labels, probabilities),
    }


def undefined(images: np.ndarray) -> Estimate:
    """The estimate of a metric that has no value on n images, given any (n,)."""
    return Estimate(np.nan, np.zeros(len(images)), ())


def _share_below(sample: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Share of a sample that lies below each value, ties counting half."""
    ordered = np.sort(sample)
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return below / (2 * len(sample))


def youden_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Threshold with the highest sensitivity + specificity - 1 (Youden 1950); ties: the highest.

    Needs both classes. It lies halfway to the next lower probability, so that rounding moves no
    image.
    """
    effusions, normals = np.sum(labels == 1), np.sum(labels == 0)
    # Times both counts, so that ties are those of whole numbers
    return _best_cut(labels, probabilities, lambda tp, tn: tp * normals + tn * effusions)


def sensitivity_threshold(
    labels: np.ndarray, probabilities: np.ndarray, least: float = 0.95
) -> float:
    """Threshold with the best specificity among those with a sensitivity of at least `least`.

    Needs both classes; ties and place as for `youden_threshold`.
    """
    effusions = np.sum(labels == 1)
    return _best_cut(
        labels, probabilities, lambda tp, tn: np.where(tp / effusions >= least, tn, -1)
    )


def _best_cut(
    labels: np.ndarray, probabilities: np.ndarray, merit: Callable[..., np.ndarray]
) -> float:
    distinct, level = np.unique(probabilities, return_inverse=True)
    positive, negative = np.bincount(level, labels), np.bincount(level, 1 - labels)
    values = merit(positive[::-1].cumsum()[::-1], negative.cumsum() - negative)
    best = np.flatnonzero(values == values.max())[-1]
    lower = distinct[best - 1] if best else 0.0
    return float((distinct[best] + lower) / 2)
