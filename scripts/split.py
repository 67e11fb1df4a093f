"""Divide the images into train, validation and test, or into the folds of a cross-validation.

Reads manifest.csv and, if the config names one, the user's own split file. Writes split.csv:
id and subset, with cross-validation also the fold that holds an image out and the folds in which
it validates. Every subset and fold holds both classes, and no patient stands in two of them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.errors import UserError
from cxr.folds import draw_folds, draw_validation, parts, subsets_in
from cxr.log import job_log, say
from cxr.metadata import one_each
from cxr.subsets import check_copies, check_subsets, divide_patients, draw_subsets, shorten
from cxr.together import split_groups


def fitted(ids: pd.Series, table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Put the rows of a given split in the order of the images.

    Args:
        ids: str (n,), the images.
        table: With the columns id and subset.
        source: What the message calls the table.

    Returns:
        The table's other columns, one row per image.

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
    return table.set_index("id").loc[ids].reset_index(drop=True)


def given_split(manifest: pd.DataFrame, file: Path | None) -> tuple[pd.DataFrame | None, str]:
    """The split that the user's file or the data set prescribes, and what messages call it."""
    if file:
        source = f"split.file: {file}"
        own = tables.check_table(tables.read_csv(file, "split.file"), "split", source)
        return fitted(manifest["id"], own, source), source
    if "subset" in manifest and (manifest["subset"] != "").any():
        source = "the subset column of the data set"
        return fitted(manifest["id"], manifest[manifest["subset"] != ""], source), source
    return None, "the drawn split"


def drawn_subsets(
    manifest: pd.DataFrame, test: float, validation: float, seed: int, stratify: bool
) -> np.ndarray:
    """Draw the subset of each image of the manifest, str (n,); see `cxr.subsets.draw_subsets`.

    Raises:
        UserError: There are too few images.
    """
    labels = manifest["label"].astype(int).to_numpy()
    patients, groups = manifest["patient"].to_numpy(), manifest["group"].to_numpy()
    try:
        return draw_subsets(labels, patients, test, validation, seed, stratify, groups)
    except ValueError as error:
        raise UserError(
            f"The {len(manifest)} images are too few to draw split.test {test} and "
            f"split.validation {validation} from them: {error}"
        ) from error


def with_validation(
    manifest: pd.DataFrame, subsets: np.ndarray, share: float, seed: int, stratify: bool
) -> np.ndarray:
    """Draw validation images for a given split that has none, from its training images.

    Args:
        manifest: The images, with label and group, which is kept together.
        subsets: str (n,), the given subset of each image.
        share: Of the training images, 0 to 1.
        seed, stratify: See `cxr.subsets.divide_patients`.

    Returns:
        str (n,): the same subsets, some train as validation.
    """
    rows = np.flatnonzero(subsets == "train")
    if not len(rows) or "validation" in subsets:
        return subsets
    labels = manifest["label"].astype(int).to_numpy()[rows]
    groups = one_each(manifest["group"].to_numpy()[rows])
    drawn = divide_patients(labels, groups, [1 - share, share], seed, stratify)
    subsets = subsets.copy()
    subsets[rows[drawn == 1]] = "validation"
    return subsets


def drawn_folds(
    manifest: pd.DataFrame,
    tested: np.ndarray,
    validation: float,
    seed: int,
    stratify: bool,
    folds: int,
    given: pd.Series | None,
) -> pd.DataFrame:
    """Divide what the test subset leaves into folds.

    Args:
        manifest: The images.
        tested: bool (n,), those of the test subset.
        validation, seed, stratify: See `cxr.folds.draw_validation`.
        folds: Number of folds.
        given: str (n,), the fold of each image by the user's file, if that says it.

    Returns:
        subset, fold and validates of each image.

    Raises:
        UserError: The folds given are not 1 to `folds`.
    """
    table = pd.DataFrame({"subset": np.where(tested, "test", "oof"), "fold": "", "validates": ""})
    rest = manifest[~tested]
    labels, groups = rest["label"].astype(int).to_numpy(), one_each(rest["group"].to_numpy())
    if given is None:
        fold = draw_folds(labels, groups, folds, seed, stratify)
    else:
        known = given[~tested].astype(str)
        if set(known) != {str(number) for number in range(1, folds + 1)}:
            raise UserError(
                f"split.file: its folds are {shorten(sorted(set(known)))}, those of split.folds "
                f"are 1 to {folds}. Make them agree."
            )
        fold = known.astype(int).to_numpy()
    table.loc[~tested, "fold"] = fold.astype(str)
    table.loc[~tested, "validates"] = draw_validation(
        labels, groups, fold, validation, seed, stratify
    )
    return table


