"""Map what a network looks at, by each method.

Reads model.keras, images.npy and saliency.csv, which names the images. Writes a <method>.npy each,
one map per image, and maps.csv, which names their rows. The same config, lock and type of machine
give the same bits.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.log import job_log, say
from cxr.methods import CAMS


def saliency(
    model: Path,
    images: Path,
    chosen: Path,
    methods: list[str],
    target: str,
    layer: str | None,
    threads: int,
    memory: float,
    maps: list[Path],
    table: Path,
) -> None:
    """Write the maps of each method and the table that names them.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, side, side).
        chosen: saliency.csv, the images to map.
        methods: Keys of `cxr.methods.NAMES`.
        target: See `cxr.mapped.resolve_targets`.
        layer: The layer to map, by name, or None, the last one with places. Only class activation
            maps use it; the table says "image" for the others.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        maps: <method>.npy of each, to write: float32 (n, side, side), each scaled to [0, 1].
        table: maps.csv to write.

    Raises:
        UserError: The network has no such layer.
    """
    named = tables.read_table(chosen, "saliency")
    set_backend("tensorflow")  # the maps know no other; the file of a model fits all
    from cxr import mapped

    logits, layer, at_once = mapped.open_network(model, layer, threads, memory)
    array, parts = open_array(images), []
    for method, path in zip(methods, maps, strict=True):
        facts = mapped.write_maps(
            logits, array, named["image_row"], method, target, layer, at_once, path
        )
        source = layer if method in CAMS else logits.layers[0].name
        if logits.get_layer(source).output.shape[1] == 1:
            say(
                f"{source} has a single place, so its maps are the same everywhere: a larger input "
                "or fewer poolings would give it more"
            )
        say(f"{method}: {len(named)} maps of {source}, {facts['empty'].sum()} of them empty")
        parts.append(named.assign(row=np.arange(len(named)), method=method, layer=source, **facts))
    tables.write_table(pd.concat(parts, ignore_index=True), table, "maps")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency(
            model=snakemake.input.model,
            images=snakemake.input.images,
            chosen=snakemake.input.chosen,
            methods=snakemake.params.methods,
            target=snakemake.params.target,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            maps=snakemake.output.maps,
            table=snakemake.output.table,
        )
