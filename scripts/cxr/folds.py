"""Cross-validation: which fold holds an image out, and which images validate in the others."""

import numpy as np
import pandas as pd

from cxr.subsets import SUBSETS, divide_patients


def draw_folds(
    labels: np.ndarray, groups: np.ndarray, folds: int, seed: int, stratify: bool
) -> np.ndarray:
    """Divide images into folds of like size, keeping each group together.

    Args:
        labels: int (n,), 0 or 1.
        groups: (n,), one value per patient, or whatever must not be parted.
        folds: Number of folds.
        seed: Random state.
        stratify: Balance each class; otherwise only the number of images.

    Returns:
        int (n,), 1 to `folds`: the fold that holds each image out.
    """
    return divide_patients(labels, groups, [1 / folds] * folds, seed, stratify) + 1


def draw_validation(
    labels: np.ndarray,
    groups: np.ndarray,
    fold: np.ndarray,
    share: float,
    seed: int,
    stratify: bool,
) -> np.ndarray:
    """Choose inner validation images among those that a fold's network may learn from.

    Args:
        labels, groups, seed, stratify: As for `draw_folds`.
        fold: int (n,), from `draw_folds`.
        share: Of the images of the other folds, 0 to 1.

    Returns:
        str (n,), the numbers of the folds in which each image validates, spaces between.
    """
    validates = np.full(len(labels), "", dtype=object)
    for number in np.unique(fold):
        rest = np.flatnonzero(fold != number)
        drawn = divide_patients(
            labels[rest], groups[rest], [1 - share, share], [seed, int(number)], stratify
        )
        chosen = rest[drawn == 1]
        validates[chosen] = [f"{before} {number}".strip() for before in validates[chosen]]
    return validates


def subsets_in(subset: np.ndarray, fold: np.ndarray, validates: np.ndarray, number: int):
    """What each image is used for by the network of one fold.

    Args:
        subset: str (n,), oof or test.
        fold: str (n,), the fold that holds an image out, "" for the test subset.
        validates: str (n,), see `draw_validation`.
        number: The fold.

    Returns:
        str (n,): train, validation, oof or test.
    """
    validating = np.array([str(number) in cell.split() for cell in validates], dtype=bool)
    used = np.where(validating, "validation", "train").astype(object)
    used[fold == str(number)] = "oof"
    used[subset == "test"] = "test"
    return used


def pool(table: pd.DataFrame) -> pd.DataFrame:
    """Pool the predictions of all folds.

    Args:
        table: id, row (in images.npy), subset, label, probability and fold, fold by fold.

    Returns:
        The same without row: the validation images of each fold in turn, the out-of-fold images in
        the order of the manifest, and the test images, with the mean probability over the folds and
        no fold.
    """
    validation, held, test = (
        table[table["subset"] == subset] for subset in ("validation", "oof", "test")
    )
    mean = test.groupby(["id", "subset", "label"], sort=False)["probability"].mean()
    parts = [validation, held.sort_values("row"), mean.reset_index().assign(fold="")]
    return pd.concat(parts, ignore_index=True).drop(columns="row")


def parts(split: pd.DataFrame) -> pd.Series:
    """The part of the images that each one belongs to: its subset, or the fold that holds it out.

    Args:
        split: With the columns subset and, with cross-validation, fold.

    Returns:
        train, validation or test; or fold 1, fold 2, ... or test. In this order as a category.
    """
    if "fold" not in split:
        names, found = list(SUBSETS), split["subset"]
    else:
        found = ("fold " + split["fold"].astype(str)).where(split["subset"] == "oof", "test")
        numbers = sorted({int(name[5:]) for name in found.unique() if name != "test"})
        names = [f"fold {number}" for number in numbers] + ["test"] * ("test" in set(found))
    return found.astype(pd.CategoricalDtype(names, ordered=True))


def parts_by_id(split: pd.DataFrame) -> pd.Series:
    """`parts` of a split with the column id, by it."""
    return parts(split).set_axis(split["id"])
