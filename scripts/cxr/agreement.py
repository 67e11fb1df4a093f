"""How far two saliency methods agree on where a network looks."""

import itertools

import numpy as np
import pandas as pd
from scipy import stats

from cxr import tables


def rank_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each map of one method with each of another.

    Args:
        first: float (n, side, side), none of them the same everywhere.
        second: float (m, side, side), likewise.

    Returns:
        float32 (n, m), -1 to 1.
    """
    one, other = (_standard_ranks(maps) for maps in (first, second))
    return np.clip(one @ other.T, -1, 1)


def _standard_ranks(maps: np.ndarray) -> np.ndarray:
    """Ranks of each map's pixels, ties averaged, of mean 0 and length 1: (n, pixels)."""
    ranks = stats.rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    return (ranks / np.linalg.norm(ranks, axis=1, keepdims=True)).astype(np.float32)


def agreement(maps: dict[str, np.ndarray], table: pd.DataFrame) -> pd.DataFrame:
    """Compare the maps of every two methods, image by image.

    Networks look at the middle of any chest, so the maps of different X-rays resemble each
    other, too. Two methods agree about an image only as far as their maps of it are more alike
    than their maps of different images.

    Args:
        maps: Each method's maps, float (n, side, side).
        table: maps.csv; the maps of a method stand in the order of `row`.

    Returns:
        agreement.csv: a row per image and pair of methods, with spearman, the correlation of the
        two maps, and others, the mean correlation of the first method's map of this image with
        the second's maps of the others. NaN where there is no map to compare.
    """
    rows = []
    for first, second in itertools.combinations(maps, 2):
        parts = [table[table["method"] == name].sort_values("row") for name in (first, second)]
        full = np.logical_and.reduce([(part["empty"] == 0).to_numpy() for part in parts])
        count, ids = full.sum(), parts[0]["id"].to_numpy()
        result = pd.DataFrame({"id": ids, "first": first, "second": second})
        result[["spearman", "others"]] = np.nan
        if count:
            found = rank_correlations(maps[first][full], maps[second][full])
            own = np.diagonal(found)
            result.loc[full, "spearman"] = own
            if count > 1:
                result.loc[full, "others"] = (found.sum(axis=1) - own) / (count - 1)
        rows.append(result)
    if not rows:
        return pd.DataFrame(columns=tables.columns("agreement"))
    return pd.concat(rows, ignore_index=True)


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Mean and 95 % interval by Student's t; NaN where there are too few values.

    Args:
        values: float (n,), without NaN.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, np.nan, np.nan
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return mean, float(mean - half), float(mean + half)


def summarise(pairs: pd.DataFrame) -> pd.DataFrame:
    """The mean agreement of each pair of methods, as agreement_summary.csv.

    The intervals are over images, and cut at -1 and 1. Those of `difference` take the images as
    independent, though each takes part in the level of the others: they are approximate.

    Args:
        pairs: agreement.csv, see `agreement`.
    """
    rows = []
    for (first, second), part in pairs.groupby(["first", "second"], sort=False):
        known = part.dropna(subset="spearman")
        beyond = (known["spearman"] - known["others"]).dropna()
        spearman, low, high = mean_interval(known["spearman"].to_numpy())
        difference, difference_low, difference_high = mean_interval(beyond.to_numpy())
        rows.append(
            {
                "first": first,
                "second": second,
                "n": len(known),
                "spearman": spearman,
                "low": max(low, -1.0),  # NaN stays NaN
                "high": min(high, 1.0),
                "others": known["others"].mean(),
                "difference": difference,
                "difference_low": difference_low,
                "difference_high": difference_high,
            }
        )
    return pd.DataFrame(rows, columns=tables.columns("agreement_summary"))
