"""Map what a network looks at, by one method.

Reads model.keras, images.npy, manifest.csv and split.csv. Writes <method>.npy, one map per image,
and <method>.csv, which names its rows. The same config, lock and type of machine give the same
bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.backend import fix_bits, set_backend
from cxr.errors import UserError
from cxr.images import create_array
from cxr.log import job_log, say
from cxr.subsets import shorten

CLASSES = ("normal", "effusion")  # by label


def choose_images(
    manifest: pd.DataFrame, split: pd.DataFrame, test_images: int, ids: list[str]
) -> pd.DataFrame:
    """The images to map: the first of each class of the test subset in turn, then those asked for.

    Args:
        manifest: manifest.csv as strings.
        split: split.csv as strings.
        test_images: Number of test images; all of them if there are fewer.
        ids: Further images by id, of any subset; those chosen already are not taken twice.

    Returns:
        A table of row (in images.npy), id, subset and label (int), in the order of the maps.

    Raises:
        UserError: An id is not in the manifest.
    """
    known = set(manifest["id"])
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise UserError(
            f"saliency.ids names images that manifest.csv lacks: {shorten(unknown)}\n"
            "Take them from its column id, in quotes where they look like numbers."
        )
    table = manifest[["id", "label"]].astype({"label": int})
    table = table.assign(row=np.arange(len(table))).merge(split, on="id", validate="one_to_one")
    test = table[table["subset"] == "test"]
    turn = test.groupby("label").cumcount()
    test = test.assign(turn=turn, last=1 - test["label"]).sort_values(["turn", "last"])
    chosen = [*test["id"].head(test_images), *ids]
    return table.set_index("id").loc[list(dict.fromkeys(chosen))].reset_index()


def resolve_targets(target: str, probabilities: np.ndarray) -> np.ndarray:
    """The class each map shows, int (n,): 0 normal, 1 effusion.

    Args:
        target: "effusion", "normal", or "predicted", the class with the larger probability.
        probabilities: float (n,), of an effusion.
    """
    if target == "predicted":
        return (probabilities >= 0.5).astype(int)
    return np.full(len(probabilities), CLASSES.index(target))


def saliency(
    model: Path,
    images: Path,
    manifest: Path,
    split: Path,
    method: str,
    target: str,
    test_images: int,
    ids: list[str],
    threads: int,
    maps: Path,
    table: Path,
) -> None:
    """Write the maps of one method and the table that names them.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, side, side).
        manifest: manifest.csv, whose rows are those of `images`.
        split: split.csv.
        method: A key of `cxr.cams.METHODS`.
        target: See `resolve_targets`.
        test_images: See `choose_images`.
        ids: See `choose_images`.
        threads: Threads of the backend.
        maps: <method>.npy to write: float32 (n, side, side), each scaled to [0, 1].
        table: <method>.csv to write, by schemas/maps.schema.yaml.

    Raises:
        UserError: See `choose_images`.
    """
    chosen = choose_images(tables.read_csv(manifest), tables.read_csv(split), test_images, ids)
    set_backend("tensorflow")  # tf-keras-vis knows no other; the file of a model fits all
    import keras

    from cxr import cams
    from cxr.batches import reduce_image

    fix_bits(0, threads)
    keras.config.disable_interactive_logging()
    network = keras.models.load_model(model)
    layer, logits = cams.last_features(network), cams.two_logits(network)
    array, side = np.load(images, mmap_mode="r"), network.input_shape[1]
    size, rows = array.shape[1], []
    written = create_array(maps, len(chosen), size)
    batch = cams.batch_of(logits, layer)
    for first in range(0, len(chosen), batch):
        part = chosen.iloc[first : first + batch]
        inputs = np.stack([reduce_image(array[row], side) for row in part["row"]])[..., None]
        probabilities = keras.ops.softmax(logits.predict_on_batch(inputs))[:, 1].numpy()
        targets = resolve_targets(target, probabilities)
        raw = cams.METHODS[method](logits, inputs, targets, layer)
        for offset, cam in enumerate(raw):
            written[first + offset], empty = cams.scale(cam, size)
            rows.append((CLASSES[targets[offset]], probabilities[offset], float(cam.max()), empty))
    facts = pd.DataFrame(rows, columns=["target", "probability", "peak", "empty"])
    named = chosen.drop(columns="row").assign(
        row=np.arange(len(chosen)), method=method, layer=layer, **facts.astype({"empty": int})
    )
    tables.write_table(named, table, "maps")
    written.flush()
    say(f"{method}: {len(named)} maps of {layer}, {facts['empty'].sum()} of them empty")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency(
            model=snakemake.input.model,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            method=snakemake.wildcards.method,
            target=snakemake.params.target,
            test_images=snakemake.params.test_images,
            ids=snakemake.params.ids,
            threads=snakemake.params.threads,
            maps=snakemake.output.maps,
            table=snakemake.output.table,
        )
