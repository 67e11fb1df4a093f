"""The official NIH release (ChestX-ray14): its images, label table, lists and finding boxes."""

import difflib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cxr.errors import UserError
from cxr.log import say
from cxr.sources.common import CLASSES, below, frame, list_files
from cxr.tables import check_table, read_csv, require_columns

BOX_SIZE = 1024  # pixels a side of the images that the published boxes refer to
LISTS = {"train_val_list": "train", "test_list": "test"}
FINDINGS = dict(zip(CLASSES, ("positive", "negative"), strict=True))


def from_nih(key: str, dataset: dict[str, Any], folder: Path, root: Path) -> pd.DataFrame:
    """The images that the config asks for and that are there; says why the others are left out."""
    path = below(root, dataset["labels"])
    top = below(root, dataset["images"]) if dataset["images"] else folder
    table = _read_labels(key, path)
    images = frame(
        pd.DataFrame(
            {
                "path": table["Image Index"].map(_files_by_name(key, top)).fillna(""),
                "label": _labels(key, dataset, path, table["Finding Labels"]),
                "patient": table["Patient ID"],
                "age": table["Patient Age"],
                "sex": table["Patient Sex"],
                "view": table["View Position"],
                "subset": _subsets(key, dataset, root, table["Image Index"]),
            }
        )
    )
    reasons = _reasons(dataset, images, top)
    _refuse_too_few(key, dataset, images[reasons == ""], _account(path, reasons))
    reasons[_not_drawn(dataset, images[reasons == ""], table["Image Index"])] = "not drawn"
    say(_account(path, reasons))
    return images[reasons == ""].reset_index(drop=True)


def _read_labels(key: str, path: Path) -> pd.DataFrame:
    """The table of either edition, one row per image."""
    table = read_csv(path, f"{key}.labels")
    table = table.rename(columns={"Patient Gender": "Patient Sex"})  # as of 2017
    needed = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "Patient Sex"]
    require_columns(table, [*needed, "View Position"], f"{key}.labels: {path}")
    twice = table.loc[table["Image Index"].duplicated(), "Image Index"]
    if len(twice):
        raise UserError(
            f"{key}.labels: {path} lists {len(twice):,} images more than once, such as "
            f"{twice.iloc[0]}. Give the table as it was published."
        )
    return table


def _files_by_name(key: str, top: Path) -> dict[str, str]:
    """The path of each image below a folder, `images_001/images/...` or any other, by its name."""
    if not top.is_dir():
        raise UserError(f"{key}.images: there is no folder {top}. Mend the path.")
    files = {}
    for file in list_files(f"{key}.images", top):
        name = os.path.basename(file)  # noqa: PTH119 (fast for 100,000 paths)
        if name.endswith(".png") and files.setdefault(name, file) != file:
            raise UserError(
                f"{key}.images: {name} is there twice: {files[name]} and {file}. "
                "Name a folder that holds each image once."
            )
    return files


def _labels(key: str, dataset: dict[str, Any], path: Path, findings: pd.Series) -> list[str]:
    """Label "1" where a positive finding is among others, "0" where the negative stands alone."""
    listed = [[name.strip() for name in names.split("|")] for names in findings]
    known = sorted({name for names in listed for name in names})
    for which in FINDINGS.values():
        for finding in _as_list(dataset[which]):
            if finding not in known:
                near = difflib.get_close_matches(finding, known, n=1)
                hint = f"Did you mean {near[0]!r}? " if near else ""
                raise UserError(
                    f"{key}.{which}: {path} knows no finding {finding!r}. {hint}"
                    f"It knows: {', '.join(known[:20])}."
                )
    positive, negative = set(_as_list(dataset["positive"])), [dataset["negative"]]
    return ["1" if positive & set(names) else "0" if names == negative else "" for names in listed]


def _as_list(findings: str | list[str]) -> list[str]:
    return [findings] if isinstance(findings, str) else findings


def _subsets(key: str, dataset: dict[str, Any], root: Path, names: pd.Series) -> pd.Series:
    """The subset of each image by the official lists; "" without them, and where both lack it."""
    subsets = pd.Series("", index=names.index)
    for which, subset in LISTS.items():
        if not dataset[which]:
            continue
        path = below(root, dataset[which])
        table = read_csv(path, f"{key}.{which}")  # it has no header
        listed = names.isin([table.columns[0], *table.iloc[:, 0]])
        if not listed.any():
            raise UserError(f"{key}.{which}: {path} names no image of the label table.")
        if both := sorted(names[listed & (subsets != "")]):
            raise UserError(
                f"{key}.{which}: {path} names {len(both):,} images that the other list has too, "
                f"such as {both[0]}. Give the lists as they were published."
            )
        subsets[listed] = subset
    return subsets


