"""Large files: their checksums, lines of progress, and a disk's errors in plain words.

The Snakefile imports this module through `cxr.acquired`: standard library only.
"""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from cxr.errors import UserError
from cxr.log import say

BLOCK = 1 << 20  # bytes read or written at a time


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def megabytes(count: int) -> str:
    """A number of bytes as people read it: 166.5 MB."""
    return f"{count / 1e6:,.1f} MB"


@contextlib.contextmanager
def explained_disk(path: Path) -> Iterator[None]:
    """Make a `UserError` of any `OSError`; `path` is named where the error names none."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or path} cannot be read or written: {error.strerror or error}. "
            "Check the free space and the permissions, then run again."
        ) from error


class Progress:
    """Say a line at each tenth, but not for less than 10 MB: a progress bar that suits a log.

    `total`, `update`, `reset` and `close` are what pooch calls; it sets `total` (0 if unknown)
    first, and counts whole chunks until it puts the sum right at the end.
    """

    def __init__(self, doing: str, total: int = 0):
        self.doing, self.total = doing, total
        self.done = self.said = 0

    def update(self, count: int) -> None:
        """Count some more bytes."""
        self.done += count
        step = max(self.total // 10, 10 * 10**6)
        if self.done // step == self.said // step:
            return
        self.said = self.done
        if self.total:
            percent = min(100, self.done * 100 // self.total)
            say(f"{self.doing}: {percent} % of {megabytes(self.total)}")
        else:
            say(f"{self.doing}: {megabytes(self.done)}")

    def reset(self) -> None:
        """Begin at nothing."""
        self.done = 0

    def close(self) -> None:
        """Nothing to put away."""