def check_folds(
    manifest: pd.DataFrame, table: pd.DataFrame, folds: int, source: str, allow_leakage: bool
) -> None:
    """Refuse folds that lack a class, in what they hold out, train on or validate on.

    Raises:
        UserError: See `cxr.subsets.check_subsets`.
    """
    named = parts(table)
    check_subsets(manifest, named.to_numpy(), source, named.cat.categories, allow_leakage)
    columns = [table[name].to_numpy() for name in ("subset", "fold", "validates")]
    for number in range(1, folds + 1):
        used = subsets_in(*columns, number)
        where = f"{source}, fold {number}"
        check_subsets(manifest, used, where, sorted(set(used)), allow_leakage)


def split(
    manifest: Path,
    pairs: Path,
    output: Path,
    test: float,
    validation: float,
    seed: int,
    stratify: bool,
    folds: int | None = None,
    file: Path | None = None,
    together: str = "suspected",
    allow_leakage: bool = False,
) -> None:
    """Write split.csv.

    Args:
        manifest: manifest.csv; its column subset, if filled, is taken as the split. Where a given
            split has no validation images, they are drawn from its training images.
        pairs: pairs.csv.
        output: split.csv to write, in the manifest's order.
        test, validation, seed, stratify: See `cxr.subsets.draw_subsets`.
        folds: Number of folds of a cross-validation over all images but the test subset.
        file: The user's own split file, which goes before everything else.
        together: What a drawn split keeps together; see `cxr.together.split_groups`.
        allow_leakage: Let the split part patients and identical images.

    Raises:
        UserError: See `fitted`, `drawn_subsets`, `drawn_folds` and `cxr.subsets.check_subsets`,
            or the user's file holds something else than ids and subsets.
    """
    known = ["id", "label", "class", "patient", "subset"]
    table = tables.read_csv(manifest, columns=known)
    likely = tables.read_table(pairs, "pairs")
    images = table.assign(group=split_groups(table, likely, together))
    if together == "images":
        images["patient"] = ""
    given, source = given_split(table, file)
    if given is None and test == 0:
        subsets = np.full(len(table), "oof", dtype=object)
    elif given is None:
        subsets = drawn_subsets(images, test, validation, seed, stratify)
    else:
        subsets = given["subset"].to_numpy(dtype=object)
    if folds:
        own = given["fold"] if given is not None and "fold" in given else None
        drawn = drawn_folds(images, subsets == "test", validation, seed, stratify, folds, own)
        check_folds(table, drawn, folds, source, allow_leakage)
    elif "oof" in subsets:
        raise UserError(f"{source} is one of a cross-validation: set split.folds in the config.")
    else:
        subsets = with_validation(images, subsets, validation, seed, stratify)
        drawn = pd.DataFrame({"subset": subsets})
        check_subsets(table, subsets, source, allow_leakage=allow_leakage)
    if not allow_leakage:
        check_copies(likely, parts(drawn).set_axis(table["id"]), source)
    tables.write_table(table[["id"]].join(drawn), output, "split")
    named = parts(drawn)
    for part in named.cat.categories:
        images = table[(named == part).to_numpy()]
        say(f"{part}: {len(images)} images, {(images['class'] == 'effusion').sum()} with effusion")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        split(
            manifest=snakemake.input.manifest,
            pairs=snakemake.input.pairs,
            output=snakemake.output[0],
            file=snakemake.input.get("file"),
            test=snakemake.params.test,
            validation=snakemake.params.validation,
            seed=snakemake.params.seed,
            stratify=snakemake.params.stratify,
            folds=snakemake.params.folds,
            together=snakemake.params.together,
            allow_leakage=snakemake.params.allow_leakage,
        )
