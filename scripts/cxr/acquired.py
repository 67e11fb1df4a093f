"""What pleura placed in data/<dataset>/, and how it is replaced without touching a user's file.

An acquired folder holds the images and two files of pleura's own: `files.csv`, one row
`path,size,mtime_ns,sha256` per file (sorted; bytes, nanoseconds), and `acquired.json`, where the
images come from. A file that does not match its row in `files.csv` is the user's.

The Snakefile imports this module: it uses nothing but the standard library.
"""

import contextlib
import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cxr.errors import UserError, explained_disk
from cxr.files import sha256_of

LISTING = "files.csv"
RECORD = "acquired.json"
LITTER = {".DS_Store", "Thumbs.db", "desktop.ini"}  # left behind by looking at a folder


class _Row(NamedTuple):
    size: int
    mtime_ns: int
    sha256: str


_HEADER = ["path", *_Row._fields]


def changes(folder: str | Path) -> str:
    """What users did to an acquired folder: "" for nothing, else a digest that changes with it.

    Compares paths, sizes and modification times with `files.csv`, reading no image (100,000 files
    take about a second). A folder that does not exist yet counts as unchanged, so that the answer
    is the same before and after the folder is acquired.
    """
    folder = Path(folder)
    found = _found(folder)
    listed = {path: (row.size, row.mtime_ns) for path, row in _listed(folder).items()}
    if found == listed:
        return ""
    return hashlib.sha256(json.dumps(sorted(found.items())).encode()).hexdigest()[:16]


@contextlib.contextmanager
def staging(folder: str | Path) -> Iterator[Path]:
    """An empty folder beside `folder`, on the same disk, in which to prepare its new contents.

    What a killed run left there is removed first, and what is left at the end too. Raises
    `UserError` if `folder` holds files of the user's, or if the disk is full or read-only.
    """
    folder = Path(folder).resolve()
    place = _beside(folder, "partial")
    try:
        with explained_disk(folder):
            refuse_user_files(folder)
            _remove(place)
            place.mkdir(parents=True)
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def replace(folder: str | Path, staging: Path, record: dict) -> None:
    """Make `staging` the new `folder`, with `files.csv` and `acquired.json` in it.

    `record` and the number of files become `acquired.json`. The new folder appears in one step:
    whenever the process is killed, `acquired.json` stands beside all the files or not at all.
    Raises `UserError`, changing nothing, if `folder` holds files of the user's.
    """
    folder = Path(folder).resolve()
    refuse_user_files(folder)
    rows = {path: (*facts, sha256_of(staging / path)) for path, facts in _found(staging).items()}
    with (staging / LISTING).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_HEADER)
        writer.writerows((path, *rows[path]) for path in sorted(rows))
    text = json.dumps({**record, "files": len(rows)}, indent=2, ensure_ascii=False)
    (staging / RECORD).write_text(text + "\n", encoding="utf-8")

    old = _beside(folder, "old")
    _remove(old)
    if folder.exists():
        folder.rename(old)
    staging.rename(folder)
    _remove(old)


def refuse_user_files(folder: str | Path) -> None:
    """Raise `UserError` if `folder` holds a file that pleura did not put there as it is now."""
    folder = Path(folder)
    listed = _listed(folder)
    strangers = [
        path
        for path, facts in sorted(_found(folder).items())
        if not _is_listed(folder / path, facts, listed.get(path))
    ]
    if strangers:
        some = " and ".join(strangers[:2]) + (", ..." if len(strangers) > 2 else "")
        raise UserError(
            f"{_shown(folder)} has to be written anew, but pleura did not put all of its files "
            f"there: {some} ({len(strangers)} of {len(_found(folder))} files). Nothing was "
            "deleted. Move your files away (or remove the folder), or give your images a data set "
            "of their own with `source: folder`."
        )


def _is_listed(path: Path, facts: tuple[int, int], row: _Row | None) -> bool:
    """Whether a file is the one that was listed; a copy of the tree has new times, same bytes."""
    if row is None or facts[0] != row.size:
        return False
    return facts[1] == row.mtime_ns or (path.is_file() and sha256_of(path) == row.sha256)


def _found(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and modification time of each file below `folder`, but for pleura's own and litter."""
    found = {}
    pending = [("", str(folder))] if folder.is_dir() else []
    while pending:
        prefix, place = pending.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((path + "/", entry.path))
                elif path not in (LISTING, RECORD) and entry.name not in LITTER:
                    facts = entry.stat(follow_symlinks=False)
                    found[path] = facts.st_size, facts.st_mtime_ns
    return found


def _listed(folder: Path) -> dict[str, _Row]:
    """The rows of `files.csv` by path; none where it is missing or no longer what pleura wrote."""
    try:
        with (folder / LISTING).open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            if next(rows, None) != _HEADER:
                return {}
            return {path: _Row(int(size), int(mtime), sha256) for path, size, mtime, sha256 in rows}
    except (OSError, ValueError, csv.Error):
        return {}


def _beside(folder: Path, what: str) -> Path:
    return folder.with_name(f".{folder.name}.{what}")


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _shown(path: Path) -> str:
    """The path as a user of the project's root knows it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
