"""Reading predictions.csv and split.csv together with what the manifest knows of their images."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables


def read_split(manifest: Path, split: Path) -> pd.DataFrame:
    """Join the split to the manifest: id, label (int), row in images.npy (int) and subset."""
    known = _read_numbered(manifest)[["id", "label", "row"]].astype({"label": int})
    return known.merge(tables.read_csv(split), on="id", validate="one_to_one")


def read_predictions(predictions: Path, manifest: Path) -> pd.DataFrame:
    """Join one run's predictions to the manifest.

    Args:
        predictions: predictions.csv.
        manifest: manifest.csv.

    Returns:
        In the order of predictions.csv: id, subset, label (int), probability (float), patient
        ("" where unknown) and row, the image's row in the manifest and in images.npy.
    """
    known = _read_numbered(manifest)[["id", "patient", "row"]]
    table = tables.read_csv(predictions).astype({"label": int, "probability": float})
    return table.merge(known, on="id", validate="one_to_one")


def _read_numbered(manifest: Path) -> pd.DataFrame:
    table = tables.read_csv(manifest)
    return table.assign(row=np.arange(len(table)))
