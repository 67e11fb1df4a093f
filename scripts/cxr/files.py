"""Files and folders that a job makes: checksums, lines of progress.

The Snakefile imports this module through `cxr.acquired`: standard library only.
"""

import hashlib
import shutil
from pathlib import Path

from cxr.log import say

BLOCK = 1 << 20  # bytes read or written at a time


def sha256_of(path: Path) -> str:
    """The checksum of a file's content, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def megabytes(count: int) -> str:
    """A number of bytes as people read it: 166.5 MB."""
    return f"{count / 1e6:,.1f} MB"


def empty_folder(path: Path) -> Path:
    """Make a folder for a job's output, without what a killed run's job left in it meanwhile."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


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
