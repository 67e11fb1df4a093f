"""Figures that are drawn from a table."""

import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import tables


def draw_table(
    write: Callable[[Path, Path, str], None], table: pd.DataFrame, folder: Path, name: str
) -> np.ndarray:
    """Write <name>.png by way of <name>.csv, without any warning; return its pixels."""
    path = folder / f"{name}.csv"
    tables.write_table(table, path, name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(path, path.with_suffix(".png"), "phantom: $ and _")
    assert not plt.get_fignums()
    return cv2.imread(str(path.with_suffix(".png")))
