"""Map what a network looks at, by one method.

Reads model.keras, images.npy and saliency.csv, which names the images. Writes <method>.npy, one
map per image, and <method>.csv, which names its rows. The same config, lock and type of machine
give the same bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.backend import fix_bits, set_backend
from cxr.images import create_array
from cxr.log import job_log, say

CLASSES = ("normal", "effusion")  # by label


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
    chosen: Path,
    method: str,
    target: str,
    threads: int,
    maps: Path,
    table: Path,
) -> None:
    """Write the maps of one method and the table that names them.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, side, side).
        chosen: saliency.csv, the images to map.
        method: A key of `cxr.cams.METHODS`.
        target: See `resolve_targets`.
        threads: Threads of the backend.
        maps: <method>.npy to write: float32 (n, side, side), each scaled to [0, 1].
        table: <method>.csv to write, by schemas/maps.schema.yaml.
    """
    named = tables.read_table(chosen, "saliency")
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
    written = create_array(maps, len(named), size)
    batch = cams.batch_of(logits, layer)
    for first in range(0, len(named), batch):
        part = named.iloc[first : first + batch]
        inputs = np.stack([reduce_image(array[row], side) for row in part["image_row"]])[..., None]
        probabilities = keras.ops.softmax(logits.predict_on_batch(inputs))[:, 1].numpy()
        targets = resolve_targets(target, probabilities)
        raw = cams.METHODS[method](logits, inputs, targets, layer)
        for offset, cam in enumerate(raw):
            written[first + offset], empty = cams.scale(cam, size)
            rows.append((CLASSES[targets[offset]], probabilities[offset], float(cam.max()), empty))
    facts = pd.DataFrame(rows, columns=["target", "probability", "peak", "empty"])
    named = named.assign(
        row=np.arange(len(named)), method=method, layer=layer, **facts.astype({"empty": int})
    )
    tables.write_table(named, table, "maps")
    written.flush()
    if logits.get_layer(layer).output.shape[1] == 1:
        say(
            f"{layer} has a single place, so its maps are the same everywhere: a larger input or "
            "fewer poolings would give it more"
        )
    say(f"{method}: {len(named)} maps of {layer}, {facts['empty'].sum()} of them empty")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency(
            model=snakemake.input.model,
            images=snakemake.input.images,
            chosen=snakemake.input.chosen,
            method=snakemake.wildcards.method,
            target=snakemake.params.target,
            threads=snakemake.params.threads,
            maps=snakemake.output.maps,
            table=snakemake.output.table,
        )
