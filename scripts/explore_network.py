"""Ask a network about every image, for the page on which people look through them.

Reads model.keras, images.npy, manifest.csv, split.csv and predictions.csv. Writes predictions.csv
anew, with the images that the network learned from added, and maps of the held-out images, a
<method>.npy each and maps.csv. The same config, lock and type of machine give the same bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.log import job_log, say
from cxr.predictions import held_out, read_split


def with_learned(
    predictions: pd.DataFrame, table: pd.DataFrame, learned: np.ndarray
) -> pd.DataFrame:
    """All images with their probability, in the order of the manifest: predictions.csv.

    Args:
        predictions: predictions.csv of the run: id and probability of the other images.
        table: Every image, see `cxr.predictions.read_split`.
        learned: float (n,), probabilities of the n training images in the order of `table`.
    """
    known = predictions.set_index("id")["probability"]
    found = table["id"].map(known)
    found[table["subset"] == "train"] = learned
    return table.assign(probability=found)


def explore_network(
    model: Path,
    images: Path,
    manifest: Path,
    split: Path,
    fold: int | None,
    predictions: Path,
    flip: bool,
    methods: list[str],
    target: str,
    layer: str | None,
    threads: int,
    memory: float,
    asked: Path,
    maps: list[Path],
    table: Path,
) -> None:
    """Write probabilities of all images and maps of the held-out ones.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, side, side).
        manifest: manifest.csv, whose rows are those of `images`.
        split: split.csv.
        fold: The fold, with cross-validation, whose network it is.
        predictions: predictions.csv of the network.
        flip: See `cxr.training.predict`.
        methods: Keys of `cxr.methods.NAMES`.
        target: See `cxr.mapped.resolve_targets`.
        layer: The layer to map, by name, or None, the last one with places.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        asked: predictions.csv to write.
        maps: <method>.npy of each, to write: float32 (n, side, side), each scaled to [0, 1].
        table: maps.csv to write.

    Raises:
        UserError: The network has no such layer.
    """
    set_backend("tensorflow")  # the maps know no other; the file of a model fits all
    import keras

    from cxr import mapped
    from cxr.training import predict

    everything, array = read_split(manifest, split, fold), open_array(images)
    opened = mapped.open_network(model, layer, threads, memory)
    training = everything.loc[everything["subset"] == "train", "row"].to_numpy()
    learned = predict(keras.models.load_model(model), array, training, flip)
    judged = tables.read_table(predictions, "predictions")
    tables.write_table(with_learned(judged, everything, learned), asked, "predictions")
    say(f"{len(training)} images that the network learned from predicted")

    named = everything[everything["subset"] == held_out(everything)]
    named = named.rename(columns={"row": "image_row"}).reset_index(drop=True)
    found = mapped.map_images(*opened, array, named, methods, target, maps)
    tables.write_table(found, table, "maps")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        explore_network(
            model=snakemake.input.model,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            predictions=snakemake.input.predictions,
            flip=snakemake.params.flip,
            methods=snakemake.params.methods,
            target=snakemake.params.target,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            asked=snakemake.output.predictions,
            maps=snakemake.output.maps,
            table=snakemake.output.table,
        )
