"""Colour saliency maps, as a page lays them over X-rays.

Reads maps.csv and each method's <method>.npy. Writes a folder with a folder of each method: a
transparent PNG <id>.png of each map that is not empty.
"""

from pathlib import Path

import numpy as np

from cxr import pictures
from cxr.arrays import open_array
from cxr.files import empty_folder
from cxr.log import job_log, say
from cxr.tables import read_table


def explore_maps(table: Path, maps: dict[str, Path], folder: Path) -> None:
    """Write the coloured maps.

    Args:
        table: maps.csv.
        maps: <method>.npy by method: float32 (n, side, side), 0 to 1.
        folder: To write to.
    """
    rows = read_table(table, "maps").query("empty == 0")
    for method, path in maps.items():
        place = empty_folder(Path(folder, method))
        array, part = open_array(path), rows[rows["method"] == method]
        for row, name in zip(part["row"], part["id"], strict=True):
            png = pictures.map_png(np.array(array[row]))
            (place / f"{name}.png").write_bytes(png)
    say(f"{len(rows)} maps coloured")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        explore_maps(
            table=snakemake.input.table,
            maps=dict(zip(snakemake.params.methods, snakemake.input.maps, strict=True)),
            folder=snakemake.output[0],
        )
