"""Look at every image of a data set once and list those that can be used.

Reads the images (and masks) where they lie, and the tables that come with them. Writes
manifest.csv, rejected.csv and boxes.csv. Promises that every image in the manifest is whole, has
contrast and a sensible size, that both classes have images, and that no content stands in both;
and that no identifier of a patient in a DICOM file, and nothing else of its header that tells who
it is, gets into a table, a message or the log.
"""

import functools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.errors import Unreadable, UserError
from cxr.ids import unique_ids
from cxr.images import describe, for_each, printable
from cxr.log import job_log, say
from cxr.quality import problems
from cxr.sources import CLASSES, list_boxes, list_images
from cxr.sources.headers import KNOWN, complete
from cxr.tables import write_table

FACTS = ["width", "height", "bit_depth", "sha256", "pixels", *KNOWN, "flags", "reason"]


def _look(row: Any, root: Path, min_size: int, key_file: Path) -> list[Any]:
    """FACTS of a row of `list_images`; no flags and the reason if it cannot be used."""
    found = _inspect(row, root, min_size, key_file)
    return [found.get(name, np.nan) for name in FACTS]  # less memory than the names each time


def _inspect(row: Any, root: Path, min_size: int, key_file: Path) -> dict[str, Any]:
    if row.reason:
        return {"flags": "", "reason": row.reason}
    mask = root / row.mask if row.mask else None
    try:
        facts = describe(root / row.path, mask, min_size)
    except Unreadable as error:
        return {"flags": "", "reason": str(error)}
    given = {name: getattr(row, name) for name in KNOWN}
    return facts | complete(given, facts["header"], facts["inverted"], key_file) | {"reason": ""}


def summary(usable: pd.DataFrame, rejected: int, left_out: int) -> str:
    """Return one line: images of each class, patients, and how many are not used or flagged."""
    counts = usable["class"].value_counts()
    known = usable.loc[usable["patient"] != "", "patient"]
    patients = f"{known.nunique():,} patients" if len(known) else "patients unknown"
    if 0 < len(known) < len(usable):
        patients += f" ({len(usable) - len(known):,} images without)"
    flags = Counter(flag for flags in usable["flags"] for flag in flags.split())
    flagged = f"{(usable['flags'] != '').sum():,} flagged"
    if flags:
        flagged += f" ({', '.join(f'{n:,} {flag}' for flag, n in sorted(flags.items()))})"
    return (
        f"{counts['effusion']:,} effusion, {counts['normal']:,} normal, {patients}, "
        f"{rejected:,} rejected, {left_out:,} left out by image.exclude, {flagged}"
    )


def manifest(
    dataset: dict[str, Any],
    name: str,
    folder: Path,
    root: Path,
    max_rejected: float,
    min_size: int,
    exclude: list[str],
    key_file: Path,
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
        exclude: flags of images that are left out.
        key_file: the key of pseudonyms, see `cxr.pseudonyms.load_key`; for DICOM files.
        threads: images looked at at a time.
        manifest_csv, rejected_csv, boxes_csv: the tables to write; see `schemas/`.

    Raises:
        UserError: the data set is not what the config says, too many images cannot be used, a
            class is empty, or the same content stands in both classes.
    """
    root = Path(root)
    images = list_images(name, dataset, Path(folder), root)
    look = functools.partial(_look, root=root, min_size=min_size, key_file=Path(key_file))
    found = for_each(look, images.itertuples(index=False), len(images), threads, "checked")
    facts = pd.DataFrame(found, columns=FACTS)
    images = images.drop(columns=["reason", *KNOWN]).join(facts)
    left_out = _leave_out(images, exclude)

    rejected = images[images["reason"] != ""]
    for path, row, reason in rejected[["path", "row", "reason"]].itertuples(index=False):
        print(f"rejected {f'row {row}, ' if row else ''}{printable(path)}: {reason}")
    if against := problems(images, left_out, max_rejected):
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
    say(f"{name}: {summary(usable, len(rejected) - left_out.sum(), left_out.sum())}")


def _leave_out(images: pd.DataFrame, exclude: list[str]) -> pd.Series:
    """Give flagged images a reason; return which they are, bool."""
    left_out = (
        images["flags"]
        .str.split()
        .map(lambda flags: not set(exclude).isdisjoint(flags))
        .astype(bool)
    )
    images.loc[left_out, "reason"] = "left out by image.exclude: " + images["flags"]
    return left_out


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
            exclude=snakemake.params.exclude,
            key_file=snakemake.params.key_file,
            threads=snakemake.threads,
            manifest_csv=snakemake.output.manifest,
            rejected_csv=snakemake.output.rejected,
            boxes_csv=snakemake.output.boxes,
        )
