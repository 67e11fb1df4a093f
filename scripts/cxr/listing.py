"""A table in a text file, whoever wrote it: its encoding, its separator, the files it names.

Standard library only: the Snakefile imports this module.
"""

import codecs
import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

SEPARATORS = ",;\t|"
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@contextlib.contextmanager
def open_table(path: str | Path, encoding: str | None = None) -> Iterator[tuple[IO[str], str]]:
    """Open a table for a CSV reader: its text and its separator.

    The encoding is what the file's first bytes say (UTF-8 or UTF-16 with a byte order mark), or
    `encoding`, or UTF-8; it is never guessed. The separator is the one of `SEPARATORS` that stands
    most often in the header, outside quotes.

    Raises:
        OSError: the file cannot be opened.
        UnicodeError: the text is not of that encoding (found while reading, too), or `encoding`
            is given for a file that is Unicode without doubt.
    """
    path = Path(path)
    with path.open("rb") as file:
        start = file.read(3)
        marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
        if encoding and (marked or _is_utf8(start + file.read())):
            raise UnicodeError(f"Unicode, not {encoding}")
    with path.open(encoding=marked or encoding or "utf-8", newline="") as text:
        header = text.readline()
        if "\0" in header:  # UTF-16 without a mark, or no text at all
            raise UnicodeError("a NUL character")
        text.seek(0)
        yield text, max(SEPARATORS, key=re.sub('"[^"]*"', "", header).count)


def _is_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8 and more than ASCII: by chance, other text hardly ever is."""
    try:
        return not data.decode().isascii()
    except UnicodeDecodeError:
        return False


def named_file(root: str | Path, name: str) -> str:
    r"""Return the path of a file that a table names: absolute, or starting from `root`.

    A name with \ is taken for one of Windows if there is no such file.
    """
    path = os.path.join(root, name)  # noqa: PTH118 (fast for 100,000 rows)
    if "\\" in name and not os.path.lexists(path):
        path = os.path.join(root, name.replace("\\", "/"))  # noqa: PTH118
    return os.path.normpath(path)
