"""Which images train, validate and test: drawing the subsets, and what every split must hold."""

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from cxr.errors import UserError

SUBSETS = ("train", "validation", "test")


def divide_patients(
    labels: np.ndarray, patients: np.ndarray, shares: list[float], seed: int, stratify: bool
) -> np.ndarray:
    """Divide images patient by patient.

    Patients come in random order, those with the most images first. Each goes to the part
    that still lacks the most of what the patient has, so large patients fill the large part
    and those with one image even out the rest.

    Args:
        labels: int (n,), 0 or 1.
        patients: (n,), one value per patient.
        shares: Of the images for each part; their sum is 1.
        seed: Random state.
        stratify: Balance each class; otherwise only the number of images.

    Returns:
        int (n,), the part of each image.
    """
    _, codes = np.unique(patients, return_inverse=True)
    counts = np.zeros((codes.max() + 1, 2))
    np.add.at(counts, (codes, labels), 1)
    if not stratify:
        counts = counts.sum(axis=1, keepdims=True)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    counts /= np.maximum(counts.sum(axis=0), 1)
    missing = np.outer(shares, counts.sum(axis=0))
    parts = np.zeros(len(counts), dtype=int)
    for patient in order:
        cost = ((missing - counts[patient]) ** 2 - missing**2).sum(axis=1)
        parts[patient] = np.argmin(cost)
        missing[parts[patient]] -= counts[patient]
    return parts[codes]


def draw_subsets(
    labels: np.ndarray,
    patients: np.ndarray,
    test: float,
    validation: float,
    seed: int,
    stratify: bool,
) -> np.ndarray:
    """Draw the three subsets, keeping each patient's images together.

    Without patients and with `stratify` false these are the lesson's two calls of scikit-learn's
    train_test_split.

    Args:
        labels: int (n,), 0 or 1.
        patients: str (n,), "" where unknown; an unknown patient is one of their own.
        test: Share of all images, 0 to 1.
        validation: Share of what is left, 0 to 1.
        seed: Random state of both draws.
        stratify: Balance each class; otherwise only the number of images.

    Returns:
        str (n,), the subset of each image.

    Raises:
        ValueError: There are too few images for the shares.
    """
    known = patients != ""
    if known.any():
        single = np.array([f" image {row}" for row in range(len(labels))])
        shares = [(1 - test) * (1 - validation), (1 - test) * validation, test]
        parts = divide_patients(labels, np.where(known, patients, single), shares, seed, stratify)
        return np.array(SUBSETS, dtype=object)[parts]
    rest, tested = _hold_out(np.arange(len(labels)), labels, test, seed, stratify)
    _, validating = _hold_out(rest, labels, validation, seed, stratify)
    subsets = np.full(len(labels), "train", dtype=object)
    subsets[tested], subsets[validating] = "test", "validation"
    return subsets


def _hold_out(rows, labels, share, seed, stratify) -> list[np.ndarray]:
    """Split rows into what stays and what is set aside, both in the order in which they fall."""
    return train_test_split(
        rows, test_size=share, random_state=seed, stratify=labels[rows] if stratify else None
    )


def check_subsets(manifest: pd.DataFrame, subsets: np.ndarray, source: str) -> None:
    """Refuse subsets that lack a class or share a patient.

    Args:
        manifest: With the columns class and patient, "" where unknown.
        subsets: str (n,), the subset of each image of the manifest.
        source: What the message calls the split.

    Raises:
        UserError: Names the subset and class, or the patients.
    """
    counts = pd.crosstab(subsets, manifest["class"].to_numpy()).reindex(
        index=SUBSETS, columns=["effusion", "normal"], fill_value=0
    )
    lacking = [
        f"{subset} has no {name} image"
        for subset in SUBSETS
        for name in counts.columns
        if counts.loc[subset, name] == 0
    ]
    if lacking:
        raise UserError(
            f"{source}: {'; '.join(lacking)}. Each subset needs both classes "
            f"({len(manifest)} images in all): give more images or divide them otherwise (split in "
            "the config)."
        )
    known = manifest["patient"].to_numpy() != ""
    subsets_of = pd.Series(subsets[known]).groupby(manifest["patient"].to_numpy()[known]).unique()
    shared = [
        f"{patient} ({', '.join(sorted(found))})"
        for patient, found in subsets_of.items()
        if len(found) > 1
    ]
    if shared:
        raise UserError(
            f"{source}: patients that stand in more than one subset: {shorten(shared)}. Images of "
            "one patient resemble each other, so test results would look better than they are. "
            "Keep each patient's images together."
        )


def shorten(values: list[str], limit: int = 5) -> str:
    """List the first few values, and say how many more there are."""
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + more
