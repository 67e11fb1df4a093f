"""Opening the arrays that other jobs wrote."""

from pathlib import Path

import numpy as np

from cxr.errors import UserError


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
