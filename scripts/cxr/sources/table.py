"""Images that the user's own table lists, with path, label and whatever else it knows."""

import re
import unicodedata
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.listing import named_file
from cxr.log import say
from cxr.sources.common import CLASSES, KNOWN, below, frame
from cxr.tables import read_csv, require_columns

SUBSETS = ("train", "validation", "test", "")


def from_table(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    """The images that a table names; rows that cannot be used have the reason."""
    path = below(root, dataset["path"])
    table = read_csv(path, f"{key}.path", dataset["encoding"])
    top = below(root, dataset["root"]) if dataset["root"] else path.parent
    if not top.is_dir():
        raise UserError(f"{key}.root: there is no folder {top}. Mend the path.")
    given = _mapped(key, dataset["columns"], table, path)
    images = frame(given)
    judged = [
        _label(*cells, dataset) for cells in zip(given["label"], given["normal"], strict=True)
    ]
    images[["label", "reason"]] = pd.DataFrame(judged, columns=["label", "reason"], dtype=object)
    for name, label in CLASSES.items():
        if label not in set(images["label"]):
            values = ", ".join(repr(value) for value in sorted(set(given["label"]))[:8]) or "none"
            raise UserError(
                f"{key}.{name}: no row of {path} has the label {dataset[name]!r}. "
                f"Labels in it: {values}."
            )
    if others := sorted(set(images["subset"]) - set(SUBSETS)):
        raise UserError(
            f"{key}.columns.subset: {path} holds the subset {others[0]!r}. "
            f"Allowed: {', '.join(SUBSETS[:-1])}."
        )
    nameless = images["path"] == ""
    images["path"] = [named_file(top, name) if name else str(path) for name in images["path"]]
    images.loc[images["path"].duplicated(), "reason"] = "listed more than once"
    unclear = images.groupby("path")["label"].transform("nunique") > 1
    images.loc[unclear, "reason"] = "listed with different labels"
    images.loc[nameless, "reason"] = "the row has no path"
    images["mask"] = [named_file(top, name) if name else "" for name in images["mask"]]
    return images


def _mapped(
    key: str, names: dict[str, str | None], table: pd.DataFrame, path: Path
) -> pd.DataFrame:
    """The user's columns under our names; a column that is not named may bear our name.

    `row` numbers the rows as a spreadsheet does; `normal` is None where no such column is named.
    """
    picked = {"row": (table.index + 2).astype(str), "normal": [None] * len(table)}
    for ours in ("path", "label", *KNOWN, "normal"):
        theirs = names.get(ours) or ours
        if names.get(ours) or ours in ("path", "label"):
            require_columns(table, [theirs], f"{key}.columns.{ours}: {path}")
        if theirs in table and (ours != "normal" or names.get(ours)):
            picked[ours] = table[theirs].str.strip()
    found = ", ".join(ours for ours in picked if ours in KNOWN) or "nothing"
    say(f"{path}: {len(table):,} rows; besides path and label it gives {found}")
    return pd.DataFrame(picked)


def _label(cell: str, normal: str | None, dataset: dict[str, Any]) -> tuple[str, str]:
    """The label that a row's cells mean; or "" and the reason why it is not used.

    Args:
        cell: the label or, separated by `label_separator`, the findings.
        normal: that of the column which says of normal images by 1 that they are; None without.
        dataset: with the keys effusion, normal and label_separator.
    """
    separator = dataset["label_separator"]
    names = [_plain(name) for name in (cell.split(separator) if separator else [cell])]
    effusion, none = _plain(dataset["effusion"]), _plain(dataset["normal"])
    shown = f"the label {cell!r}"
    is_effusion, says_normal, alone = effusion in names, none in names, names == [none]
    if normal is not None:
        says_normal, alone = _plain(normal) == "1", names in ([none], [""])
        shown += f" with {normal!r} in the column {dataset['columns']['normal']!r}"
    if is_effusion and says_normal:
        return "", f"{shown} is both effusion and normal"
    if is_effusion:
        return "1", ""
    if says_normal and alone:
        return "0", ""
    return "", f"{shown} is neither effusion nor normal"


def _plain(value: Any) -> str:
    """A label as text in which 1, "1" and " 1.0" are the same, and so is \u00e9 however written."""
    text = unicodedata.normalize("NFC", str(value).strip())
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", text)
