"""Images in a folder for each class: the phantom's, an archive's and the user's own."""

import difflib
import itertools
from pathlib import Path
from typing import Any

import pandas as pd

from cxr.errors import UserError
from cxr.image_files import is_image
from cxr.sources.common import CLASSES, KNOWN, below, frame, list_files
from cxr.tables import read_csv, require_columns


def from_phantom(key: str, folder: Path) -> pd.DataFrame:
    """The phantom's images in `folder`, with the facts of its labels.csv."""
    images = from_class_folders(key, dict(zip(CLASSES, CLASSES, strict=True)), folder)
    table = read_csv(folder / "labels.csv")
    require_columns(table, ["path", *KNOWN[:5]], str(folder / "labels.csv"))
    keys = table["path"].map(lambda path: str(folder / path))
    facts = table[KNOWN[:5]].set_axis(keys, axis="index")
    facts["mask"] = [str(folder / path) if path else "" for path in facts["mask"]]
    facts = facts.reindex(images["path"]).fillna("").reset_index(drop=True)
    return images.assign(**facts)


def from_folder(key: str, dataset: dict[str, Any], root: Path) -> pd.DataFrame:
    """The images in the user's own folders."""
    top = below(root, dataset["path"])
    if not top.is_dir():
        raise UserError(f"{key}.path: there is no folder {top}. Mend the path.")
    return from_class_folders(key, dataset["classes"], top)


def from_class_folders(key: str, classes: dict[str, str], top: Path) -> pd.DataFrame:
    """The images of each class in its folder below `top`; `classes` gives the folders' names."""
    rows = []
    for name, label in CLASSES.items():
        folder = top / classes[name]
        where = f"{key}.classes.{name}: {folder}"
        if not folder.is_dir():
            raise UserError(f"{where} is not a folder. {_folders_instead(classes[name], top)}")
        files = list_files(where, folder)
        usual = [is_image(path) for path in files]
        if not any(usual):
            raise UserError(
                f"{where} holds no image. Put images (PNG, JPEG, TIFF, BMP, DICOM) there, "
                "or name another folder."
            )
        rows += [
            (path, label, "") if image else (path, "", "not an image file")
            for path, image in zip(files, usual, strict=True)
        ]
    return frame(pd.DataFrame(rows, columns=["path", "label", "reason"], dtype=object))


def _folders_instead(wanted: str, top: Path) -> str:
    """What there is in place of a missing class folder."""
    if not top.is_dir():
        return f"{top} does not exist either."
    folders = (path for path in top.rglob("*") if path.is_dir())
    some = itertools.islice(folders, 1000)  # `top` may be /
    names = sorted(path.relative_to(top).as_posix() for path in some)
    if not names:
        return f"{top} has no folders; it needs one for each class."
    matches = [name for name in names if name.lower().split("/")[-1] == wanted.lower()]
    near = matches or difflib.get_close_matches(wanted, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return f"{hint}{top} has: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}."
