"""Images that the user's own CSV lists, with path, label and whatever else it knows."""

import os
import re
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.log import say
from cxr.sources.common import CLASSES, KNOWN, below, frame
from cxr.tables import read_csv, require_columns

SUBSETS = ("train", "validation", "test", "")


def from_table(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    """The images that a table names; rows that cannot be used have the reason."""
    path = below(root, dataset["path"])
    table = read_csv(path, f"{key}.path")
    top = below(root, dataset["root"]) if dataset.get("root") else path.parent
    if not top.is_dir():
        raise UserError(f"{key}.root: there is no folder {top}. Mend the path.")
    images = frame(_mapped(key, dataset.get("columns") or {}, table, path))
    labels = {_plain(dataset[name]): label for name, label in CLASSES.items()}
    given = images["label"]
    images["label"] = given.map(lambda value: labels.get(_plain(value), ""))
    for name, label in CLASSES.items():
        if label not in set(images["label"]):
            values = ", ".join(repr(value) for value in sorted(set(given))[:8]) or "none"
            raise UserError(
                f"{key}.{name}: no row of {path} has the label {dataset[name]!r}. "
                f"Labels in it: {values}."
            )
    wrong = images["label"] == ""
    allowed = f"neither {dataset['effusion']!r} nor {dataset['normal']!r}"
    images.loc[wrong, "reason"] = [f"the label {value!r} is {allowed}" for value in given[wrong]]
    if others := sorted(set(images["subset"]) - set(SUBSETS)):
        raise UserError(
            f"{key}.columns.subset: {path} holds the subset {others[0]!r}. "
            f"Allowed: {', '.join(SUBSETS[:-1])}."
        )
    nameless = images["path"] == ""
    images["path"] = [os.path.normpath(top / name if name else path) for name in images["path"]]
    images.loc[images["path"].duplicated(), "reason"] = "listed more than once"
    unclear = images.groupby("path")["label"].transform("nunique") > 1
    images.loc[unclear, "reason"] = "listed with different labels"
    images.loc[nameless, "reason"] = [
        f"row {row + 2} has no path" for row in images.index[nameless]
    ]
    images["mask"] = [str(top / name) if name else "" for name in images["mask"]]
    return images


def _mapped(key: str, names: dict[str, str | None], table: pd.DataFrame, path: Path):
    """The user's columns under our names; a column that is not named may bear our name."""
    picked = {}
    for ours in ("path", "label", *KNOWN):
        theirs = names.get(ours) or ours
        if names.get(ours) or ours in ("path", "label"):
            require_columns(table, [theirs], f"{key}.columns.{ours}: {path}")
        if theirs in table:
            picked[ours] = table[theirs].str.strip()
    found = ", ".join(ours for ours in picked if ours in KNOWN) or "nothing"
    say(f"{path}: {len(table):,} rows; besides path and label it gives {found}")
    return pd.DataFrame(picked)


def _plain(value: Any) -> str:
    """A label as text in which 1, "1" and " 1.0" are the same."""
    text = str(value).strip()
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", text)
