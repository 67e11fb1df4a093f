"""Likely label errors by confident learning (Northcutt, Jiang and Chuang, JAIR 70, 2021).

Labels are held against the probabilities of networks that did not train on the images. Each class
has a threshold, the mean probability that its own images get; an image at or above the threshold
of the other class is a likely error. An image that is hard to read looks the same as one with a
wrong label, so the share of errors found is what there may be at the most.

labels are int (n,), 1 = effusion and 0 = normal, both present; probabilities float (n,), 0 to 1, of
an effusion.
"""

import numpy as np

ROUNDING = 1e-9  # the mean of equal numbers may come out above them


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The mean probability of a class among the images labelled so: normal, effusion (eq. 2)."""
    return np.array([1 - probabilities[labels == 0].mean(), probabilities[labels == 1].mean()])


def confident_classes(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The class that each image confidently belongs to, int (n,): 0, 1, or -1 for none (eq. 1)."""
    both = np.stack([1 - probabilities, probabilities], axis=1)
    reached = np.where(both >= thresholds(labels, probabilities) - ROUNDING, both, -1)
    return np.where(reached.max(axis=1) < 0, -1, reached.argmax(axis=1))


def margins(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Probability of the given class minus that of the other: from -1, contradicted, to 1."""
    return np.where(labels == 1, 2 * probabilities - 1, 1 - 2 * probabilities)


def likely_errors(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Rows of the images that confidently belong to the other class, the lowest margin first."""
    found = np.flatnonzero(confident_classes(labels, probabilities) == 1 - labels)
    return found[np.argsort(margins(labels, probabilities)[found], kind="stable")]


def error_counts(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Likely errors, and all confident images, by given label: int (2, 2), normal first.

    These are the off-diagonal and the row sums of the confident joint (eq. 1). Their ratio, the
    share of labels that are wrong (eq. 3), is too large, the more so the worse the network tells
    the classes apart: `benchmarks/label_errors.py` has numbers.
    """
    confident = confident_classes(labels, probabilities)
    given = [confident[(labels == label) & (confident >= 0)] == label for label in (0, 1)]
    return np.array([((~right).sum(), len(right)) for right in given])


def planted_power(
    labels: np.ndarray,
    probabilities: np.ndarray,
    share: float,
    first: int,
    repeats: int,
    seed: int,
) -> tuple[float, float]:
    """How well labels that are made wrong on purpose are found, the networks left as they are.

    Args:
        labels: The labels.
        probabilities: Of an effusion.
        share: Of each class's labels to turn into the other at random, at least one of each.
        first: How many of the likeliest errors to look at.
        repeats: How often to turn others.
        seed: Random state.

    Returns:
        Recall, the share of the turned labels among all likely errors, and precision, their share
        among the first; means over the repeats. Errors that were there before count as false
        alarms, so this precision is the least to expect with `share` wrong labels.
    """
    rng = np.random.default_rng(seed)
    recall, precision = [], []
    for _ in range(repeats):
        turned = np.zeros(len(labels), dtype=bool)
        for label in (0, 1):
            rows = np.flatnonzero(labels == label)
            turned[rng.choice(rows, max(1, round(share * len(rows))), replace=False)] = True
        found = likely_errors(np.where(turned, 1 - labels, labels), probabilities)
        recall.append(turned[found].sum() / turned.sum())
        precision.append(turned[found[:first]].mean() if len(found) else 0.0)
    return float(np.mean(recall)), float(np.mean(precision))
