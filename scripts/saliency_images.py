"""Choose the images whose saliency is mapped.

Reads manifest.csv and split.csv. Writes saliency.csv, before any network is trained, so that a
wrong id in the config shows at once.
"""

from pathlib import Path

import pandas as pd

from cxr import tables
from cxr.cases import in_turn
from cxr.errors import UserError
from cxr.log import job_log
from cxr.predictions import held_out, read_split
from cxr.subsets import shorten


def choose_images(table: pd.DataFrame, test_images: int, ids: list[str]) -> pd.DataFrame:
    """The images to map: the first held-out ones of each class in turn, then those asked for.

    Args:
        table: Every image, see `cxr.predictions.read_split`.
        test_images: Number of images of the test subset, with cross-validation of the fold; all of
            them if there are fewer.
        ids: Further images by id, of any subset; those chosen already are not taken twice.

    Returns:
        saliency.csv, in the order of the maps.

    Raises:
        UserError: An id is not in the manifest.
    """
    known = set(table["id"])
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise UserError(
            f"saliency.ids names images that manifest.csv lacks: {shorten(unknown)}\n"
            "Take them from its column id, in quotes where they look like numbers."
        )
    chosen = [*in_turn(table, held_out(table), test_images)["id"], *ids]
    table = table.rename(columns={"row": "image_row"}).set_index("id")
    return table.loc[list(dict.fromkeys(chosen))].reset_index()


def saliency_images(
    manifest: Path, split: Path, fold: int | None, test_images: int, ids: list[str], output: Path
) -> None:
    """Write saliency.csv; see `choose_images`."""
    chosen = choose_images(read_split(manifest, split, fold), test_images, ids)
    tables.write_table(chosen, output, "saliency")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency_images(
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            test_images=snakemake.params.test_images,
            ids=snakemake.params.ids,
            output=snakemake.output[0],
        )
