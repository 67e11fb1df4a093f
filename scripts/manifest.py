"""Look at every image of a data set once and list those that can be used.

Reads the images (and masks) where they lie, and the tables that come with them. Writes
manifest.csv, rejected.csv and boxes.csv. Promises that every image in the manifest is whole, has
contrast and a sensible size, that both classes have images, and that no content stands in both.
"""

import functools
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.ids import unique_ids
from cxr.images import Unreadable, describe, for_each, printable
from cxr.log import job_log, say
from cxr.quality import problems
from cxr.sources import CLASSES, list_boxes, list_images
from cxr.tables import write_table

FACTS = ["width", "height", "bit_depth", "sha256", "pixels", "reason"]


def _look(row: Any, root: Path, min_size: int) -> dict[str, Any]:
    """FACTS of a row of `list_images`; only a reason if it cannot be used."""
    if row.reason:
        return {"reason": row.reason}
    mask = root / row.mask if row.mask else None
    try:
        return describe(root / row.path, mask, min_size) | {"reason": ""}
    except Unreadable as error:
        return {"reason": str(error)}


def summary(usable: pd.DataFrame, rejected: int) -> str:
    """Return one line: how many images of each class, of how many patients, how many rejected."""
    counts = usable["class"].value_counts()
    known = usable.loc[usable["patient"] != "", "patient"]
    patients = f"{known.nunique():,} patients" if len(known) else "patients unknown"
    if 0 < len(known) < len(usable):
        patients += f" ({len(usable) - len(known):,} images without)"
    return (
        f"{counts['effusion']:,} effusion, {counts['normal']:,} normal, {patients}, "
        f"{rejected:,} rejected"
    )


def manifest(
    dataset: dict[str, Any],
    name: str,
    folder: Path,
    root: Path,
    max_rejected: float,
    min_size: int,
    threads: int,
    manifest_csv: Path,
    rejected_csv: Path,
    boxes_csv: Path,
) -> None:
    """Write manifest.csv, rejected.csv and boxes.csv of one data set.

    Args:
        dataset: the validated `datasets.<name>` of the config, defaults filled in.
        name: its name.
        folder: `data/<name>`, where acquired images lie.
        root: the project's folder; paths below it are written relative to it.
        max_rejected: the largest share of unusable images of a class, 0 to 1.
        min_size: the shortest side of an image, in pixels.
        threads: images looked at at a time.
        manifest_csv, rejected_csv, boxes_csv: the tables to write; see `schemas/`.

    Raises:
        UserError: the data set is not what the config says, too many images cannot be used, a
            class is empty, or the same content stands in both classes.
    """
    root = Path(root)
    images = list_images(name, dataset, Path(folder), root)
    look = functools.partial(_look, root=root, min_size=min_size)
    rows = list(images.itertuples(index=False))
    facts = pd.DataFrame(for_each(look, rows, threads, "checked"), columns=FACTS)
    images = images.drop(columns="reason").join(facts)

    rejected = images[images["reason"] != ""]
    for path, row, reason in rejected[["path", "row", "reason"]].itertuples(index=False):
        print(f"rejected {f'row {row}, ' if row else ''}{printable(path)}: {reason}")
    if against := problems(images, max_rejected):
        raise UserError(f"datasets.{name}:\n" + "\n".join(against))

    usable = images[images["reason"] == ""].reset_index(drop=True)
    usable["class"] = usable["label"].map({label: name for name, label in CLASSES.items()})
    usable["id"] = unique_ids(usable["path"], usable["class"])
    usable = usable.astype(dict.fromkeys(["label", "width", "height", "bit_depth"], int))
    _say_copies(usable)
    write_table(list_boxes(name, dataset, root, usable), boxes_csv, "boxes")
    rejected = rejected.assign(path=rejected["path"].map(printable))
    write_table(rejected, rejected_csv, "rejected")
    write_table(usable, manifest_csv, "manifest")
    say(f"{name}: {summary(usable, len(rejected))}")


def _say_copies(usable: pd.DataFrame) -> None:
    copies = usable[usable["pixels"].duplicated()]
    if len(copies):
        originals = usable.drop_duplicates("pixels").set_index("pixels")["path"]
        say(f"exact copies of another image in their class, kept: {len(copies):,}, such as")
        say(f"  {copies['path'].iloc[0]} = {originals[copies['pixels'].iloc[0]]}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        manifest(
            dataset=snakemake.params.dataset,
            name=snakemake.wildcards.dataset,
            folder=snakemake.params.folder,
            root=Path.cwd(),
            max_rejected=snakemake.params.max_rejected,
            min_size=snakemake.params.min_size,
            threads=snakemake.threads,
            manifest_csv=snakemake.output.manifest,
            rejected_csv=snakemake.output.rejected,
            boxes_csv=snakemake.output.boxes,
        )
