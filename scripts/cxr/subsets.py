"""Which images train, validate and test: drawing the subsets, and what every split must hold."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cxr.errors import UserError
from cxr.metadata import one_each
from cxr.together import reunite, straddling

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
    groups: np.ndarray | None = None,
) -> np.ndarray:
    """Draw the three subsets, keeping each patient's images together.

    Without patients and with `stratify` false these are the lesson's two calls of scikit-learn's
    train_test_split; images that belong together all the same then change places with others.

    Args:
        labels: int (n,), 0 or 1.
        patients: str (n,), "" where unknown; an unknown patient is one of their own.
        test: Share of all images, 0 to 1.
        validation: Share of what is left, 0 to 1.
        seed: Random state of both draws.
        stratify: Balance each class; otherwise only the number of images.
        groups: str (n,), what is kept together; see `cxr.together.groups`. By default patients.

    Returns:
        str (n,), the subset of each image.

    Raises:
        ValueError: There are too few images for the shares.
    """
    groups = patients if groups is None else groups
    if (patients != "").any():
        shares = [(1 - test) * (1 - validation), (1 - test) * validation, test]
        parts = divide_patients(labels, one_each(groups), shares, seed, stratify)
        return np.array(SUBSETS, dtype=object)[parts]
    rest, tested = _hold_out(np.arange(len(labels)), labels, test, seed, stratify)
    _, validating = _hold_out(rest, labels, validation, seed, stratify)
    subsets = np.full(len(labels), "train", dtype=object)
    subsets[tested], subsets[validating] = "test", "validation"
    return reunite(subsets, labels, groups, SUBSETS, seed)


def _hold_out(rows, labels, share, seed, stratify) -> list[np.ndarray]:
    """Split rows into what stays and what is set aside, both in the order in which they fall."""
    from sklearn.model_selection import train_test_split  # 0.7 s, and few who come here split

    return train_test_split(
        rows, test_size=share, random_state=seed, stratify=labels[rows] if stratify else None
    )


def check_subsets(
    manifest: pd.DataFrame,
    subsets: np.ndarray,
    source: str,
    expected: Sequence[str] = SUBSETS,
    allow_leakage: bool = False,
) -> None:
    """Refuse subsets that lack a class or share a patient.

    Args:
        manifest: With the columns class and patient, "" where unknown.
        subsets: str (n,), the subset of each image of the manifest.
        source: What the message calls the split.
        expected: The subsets that there have to be.
        allow_leakage: Let patients be shared.

    Raises:
        UserError: Names the subset and class, or the patients.
    """
    counts = pd.crosstab(subsets, manifest["class"].to_numpy()).reindex(
        index=list(expected), columns=["effusion", "normal"], fill_value=0
    )
    lacking = [
        f"{subset} has no {name} image"
        for subset in expected
        for name in counts.columns
        if counts.loc[subset, name] == 0
    ]
    if lacking:
        raise UserError(
            f"{source}: {'; '.join(lacking)}. Each subset needs both classes "
            f"({len(manifest)} images in all): give more images or divide them otherwise (split in "
            "the config)."
        )
    if allow_leakage:
        return
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
            "Keep each patient's images together; split.allow_leakage: true lets them pass."
        )


def check_copies(pairs: pd.DataFrame, parts: pd.Series, source: str) -> None:
    """Refuse a split with identical images in two of its parts.

    Args:
        pairs: pairs.csv.
        parts: The part of each image, by id; see `cxr.folds.parts`.
        source: What the message calls the split.

    Raises:
        UserError: Names the images.
    """
    copies = pairs[(pairs["kind"] == "identical") & straddling(pairs, parts)]
    if len(copies):
        named = [f"{pair.first} = {pair.second}" for pair in copies.itertuples()]
        raise UserError(
            f"{source}: identical images in different subsets: {shorten(named)}. A network that "
            "has seen an image knows its label, so test results would look better than they are. "
            "Keep copies together (split.together in the config) or remove them; "
            "split.allow_leakage: true lets them pass."
        )


def shorten(values: list[str], limit: int = 5) -> str:
    """List the first few values, and say how many more there are."""
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + more
