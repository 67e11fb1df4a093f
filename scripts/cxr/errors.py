"""Exceptions: what a user can put right, a disk's errors made into it, a file that is no image."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}  # what it has no room for, or loses
_DISK |= {errno.EACCES, errno.EPERM, errno.EROFS}  # what may not be written
_DISK |= {errno.EEXIST, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}  # what stands in the way


class UserError(Exception):
    """Something the user can mend.

    The message says what is wrong, where (the file or the config key) and what to do. It is
    printed as it stands, without a traceback.
    """


class Unreadable(Exception):  # noqa: N818 (it reads better where it is raised)
    """A file that cannot be used as an image; `str()` gives the reason in a few words."""


@contextlib.contextmanager
def explained_disk(path: str | Path) -> Iterator[None]:
    """Make a `UserError` of what a disk does: full, read-only, forbidden, broken.

    `path` is named where the error names none. Other kinds of `OSError`, such as a file that is
    missing, pass: they are our mistakes.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise UserError(
            f"{error.filename or path} cannot be read or written: {error.strerror or error}. "
            "Check the free space and the permissions, then run again."
        ) from error
