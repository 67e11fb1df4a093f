"""Map what a network looks at, by each method.

Reads model.keras, images.npy and saliency.csv, which names the images. Writes a <method>.npy each,
one map per image, and maps.csv, which names their rows. The same config, lock and type of machine
give the same bits.
"""

from pathlib import Path

from cxr import tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.log import job_log


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

    found = mapped.map_images(
        *mapped.open_network(model, layer, threads, memory),
        open_array(images),
        named,
        methods,
        target,
        maps,
    )
    tables.write_table(found, table, "maps")


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
