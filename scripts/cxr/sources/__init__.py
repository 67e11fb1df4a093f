"""Which images a data set has, and what is known of each.

One module per kind of source: `folders` (also the phantom's and an archive's), `table` and `nih`.
`common` holds what they share.
"""

import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.images import UNSAFE, natural, printable
from cxr.sources.common import CLASSES
from cxr.sources.folders import from_class_folders, from_folder, from_phantom
from cxr.sources.nih import from_nih, list_boxes
from cxr.sources.table import from_table

__all__ = ["CLASSES", "list_boxes", "list_images"]


def list_images(name: str, dataset: dict[str, Any], folder: Path, root: Path) -> pd.DataFrame:
    """Return what a data set holds, one row per file, decoding none.

    Args:
        name: the data set's name in the config, for messages.
        dataset: the validated `datasets.<name>`, defaults filled in.
        folder: `data/<name>`, where acquired images lie.
        root: the project's folder.

    Returns:
        Columns path (relative to `root` if below it), label ("1" effusion, "0" normal), patient,
        age (years), sex (M, F, O), view, mask (a path), subset, row (of the data set's table,
        whose header is row 1) and reason, all strings, empty where unknown; effusions first, then
        natural order of path. A file with a reason cannot be used; one without a label does not
        belong to the data set's images.

    Raises:
        UserError: a file, folder or column is missing, or a class has no images.
    """
    key = f"datasets.{name}"
    match dataset["source"]:
        case "phantom":
            images = from_phantom(key, folder)
        case "archive":
            images = from_class_folders(key, dataset["classes"], folder)
        case "folder":
            images = from_folder(key, dataset, root)
        case "table":
            images = from_table(key, dataset, root)
        case "nih":
            images = from_nih(key, dataset, folder, root)
        case other:
            raise ValueError(f"{key}: unknown source {other!r}")
    if dataset.get("patient_pattern"):
        images = _with_patients_of_names(key, dataset["patient_pattern"], images)
    for column in ("path", "mask"):
        images[column] = [_shown(path, root) for path in images[column]]
    for column in ("patient", "view", "mask"):
        unsafe = images[column].str.contains(UNSAFE)
        images.loc[unsafe, "reason"] = f"its {column} holds a control character"
    unsafe = images["path"].str.contains(UNSAFE)
    images.loc[unsafe, "reason"] = "its name is not UTF-8 or holds a control character: rename it"
    keys = [
        (label != "1", natural(path))
        for label, path in zip(images["label"], images["path"], strict=True)
    ]
    order = sorted(range(len(images)), key=keys.__getitem__)
    return images.iloc[order].reset_index(drop=True)


def _with_patients_of_names(key: str, pattern: str, images: pd.DataFrame) -> pd.DataFrame:
    """Fill in patients from file names, or from paths for a pattern with a /.

    A name that does not fit would hide a patient.
    """
    where = f"{key}.patient_pattern"
    try:
        search = re.compile(pattern).search
    except re.error as error:
        raise UserError(f"{where}: {pattern!r} is no regular expression ({error}).") from error
    if re.compile(pattern).groups != 1:
        raise UserError(f"{where}: {pattern!r} needs one group in brackets: the patient.")
    asked = (images["label"] != "") & (images["reason"] == "") & (images["patient"] == "")
    what, names = "paths", images["path"][asked]
    if "/" not in pattern:
        what, names = "file names", names.map(os.path.basename)
    found = {name: search(name) for name in names}
    unfit = [name for name, match in found.items() if not (match and match[1])]
    if unfit:
        raise UserError(
            f"{where}: {pattern!r} finds no patient in {len(unfit):,} of {len(found):,} {what}, "
            f"such as {printable(unfit[0])}. Widen the pattern."
        )
    images.loc[asked, "patient"] = [found[name][1] for name in names]
    return images


def _shown(path: str, root: Path) -> str:
    """A path relative to the project's root if it lies below, else absolute."""
    if not path:
        return path
    path, top = os.path.abspath(path), os.path.abspath(root)  # noqa: PTH100 (keeps links)
    return os.path.relpath(path, top) if path.startswith(top + os.sep) else path
