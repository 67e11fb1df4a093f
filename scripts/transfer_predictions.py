"""Predict the images of another data set by the networks of one seed.

Reads model.keras of the seed, or of each of its folds, and images.npy, manifest.csv and the overlap
of the other data set. Writes <other>.csv: every image with the mean probability over the networks,
and whether it is left out of the scores.
"""

from pathlib import Path

import numpy as np

from cxr import tables
from cxr.arrays import open_array
from cxr.backend import fix_bits, set_backend
from cxr.log import job_log, say


def transfer_predictions(
    models: list[Path],
    images: Path,
    manifest: Path,
    overlap: Path,
    backend: str,
    threads: int,
    flip: bool,
    output: Path,
    name: str,
    gpus: int = 0,
) -> None:
    """Write <other>.csv.

    Args:
        models: model.keras of each network.
        images: images.npy of the other data set, float32 (N, side, side).
        manifest: Its manifest.csv.
        overlap: What both data sets hold, as `transfer_overlap` writes it.
        backend: Keras backend: tensorflow, jax or torch.
        threads: Of the recipe; another number gives slightly different bits.
        flip: See `cxr.training.predict`.
        output: <other>.csv to write.
        name: What the progress line begins with.
        gpus: See `cxr.backend.set_backend`.
    """
    table = tables.read_csv(manifest).merge(
        tables.read_table(overlap, "overlap"), on="id", validate="one_to_one"
    )
    set_backend(backend, gpus)
    import keras

    from cxr.training import predict

    fix_bits(0, threads)
    array = open_array(images)
    networks = [keras.models.load_model(path) for path in models]
    found = [predict(network, array, np.arange(len(table)), flip) for network in networks]
    tables.write_table(table.assign(probability=np.mean(found, axis=0)), output, "transferred")
    say(f"{name}  {len(table)} images predicted")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        transfer_predictions(
            models=snakemake.input.models,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            overlap=snakemake.input.overlap,
            backend=snakemake.params.backend,
            gpus=snakemake.resources.get("gpu", 0),
            threads=snakemake.params.threads,
            flip=snakemake.params.flip,
            output=snakemake.output[0],
            name="{experiment} seed {seed} on {other}".format(**snakemake.wildcards),
        )
