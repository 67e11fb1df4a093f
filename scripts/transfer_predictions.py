"""Predict the images of another data set by the networks of one seed.

Reads model.keras of the seed, or of each of its folds, images.npy and manifest.csv of the other
data set, and manifest.csv of the own one. Writes <other>.csv: every image with the mean
probability over the networks. Images that are in both data sets are marked, with all of their
patients' images, since a network may have learned from them.
"""

from pathlib import Path

import numpy as np

from cxr import tables
from cxr.backend import fix_bits, set_backend
from cxr.errors import UserError
from cxr.log import job_log, say
from cxr.overlap import in_both


def transfer_predictions(
    models: list[Path],
    images: Path,
    manifest: Path,
    own_manifest: Path,
    sources: list[str],
    backend: str,
    threads: int,
    flip: bool,
    output: Path,
    name: str,
) -> None:
    """Write <other>.csv.

    Args:
        models: model.keras of each network.
        images: images.npy of the other data set, float32 (N, side, side).
        manifest: Its manifest.csv.
        own_manifest: manifest.csv of the data set that the networks learned from.
        sources: Where both come from, by the config; only those of `nih` share patients' numbers.
        backend: Keras backend: tensorflow, jax or torch.
        threads: Of the recipe; another number gives slightly different bits.
        flip: See `cxr.training.predict`.
        output: <other>.csv to write.
        name: What the progress line begins with.

    Raises:
        UserError: The images that are new to the networks lack a class.
    """
    table = tables.read_csv(manifest)
    table["overlap"] = in_both(tables.read_csv(own_manifest), table, set(sources) == {"nih"})
    new = table[table["overlap"] == ""]
    if new["label"].nunique() < 2:
        raise UserError(
            f"{name}: {len(new)} of its {len(table)} images are new; the others, or their "
            "patients, are also in the data set that the network learned from. That leaves no "
            "image of a class. Take the data set out of `transfer` in the config."
        )
    set_backend(backend)
    import keras

    from cxr.training import predict

    fix_bits(0, threads)
    array = np.load(images, mmap_mode="r")
    networks = [keras.models.load_model(path) for path in models]
    found = [predict(network, array, np.arange(len(table)), flip) for network in networks]
    tables.write_table(table.assign(probability=np.mean(found, axis=0)), output, "transferred")
    say(f"{name}  {len(table)} images predicted, {len(table) - len(new)} of them to be left out")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        transfer_predictions(
            models=snakemake.input.models,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            own_manifest=snakemake.input.own_manifest,
            sources=[snakemake.params.own_source, snakemake.params.other_source],
            backend=snakemake.params.backend,
            threads=snakemake.params.threads,
            flip=snakemake.params.flip,
            output=snakemake.output[0],
            name="{experiment} seed {seed} on {other}".format(**snakemake.wildcards),
        )
