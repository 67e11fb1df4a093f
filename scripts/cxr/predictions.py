"""Reading predictions.csv and split.csv together with what the manifest knows of their images."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.folds import parts, subsets_in

USES = ("train", "validation", "oof", "test")


def read_split(manifest: Path, split: Path, fold: int | None = None) -> pd.DataFrame:
    """Join the split to the manifest.

    Args:
        manifest: manifest.csv.
        split: split.csv.
        fold: The fold, with cross-validation, whose network it is about.

    Returns:
        One row per image of the split: id, label (int), row in images.npy (int), subset (train,
        validation, and test or oof) and part, see `cxr.folds.parts`.
    """
    known = _read_numbered(manifest, "label").astype({"label": int})
    table = known.merge(tables.read_csv(split), on="id", validate="one_to_one")
    table["part"] = parts(table)
    if fold:
        cells = (table[name].to_numpy() for name in ("subset", "fold", "validates"))
        table["subset"] = subsets_in(*cells, fold)
    return table[["id", "label", "row", "subset", "part"]]


def read_predictions(predictions: Path, manifest: Path) -> pd.DataFrame:
    """Join one run's predictions to the manifest.

    Args:
        predictions: predictions.csv.
        manifest: manifest.csv.

    Returns:
        In the order of predictions.csv: id, subset, label (int), probability (float), patient
        ("" where unknown), row, the image's row in the manifest and in images.npy, and fold, ""
        where predictions of several folds are not pooled.
    """
    known = _read_numbered(manifest, "patient")
    table = tables.read_csv(predictions).astype({"label": int, "probability": float})
    table = table if "fold" in table else table.assign(fold="")
    return table.merge(known, on="id", how="left", validate="many_to_one")


def held_out(table: pd.DataFrame) -> str:
    """The subset that results are reported on: oof with cross-validation, otherwise test."""
    return "oof" if (table["subset"] == "oof").any() else "test"


def _read_numbered(manifest: Path, column: str) -> pd.DataFrame:
    table = tables.read_csv(manifest, columns=["id", column])
    return table.assign(row=np.arange(len(table)))
