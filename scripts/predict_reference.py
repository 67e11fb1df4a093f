"""Describe the images that a network learned from, for what may come to be predicted.

Reads model.keras, features.npy, images.npy, manifest.csv and split.csv. Writes reference.json, with
which new images are compared. The same files give the same bits.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.arrays import open_array
from cxr.familiarity import FORMAT, describe, fit_spaces, reduced_to
from cxr.files import sha256_of
from cxr.log import job_log, say
from cxr.model_file import read_facts
from cxr.predictions import read_split
from cxr.tables import read_csv

IMAGES = 2000  # of a subset, at most
AT_ONCE = 64
WIDER = 4 / 3  # than any training image an image may be, or narrower


def choose_rows(table: pd.DataFrame, subset: str) -> np.ndarray:
    """Rows in images.npy of a subset, int (n,): all, or `IMAGES` of them evenly spread."""
    rows = table.loc[table["subset"] == subset, "row"].to_numpy()
    places = np.linspace(0, len(rows) - 1, min(len(rows), IMAGES)).round().astype(int)
    return rows[places]


def describe_rows(
    images: np.ndarray, features: np.ndarray, rows: np.ndarray, side: int
) -> dict[str, np.ndarray]:
    """Images by their rows in each space, see `cxr.familiarity.describe`; `side` of the input."""
    parts = [rows[first : first + AT_ONCE] for first in range(0, len(rows), AT_ONCE)]
    found = [describe(reduced_to(images[part], side), features[part]) for part in parts]
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def predict_reference(
    model: Path,
    features: Path,
    images: Path,
    manifest: Path,
    split: Path,
    fold: int | None,
    output: Path,
) -> None:
    """Write reference.json, see `schemas/reference.schema.yaml`.

    Args:
        model: model.keras.
        features: features.npy, float32 (N, channels).
        images: images.npy, float32 (N, size, size).
        manifest: manifest.csv.
        split: split.csv.
        fold: The fold of a cross-validation that the network did not see.
        output: reference.json to write.
    """
    table = read_split(manifest, split, fold)
    arrays = open_array(images), open_array(features)
    side = read_facts(model)["input_size"]
    chosen = {subset: choose_rows(table, subset) for subset in ("train", "validation")}
    spaces, flagged = fit_spaces(*(describe_rows(*arrays, rows, side) for rows in chosen.values()))
    sizes = read_csv(manifest)[["width", "height"]].astype(int).iloc[chosen["train"]]
    aspect = sizes["width"] / sizes["height"]
    reference = {
        "format": FORMAT,
        "model_sha256": sha256_of(Path(model)),
        "trained_on": len(chosen["train"]),
        "calibrated_on": len(chosen["validation"]),
        "flagged": flagged,
        "aspect": [aspect.min() / WIDER, aspect.max() * WIDER],
        "spaces": spaces,
    }
    Path(output).write_text(json.dumps(reference, allow_nan=False) + "\n", encoding="utf-8")
    say(f"{output}: about {100 * flagged:.1f} % of X-rays of this kind will be called unfamiliar")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        predict_reference(
            model=snakemake.input.model,
            features=snakemake.input.features,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            output=snakemake.output[0],
        )
