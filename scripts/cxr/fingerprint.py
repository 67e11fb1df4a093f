"""Has anything in a folder changed? A digest of names, sizes and times.

Snakemake looks at a folder's own time, which an image added in a sub-folder leaves alone. Rules
take this digest as a parameter instead. Standard library only: the Snakefile imports it.
"""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from cxr.listing import named_file, open_table


def files_below(folder: str | Path) -> Iterator[str]:
    """Yield the path of each file below `folder`, in no particular order.

    Hidden files and folders are left out, links are followed, and a folder that links lead back
    to is visited once. A folder that is missing yields nothing; one that must not be read raises
    `OSError`.
    """
    pending, seen = [os.fspath(folder)], set()
    while pending:
        current = pending.pop()
        place = os.path.realpath(current)
        if place in seen:
            continue
        seen.add(place)
        try:
            entries = list(os.scandir(current))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                pending.append(entry.path)
            else:
                yield entry.path


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself: a file, which the manifest stage rejects
        return False


def fingerprint(paths: str | Path | Iterable[str | Path]) -> str:
    """Return a digest (32 hexadecimal digits) of all files at or below `paths`.

    It changes when a file is added, removed, renamed or written to (path, size or modification
    time in ns). What is missing has a digest too, so that its arrival is a change.
    """
    if isinstance(paths, str | Path):
        paths = [paths]
    digest = hashlib.blake2b(digest_size=16)
    for top in sorted(map(os.fspath, paths)):
        digest.update(b"\1" + os.fsencode(top))
        try:
            files = sorted(files_below(top)) if Path(top).is_dir() else [top]
        except OSError:
            files = [top]  # the manifest stage says which folder cannot be read
        for file in files:
            digest.update(b"\0" + os.fsencode(os.path.relpath(file, top)) + _state(file))
    return digest.hexdigest()


def _state(file: str) -> bytes:
    try:
        status = os.stat(file)  # noqa: PTH116 (a Path for each of 100,000 files takes seconds)
    except (OSError, ValueError):  # a NUL byte in a table's path is a ValueError
        return b"\0missing"
    return f"\0{status.st_size},{status.st_mtime_ns}".encode()


def watched(dataset: dict[str, Any]) -> list[str | Path]:
    """Return the user's files and folders that the manifest of a data set is made from.

    Data sets that pleura acquires itself have none: `cxr.acquired.changes` watches those.

    Args:
        dataset: the validated `datasets.<name>` of the config.
    """
    match dataset["source"]:
        case "folder":
            top = Path(dataset["path"]).expanduser()
            return [top / part for part in dataset["classes"].values()]
        case "table":
            return _listed(dataset)
        case "nih":
            keys = ("images", "labels", "boxes", "train_val_list", "test_list")
            return [Path(dataset[key]).expanduser() for key in keys if dataset.get(key)]
        case _:
            return []


def _listed(dataset: dict[str, Any]) -> list[str]:
    """The table itself and the images and masks it names: its folder may hold anything else."""
    table = Path(dataset["path"]).expanduser()
    root = Path(dataset.get("root") or table.parent).expanduser()
    columns = dataset.get("columns") or {}
    names = [columns.get(key) or key for key in ("path", "mask")]
    paths = {str(table)}
    try:
        with open_table(table, dataset.get("encoding")) as (text, separator):
            for row in csv.DictReader(text, delimiter=separator):
                cells = (row.get(name) for name in names)
                paths.update(named_file(root, cell.strip()) for cell in cells if cell)
    except (OSError, UnicodeError, csv.Error):
        pass  # the manifest stage says what is wrong with the table
    return sorted(paths)
