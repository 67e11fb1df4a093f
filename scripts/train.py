"""Train one experiment with one seed, and predict its validation and test images.

Reads images.npy, manifest.csv and split.csv. Writes model.keras, history.csv and
predictions.csv. The same config, lock and type of machine give the same bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr.backend import set_backend
from cxr.log import job_log, say
from cxr.predictions import read_split


def subset_rows(table: pd.DataFrame, subset: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows in images.npy and labels of one subset, int (n,) each."""
    part = table[table["subset"] == subset]
    return part["row"].to_numpy(), part["label"].to_numpy()


def train(
    images: Path,
    manifest: Path,
    split: Path,
    recipe: dict,
    seed: int,
    backend: str,
    name: str,
    model: Path,
    history: Path,
    predictions: Path,
) -> None:
    """Train, keep the network, its history and its predictions.

    Args:
        images: images.npy, float32 (N, side, side).
        manifest: manifest.csv, whose rows are those of `images`.
        split: split.csv.
        recipe: The experiment from the config.
        seed: Seed of the run.
        backend: Keras backend: tensorflow, jax or torch.
        name: Experiment and seed, for the progress lines.
        model: model.keras to write.
        history: history.csv to write.
        predictions: predictions.csv to write: id, subset, label, probability.
    """
    set_backend(backend)
    from cxr.training import fit, predict

    table = read_split(manifest, split)
    array = np.load(images, mmap_mode="r")
    training, validation = (subset_rows(table, subset) for subset in ("train", "validation"))
    say(f"{name}  {len(training[0])} training and {len(validation[0])} validation images")
    network, rows = fit(array, training, validation, recipe, seed, name)
    network.save(model)
    pd.DataFrame(rows).to_csv(history, index=False)

    held_out = table[table["subset"].isin(["validation", "test"])]
    held_out = held_out.assign(
        probability=predict(network, array, held_out["row"].to_numpy())
    ).sort_values("subset", kind="stable", key=lambda subset: subset == "test")
    held_out[["id", "subset", "label", "probability"]].to_csv(predictions, index=False)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        train(
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            recipe=snakemake.params.recipe,
            seed=int(snakemake.wildcards.seed),
            backend=snakemake.params.backend,
            name=f"{snakemake.wildcards.experiment} seed {snakemake.wildcards.seed}",
            model=snakemake.output.model,
            history=snakemake.output.history,
            predictions=snakemake.output.predictions,
        )