def _reasons(dataset: dict[str, Any], images: pd.DataFrame, top: Path) -> pd.Series:
    """Why each row is left out, the first reason that holds; "" for those that stay."""
    age, youngest = pd.to_numeric(images["age"]), dataset["min_age"] or 0
    rules = {
        "with other findings": images["label"] == "",
        "of unknown age": age.isna() & (youngest > 0),
        f"younger than {youngest}": age < youngest,
        f"of another view than {' or '.join(dataset['views'])}": ~images["view"].isin(
            dataset["views"]
        ),
        "in neither list": (images["subset"] == "") & (dataset["test_list"] is not None),
        f"whose image is not in {top}": images["path"] == "",
    }
    reasons = pd.Series("", index=images.index)
    for reason, rows in rules.items():
        reasons[rows & (reasons == "")] = reason
    return reasons


def _account(path: Path, reasons: pd.Series) -> str:
    """How many rows are used and how many left out, by reason."""
    counts = reasons.value_counts()
    lines = [f"{path}: {counts.get('', 0):,} of {len(reasons):,} rows are used; the others are"]
    lines += [f"  {counts[reason]:,} {reason}" for reason in counts.index if reason]
    return "\n".join(lines)


def _refuse_too_few(key: str, dataset: dict[str, Any], images: pd.DataFrame, account: str) -> None:
    """Refuse a class without images, or with fewer than have to be drawn."""
    wanted = dataset["per_class"] or 1
    for name, which in FINDINGS.items():
        found = (images["label"] == CLASSES[name]).sum()
        if found < wanted:
            where = f"{key}.per_class" if found else f"{key}.{which}"
            finding = " or ".join(_as_list(dataset[which]))
            raise UserError(
                f"{where}: {found:,} images with {finding} are left, {wanted:,} are asked for.\n"
                f"{account}\nUnpack more of the images, leave out fewer, or ask for fewer."
            )


def _not_drawn(dataset: dict[str, Any], images: pd.DataFrame, names: pd.Series) -> pd.Index:
    """The rows beyond `per_class` of each class, or beyond the smaller class if `balanced`.

    They do not depend on the order of the table, and a larger `per_class` keeps all of a smaller.
    """
    size = dataset["per_class"]
    if dataset["balanced"] and size is None:
        size = images["label"].value_counts().min()
    left = []
    for label in CLASSES.values() if size else ():
        rows = names[images.index[images["label"] == label]].sort_values().index
        order = np.random.default_rng([dataset["seed"], int(label)]).permutation(len(rows))
        left.extend(rows[order[size:]])
    return pd.Index(left)


def list_boxes(name: str, dataset: dict[str, Any], root: Path, images: pd.DataFrame):
    """Return the boxes that a data set brings for its images, with the columns of boxes.csv.

    Args:
        images: the manifest; its columns id and path are used.

    Raises:
        UserError: the table of boxes cannot be read or is not the NIH's.
    """
    columns = ["id", "finding", "x", "y", "w", "h", "reference_width", "reference_height"]
    if not dataset.get("boxes"):
        return pd.DataFrame(columns=columns)
    path = below(root, dataset["boxes"])
    key = f"datasets.{name}.boxes"
    table = read_csv(path, key)
    if len(table.columns) < 6:
        raise UserError(f"{key}: {path} has fewer than six columns. Give BBox_List_2017.csv.")
    require_columns(table, ["Image Index", "Finding Label"], f"{key}: {path}")
    # the published header, "Bbox [x,y,w,h]", is one name in four cells
    table = table.iloc[:, :6].set_axis(["name", *columns[1:6]], axis="columns")
    ids = {Path(path).name: image for image, path in zip(images["id"], images["path"], strict=True)}
    table["id"] = table["name"].map(ids)
    table = table.dropna(subset="id").drop(columns="name")
    table = table.assign(reference_width=BOX_SIZE, reference_height=BOX_SIZE)
    return check_table(table[columns].reset_index(drop=True), "boxes", f"{key}: {path}")
