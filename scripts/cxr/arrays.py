"""Arrays in files, mapped into memory: they need not fit in it."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

from cxr.errors import UserError
from cxr.files import megabytes


def open_array(path: str | Path) -> np.memmap:
    """Open an .npy file to be read from disk as it is used; it cannot be changed.

    Raises:
        UserError: the file is damaged or no array of numbers. Nothing in it is ever run: arrays of
            Python objects, which need pickle, are refused.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(
            f"{path} is damaged or no array of numbers. Delete it and run again: it is made anew."
        ) from error


def create_array(path: str | Path, rows: int, size: int) -> np.memmap:
    """Create a float32 .npy file of shape (rows, size, size), mapped into memory for writing.

    Raises:
        UserError: the disk has no room for it.
    """
    shape = (rows, size, size)
    _check_room(path, shape, Path(path).parent, "Make room, or set a smaller image.size.")
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)


def scratch_array(shape: tuple[int, ...], folder: str | Path | None = None) -> np.ndarray:
    """Create a float32 array of zeros in a file without a name, which is gone with the array.

    Args:
        shape: Of the array.
        folder: On whose disk the file is; by default the system's for temporary files.

    Raises:
        UserError: the disk has no room for it.
    """
    folder = folder or tempfile.gettempdir()
    _check_room("A temporary file", shape, folder, "Make room.")
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))


def _check_room(name: str | Path, shape: tuple[int, ...], folder: str | Path, advice: str) -> None:
    """See that a disk has room: a full one would kill the process with a bus error, wordlessly."""
    needed, free = 4 * int(np.prod(shape)), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{name} needs {megabytes(needed)} and the disk of {folder} has "
            f"{megabytes(free)} left. {advice}"
        )
