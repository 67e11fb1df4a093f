"""Reading predictions.csv together with what the manifest knows about its images."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables


def read_predictions(predictions: Path, manifest: Path) -> pd.DataFrame:
    """Join one run's predictions to the manifest.

    Args:
        predictions: predictions.csv.
        manifest: manifest.csv.

    Returns:
        In the order of predictions.csv: id, subset, label (int), probability (float), patient
        ("" where unknown) and row, the image's row in the manifest and in images.npy.
    """
    known = tables.read_csv(manifest)[["id", "patient"]]
    known["row"] = np.arange(len(known))
    table = tables.read_csv(predictions).astype({"label": int, "probability": float})
    return table.merge(known, on="id", validate="one_to_one")
