"""Metrics of a binary classifier, for weighted images, so that a bootstrap is one product.

Each metric takes labels (n,) of 0 and 1, probabilities (n,) of the class 1 and weights (b, n),
one row per resample that counts how often each image was drawn, and returns (b,) values. Where a
metric is undefined (sensitivity without effusions, say), the value is NaN.
"""

import numpy as np

ECE_BINS = 10
CHUNK = 4_000_000  # weights held at once: 32 MB

UNDEFINED = {
    "auroc": "needs images of both classes",
    "auprc": "needs effusions",
    "sensitivity": "needs effusions",
    "specificity": "needs normal images",
    "ppv": "no image was called an effusion",
    "npv": "no image was called normal",
}


def _ratio(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    return np.divide(over, under, out=np.full(len(under), np.nan), where=under > 0)


def _by_score(labels, probabilities, weights) -> tuple[np.ndarray, np.ndarray]:
    """Weights of effusions and of normals at each distinct probability, rising, (b, distinct)."""
    order = np.argsort(probabilities, kind="stable")
    ranked = probabilities[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    positive = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * (1 - labels[order]), starts, axis=1)
    return positive, negative


def auroc(labels, probabilities, weights):
    """Area under the ROC curve: the Mann-Whitney statistic, ties counting half."""
    positive, negative = _by_score(labels, probabilities, weights)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    return _ratio((positive * below).sum(axis=1), pairs)


def auprc(labels, probabilities, weights):
    """Average precision: precision summed over the steps of recall, without interpolation."""
    positive, negative = (w[:, ::-1] for w in _by_score(labels, probabilities, weights))
    true, false = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
    return _ratio((positive * precision).sum(axis=1), positive.sum(axis=1))


def brier(labels, probabilities, weights):
    """Mean squared difference of probability and label (Brier 1950)."""
    return _ratio(weights @ (probabilities - labels) ** 2, weights.sum(axis=1))


def ece(labels, probabilities, weights):
    """Expected calibration error in ten bins of equal width (Naeini et al., AAAI 2015)."""
    bins = np.minimum((probabilities * ECE_BINS).astype(int), ECE_BINS - 1)
    member = bins[:, np.newaxis] == np.arange(ECE_BINS)
    gaps = np.abs(weights @ (member * (probabilities - labels)[:, np.newaxis]))
    return _ratio(gaps.sum(axis=1), weights.sum(axis=1))


def confusion(labels, probabilities, weights, threshold) -> dict[str, np.ndarray]:
    """Weights of true and false positives and negatives; positive is `>= threshold`."""
    called = probabilities >= threshold
    return {
        "tp": weights @ ((labels == 1) & called),
        "fp": weights @ ((labels == 0) & called),
        "tn": weights @ ((labels == 0) & ~called),
        "fn": weights @ ((labels == 1) & ~called),
    }


def at_threshold(labels, probabilities, weights, threshold) -> dict[str, np.ndarray]:
    """Accuracy, sensitivity, specificity and predictive values at a threshold."""
    c = confusion(labels, probabilities, weights, threshold)
    return {
        "accuracy": _ratio(c["tp"] + c["tn"], weights.sum(axis=1)),
        "sensitivity": _ratio(c["tp"], c["tp"] + c["fn"]),
        "specificity": _ratio(c["tn"], c["tn"] + c["fp"]),
        "ppv": _ratio(c["tp"], c["tp"] + c["fp"]),
        "npv": _ratio(c["tn"], c["tn"] + c["fn"]),
    }


def all_metrics(labels, probabilities, weights, threshold) -> dict[str, np.ndarray]:
    """Every metric of metrics.json, (b,) each."""
    return {
        "auroc": auroc(labels, probabilities, weights),
        **at_threshold(labels, probabilities, weights, threshold),
        "auprc": auprc(labels, probabilities, weights),
        "brier": brier(labels, probabilities, weights),
        "ece": ece(labels, probabilities, weights),
    }


def bootstrap(
    labels: np.ndarray,
    probabilities: np.ndarray,
    threshold: float,
    patients: np.ndarray,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """All metrics in bootstrap resamples of patients.

    Patients are drawn with replacement, each with all their images (Field and Welsh 2007). The
    same patients, resamples and seed draw the same resamples, which pairs two classifiers.

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (n,), 0 to 1.
        threshold: Of the metrics that need one.
        patients: str (n,); "" where unknown, an image of its own.
        resamples: Number of resamples.
        seed: Random state.

    Returns:
        The metrics by name, (resamples,) each, NaN where undefined.
    """
    single = np.array([f" image {row}" for row in range(len(labels))])
    _, groups = np.unique(np.where(patients == "", single, patients), return_inverse=True)
    count = groups.max() + 1
    rng = np.random.default_rng(seed)
    parts = []
    step = max(1, CHUNK // len(labels))
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.multinomial(count, np.full(count, 1 / count), size=size)
        parts.append(all_metrics(labels, probabilities, drawn[:, groups].astype(float), threshold))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def interval(values: np.ndarray) -> tuple[float, float] | tuple[None, None]:
    """95 % percentile interval of bootstrap values; (None, None) if over 5 % are undefined."""
    defined = values[~np.isnan(values)]
    if len(defined) < 0.95 * len(values):
        return None, None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


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


def _best_cut(labels, probabilities, merit) -> float:
    positive, negative = _by_score(labels, probabilities, np.ones((1, len(labels))))
    distinct = np.unique(probabilities)
    values = merit(positive[0][::-1].cumsum()[::-1], negative[0].cumsum() - negative[0])
    best = np.flatnonzero(values == values.max())[-1]
    lower = distinct[best - 1] if best else 0.0
    return float((distinct[best] + lower) / 2)
