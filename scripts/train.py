"""Train one network, of one experiment and seed, and predict the images that it does not learn.

Reads images.npy, manifest.csv and split.csv. Writes model.keras, which says how its images were
prepared, history.csv, predictions.csv and features.npy. The same config, lock and type of machine
give the same bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.log import job_log, say
from cxr.model_file import write_facts
from cxr.permuted import permute_labels
from cxr.predictions import USES, read_split


def subset_rows(table: pd.DataFrame, subset: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows in images.npy and labels of one subset, int (n,) each."""
    part = table[table["subset"] == subset]
    return part["row"].to_numpy(), part["label"].to_numpy()


def stored_facts(facts: dict, recipe: dict, side: int) -> dict:
    """What a model says of itself, see `schemas/model.schema.yaml`.

    Args:
        facts: Image settings (size, resize), dataset, source, experiment, seed and fold.
        recipe: The experiment from the config.
        side: Of the network's input, pixels.
    """
    return facts | {
        "image": facts["image"] | {"normalise": "image"},
        "input_size": side,
        "test_flip": recipe["test_flip"],
        "threads": recipe["threads"],
        "classes": ["normal", "effusion"],
    }


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
    fold: int | None = None,
    gpus: int = 0,
    permutation: str | None = None,
    facts: dict | None = None,
    features: Path | None = None,
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
        fold: The fold of a cross-validation that the network does not see.
        gpus: See `cxr.backend.set_backend`.
        permutation: Seed of a shuffling of the labels, see `cxr.permuted.permute_labels`; the
            training images are then predicted, too.
        facts: What to store in the model of `schemas/model.schema.yaml`, the recipe's part aside;
            None for a network that nobody is to predict with.
        features: features.npy to write, float32 (N, channels), see `cxr.training.write_features`;
            None writes none.
    """
    set_backend(backend, gpus)
    from cxr.training import fit, predict, write_features

    table = read_split(manifest, split, fold)
    if permutation is not None:
        table = permute_labels(table, permutation)
    array = open_array(images)
    training, validation = (subset_rows(table, subset) for subset in ("train", "validation"))
    say(f"{name}  {len(training[0])} training and {len(validation[0])} validation images")
    network, rows = fit(array, training, validation, recipe, seed, name)
    network.save(model)
    if facts:
        write_facts(model, stored_facts(facts, recipe, network.input_shape[1]))
    if features:
        write_features(network, array, features)
    pd.DataFrame(rows).to_csv(history, index=False)

    subsets = ["validation", "oof", "test"] if permutation is None else USES
    asked = pd.concat(table[table["subset"] == subset] for subset in subsets)
    asked = asked.assign(
        probability=predict(network, array, asked["row"].to_numpy(), recipe["test_flip"])
    )
    tables.write_table(asked, predictions, "predictions")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        train(
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            recipe=snakemake.params.recipe,
            seed=snakemake.params.seed,
            fold=snakemake.params.fold,
            permutation=snakemake.wildcards.get("permutation"),
            facts=snakemake.params.get("facts"),
            backend=snakemake.params.backend,
            gpus=snakemake.resources.get("gpu", 0),
            name=snakemake.params.name,
            model=snakemake.output.model,
            history=snakemake.output.history,
            predictions=snakemake.output.predictions,
            features=snakemake.output.get("features"),
        )
