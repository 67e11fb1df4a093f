"""The official NIH release (ChestX-ray14): its images, label table and finding boxes."""

import difflib
import os
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.log import say
from cxr.sources.common import CLASSES, below, frame, list_files
from cxr.tables import check_table, read_csv, require_columns

BOX_SIZE = 1024  # pixels a side of the images that the published boxes refer to


def from_nih(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    """The images with the positive or the negative finding that are there."""
    path, folder = below(root, dataset["labels"]), below(root, dataset["images"])
    table = read_csv(path, f"{key}.labels")
    needed = ["Image Index", "Finding Labels", "Patient ID", "Patient Age", "View Position"]
    sex = "Patient Sex" if "Patient Sex" in table else "Patient Gender"  # editions differ
    require_columns(table, [*needed, sex], f"{key}.labels: {path}")
    if not folder.is_dir():
        raise UserError(f"{key}.images: there is no folder {folder}. Mend the path.")
    files = {os.path.basename(file): file for file in list_files(f"{key}.images", folder)}  # noqa: PTH119
    images = table.rename(
        columns={"Patient ID": "patient", "Patient Age": "age", sex: "sex", "View Position": "view"}
    )
    images["path"] = images["Image Index"].map(files)
    images["label"] = _nih_labels(key, dataset, path, table["Finding Labels"])
    asked = images[images["label"] != ""]
    here = asked.dropna(subset="path")
    for name, which in (("effusion", "positive"), ("normal", "negative")):
        if CLASSES[name] not in set(here["label"]):
            raise UserError(
                f"{key}.images: none of the images of {path} with {dataset[which]!r} is in "
                f"{folder} (found {len(files):,} files). Unpack the images there."
            )
    say(
        f"{path}: {len(asked):,} of {len(table):,} images show {dataset['positive']} or "
        f"{dataset['negative']}; {len(here):,} of them are in {folder}, the rest are not used"
    )
    return frame(here[["path", "label", "patient", "age", "sex", "view"]])


def _nih_labels(key: str, dataset: dict[str, Any], path: Path, findings: pd.Series) -> pd.Series:
    """Label "1" where the positive finding is among others, "0" where the negative stands alone."""
    listed = findings.str.split("|").map(lambda names: [name.strip() for name in names])
    known = sorted({name for names in listed for name in names})
    for which in ("positive", "negative"):
        if dataset[which] not in known:
            near = difflib.get_close_matches(dataset[which], known, n=1)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise UserError(
                f"{key}.{which}: {path} knows no finding {dataset[which]!r}. {hint}"
                f"It knows: {', '.join(known[:20])}."
            )
    labels = [
        "1" if dataset["positive"] in names else "0" if names == [dataset["negative"]] else ""
        for names in listed
    ]
    return pd.Series(labels, index=findings.index)


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
