"""Predict by what sees no anatomy: pixel statistics, the border, a thumbnail, metadata.

Reads images.npy, manifest.csv and split.csv. Writes baselines.csv: for each baseline what
predictions.csv holds for a network. It learns from the training images alone, with
cross-validation once per fold.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from cxr import tables
from cxr.arrays import open_array
from cxr.baselines import classifier, describe, metadata
from cxr.folds import pool
from cxr.log import job_log, say
from cxr.metadata import COLUMNS
from cxr.predictions import held_out, read_split
from cxr.words import count


def predict_fold(numbers: np.ndarray, split: pd.DataFrame) -> pd.DataFrame:
    """Fit to the training images, and predict all others.

    Args:
        numbers: float (N, numbers), row i of the image in row i of images.npy.
        split: id, label, row and subset of the images of one fold, or of the only split.

    Returns:
        id, row, subset, label and probability of an effusion of each image that does not train.
    """
    training = split["subset"] == "train"
    learned = split[training]
    model = classifier().fit(numbers[learned["row"]], learned["label"])
    others = split[~training]
    probability = model.predict_proba(numbers[others["row"]])[:, 1]
    return others[["id", "row", "subset", "label"]].assign(probability=probability)


def predict(numbers: np.ndarray, splits: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Predict by every fold, and pool what they say.

    Args:
        numbers: See `predict_fold`.
        splits: The split as each fold uses it, by its number; "" is the only one.

    Returns:
        See `cxr.folds.pool`.
    """
    found = [predict_fold(numbers, split).assign(fold=fold) for fold, split in splits.items()]
    return pool(pd.concat(found))


def baselines(images: Path, manifest: Path, split: Path, folds: int | None, output: Path) -> None:
    """Write baselines.csv.

    Args:
        images: images.npy, float32 (N, side, side).
        manifest: manifest.csv, whose rows are those of `images`.
        split: split.csv.
        folds: Number of folds of the split, or None.
        output: baselines.csv to write.
    """
    described = describe(open_array(images))
    known = metadata(tables.read_csv(manifest, columns=["id", *COLUMNS]))
    if known.shape[1]:
        described["metadata"] = known
    else:
        say("metadata: age, sex and view are unknown or the same for all images, so no row")
    runs = range(1, folds + 1) if folds else [None]
    splits = {str(fold or ""): read_split(manifest, split, fold) for fold in runs}
    found = {name: predict(values, splits) for name, values in described.items()}
    for name, table in found.items():
        part = table[table["subset"] == held_out(table)]
        auroc = roc_auc_score(part["label"], part["probability"])
        numbers = count(described[name].shape[1], "number")
        subset = "out-of-fold" if folds else "test"
        say(f"{name}  {subset} AUROC {auroc:.3f}, n = {len(part)}, {numbers} per image")
    joined = pd.concat([table.assign(baseline=name) for name, table in found.items()])
    tables.write_table(joined if folds else joined.drop(columns="fold"), output, "baselines")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        baselines(
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            folds=snakemake.params.folds,
            output=snakemake.output[0],
        )
