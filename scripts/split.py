"""Divide the images into train, validation and test.

Reads manifest.csv and, if the config names one, the user's own split file. Writes split.csv:
id, subset. Every subset holds both classes, and no patient stands in two subsets.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.errors import UserError
from cxr.log import job_log, say
from cxr.subsets import SUBSETS, check_subsets, draw_subsets, shorten


def given_subsets(ids: pd.Series, table: pd.DataFrame, source: str) -> np.ndarray:
    """Take each image's subset from a table that gives it.

    Args:
        ids: str (n,), the images.
        table: With the columns id and subset.
        source: What the message calls the table.

    Returns:
        str (n,), the subset of each image.

    Raises:
        UserError: An id is unknown, missing or named twice.
    """
    problems = {
        "ids named twice": table.loc[table["id"].duplicated(), "id"].unique(),
        "ids that manifest.csv lacks": table.loc[~table["id"].isin(ids), "id"].unique(),
        "images without a subset": ids[~ids.isin(table["id"])],
    }
    lines = [f"{what}: {shorten(list(found))}" for what, found in problems.items() if len(found)]
    if lines:
        raise UserError(
            "\n  ".join([f"{source} does not fit the images:", *lines])
            + "\nCorrect the table; the ids stand in manifest.csv."
        )
    return table.set_index("id")["subset"].loc[ids].to_numpy(dtype=object)


def drawn_subsets(
    manifest: pd.DataFrame, test: float, validation: float, seed: int, stratify: bool
) -> np.ndarray:
    """Draw the subset of each image of the manifest, str (n,); see `cxr.subsets.draw_subsets`.

    Raises:
        UserError: There are too few images.
    """
    labels = manifest["label"].astype(int).to_numpy()
    patients = manifest["patient"].to_numpy()
    try:
        return draw_subsets(labels, patients, test, validation, seed, stratify)
    except ValueError as error:
        raise UserError(
            f"The {len(manifest)} images are too few to draw split.test {test} and "
            f"split.validation {validation} from them: {error}"
        ) from error


def split(
    manifest: Path,
    output: Path,
    test: float,
    validation: float,
    seed: int,
    stratify: bool,
    file: Path | None = None,
) -> None:
    """Write split.csv.

    Args:
        manifest: manifest.csv; its column subset, if filled, is taken as the split.
        output: split.csv to write: id, subset, in the manifest's order.
        test, validation, seed, stratify: See `cxr.subsets.draw_subsets`.
        file: The user's own split file, which goes before everything else.

    Raises:
        UserError: See `given_subsets`, `drawn_subsets` and `cxr.subsets.check_subsets`, or the
            user's file holds something else than ids and subsets.
    """
    table = tables.read_csv(manifest)
    if file:
        source = f"split.file: {file}"
        own = tables.check_table(tables.read_csv(file, "split.file"), "split", source)
        subsets = given_subsets(table["id"], own, source)
    elif "subset" in table and (table["subset"] != "").any():
        source = "the subset column of the data set"
        subsets = given_subsets(table["id"], table[table["subset"] != ""], source)
    else:
        source = "the drawn split"
        subsets = drawn_subsets(table, test, validation, seed, stratify)
    check_subsets(table, subsets, source)
    tables.write_table(table.assign(subset=subsets), output, "split")
    for subset in SUBSETS:
        part = table[subsets == subset]
        effusions = (part["class"] == "effusion").sum()
        say(f"{subset}: {len(part)} images, {effusions} with effusion")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        split(
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            file=snakemake.input.get("file"),
            test=snakemake.params.test,
            validation=snakemake.params.validation,
            seed=snakemake.params.seed,
            stratify=snakemake.params.stratify,
        )
