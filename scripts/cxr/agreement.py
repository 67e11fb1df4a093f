"""How far two saliency methods agree on where a network looks."""

import itertools

import numpy as np
import pandas as pd

from cxr import tables
from cxr.means import mean_interval
from cxr.similarity import comparable, ssim, standard_ranks


def compare_maps(
    first: np.ndarray, second: np.ndarray, rows: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Correlate the maps of two methods, one image after the other.

    Sums are taken by NumPy, not by BLAS, whose bits depend on its threads.

    Args:
        first: One method's maps, float (N, side, side).
        second: Another one's, likewise.
        rows: int (n,), the rows to compare: none of them is empty.
        targets: (n,), the class that their maps show.

    Returns:
        float64 (n,) each, -1 to 1: the correlation of the two maps of an image, and the mean
        correlation of its first map with the second maps of the other images with the same
        target; NaN where there are none.
    """
    totals, counts = {}, {}
    for row, target in zip(rows, targets, strict=True):
        totals[target] = totals.get(target, 0.0) + standard_ranks(second[row])
        counts[target] = counts.get(target, 0) + 1
    own, others = np.empty(len(rows)), np.full(len(rows), np.nan)
    for place, (row, target) in enumerate(zip(rows, targets, strict=True)):
        ranks = standard_ranks(first[row])
        own[place] = (ranks * standard_ranks(second[row])).sum()
        if counts[target] > 1:
            total = (ranks * totals[target]).sum()
            others[place] = (total - own[place]) / (counts[target] - 1)
    return np.clip(own, -1, 1), np.clip(others, -1, 1)


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
        two maps, others, the mean correlation of the first method's map of this image with
        the second's maps of the other images with the same target, and ssim, the structural
        similarity of the two maps; all of them at the size of `cxr.similarity.comparable`. NaN
        where there is no map to compare.
    """
    small = {name: np.stack([comparable(cam) for cam in cams]) for name, cams in maps.items()}
    rows = []
    for first, second in itertools.combinations(maps, 2):
        parts = [table[table["method"] == name].sort_values("row") for name in (first, second)]
        full = np.logical_and.reduce([(part["empty"] == 0).to_numpy() for part in parts])
        known = parts[0][full]
        result = pd.DataFrame({"id": parts[0]["id"].to_numpy(), "first": first, "second": second})
        one, other = small[first], small[second]
        own, others = compare_maps(one, other, known["row"], known["target"])
        alike = [ssim(one[row], other[row]) for row in known["row"]]
        result.loc[full, ["spearman", "others", "ssim"]] = np.transpose([own, others, alike])
        rows.append(result)
    if not rows:
        return pd.DataFrame(columns=tables.columns("agreement"))
    return pd.concat(rows, ignore_index=True)


def summarise(pairs: pd.DataFrame) -> pd.DataFrame:
    """The mean agreement of each pair of methods, as agreement_summary.csv.

    The intervals are over images, and cut where values end. Those of `difference` take the
    images as independent, though each takes part in the level of the others: they are approximate.

    Args:
        pairs: agreement.csv, see `agreement`.
    """
    rows = []
    for (first, second), part in pairs.groupby(["first", "second"], sort=False):
        known = part.dropna(subset="spearman")
        beyond = (known["spearman"] - known["others"]).dropna()
        spearman, low, high = mean_interval(known["spearman"].to_numpy(), bound=1)
        alike, ssim_low, ssim_high = mean_interval(known["ssim"].to_numpy(), bound=1)
        difference, difference_low, difference_high = mean_interval(beyond.to_numpy(), bound=2)
        rows.append(
            {
                "first": first,
                "second": second,
                "n": len(known),
                "spearman": spearman,
                "low": low,
                "high": high,
                "others": known["others"].mean(),
                "difference": difference,
                "difference_low": difference_low,
                "difference_high": difference_high,
                "ssim": alike,
                "ssim_low": ssim_low,
                "ssim_high": ssim_high,
            }
        )
    return pd.DataFrame(rows, columns=tables.columns("agreement_summary"))
