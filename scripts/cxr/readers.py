"""People who read the X-rays: beside the network on the same images, and beside each other.

A reader gives each X-ray a rating from 1 (surely normal) to 5 (surely an effusion). From `CALLED`
on it is a call of an effusion, as a probability at or above the threshold is.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from cxr import intervals
from cxr.errors import UserError
from cxr.subsets import shorten
from cxr.summaries import units_of
from cxr.tables import check_table, read_csv

RATINGS = ("surely normal", "probably normal", "unsure", "probably effusion", "surely effusion")
CALLED = 4
METRICS = ("accuracy", "sensitivity", "specificity", "auroc")
NUMBERS = [
    *("value", "low", "high", "network", "network_low", "network_high"),
    *("difference", "difference_low", "difference_high"),
]


def read_ratings(path: Path, dataset: str, judged: pd.DataFrame) -> pd.DataFrame:
    """Join a reader's table to the images that it rates.

    Args:
        path: The table, as the quiz exports it: columns id and rating, and dataset where it may
            be about another one.
        dataset: Rows of any other data set are left out.
        judged: The held-out images, one row each: id, label, patient, probability, threshold.

    Returns:
        Those of `judged` that the reader rated, with the column rating (int, 1 to 5).

    Raises:
        UserError: The file is no such table, rates an image twice or one that is not held out.
    """
    table = read_csv(path)
    if "dataset" in table:
        table = table[table["dataset"] == dataset]
    table = check_table(table, "reader", str(path))
    if table["id"].duplicated().any():
        twice = table.loc[table["id"].duplicated(), "id"].unique()
        raise UserError(f"{path} rates images twice: {shorten(twice)}\nKeep one row of each.")
    unknown = [name for name in table["id"] if name not in set(judged["id"])]
    if unknown:
        raise UserError(
            f"{path} rates images that are not among the held-out ones of {dataset}: "
            f"{shorten(unknown)}\nTake these rows out, or the file; a column dataset says which "
            "data set a row is about."
        )
    return judged.merge(table[["id", "rating"]], on="id", validate="one_to_one")


def beside_network(rated: pd.DataFrame) -> pd.DataFrame:
    """A reader's metrics and the network's on the same images.

    Args:
        rated: See `read_ratings`; at least one row.

    Returns:
        For each metric: n, metric, value, low, high (the reader's, with its 95 % interval over
        patients), network, network_low, network_high, and difference, difference_low,
        difference_high, reader minus network, paired. NaN where there is none.
    """
    people, network = _scored_reader(rated), _scored_network(rated)
    rows = []
    for metric in METRICS:
        sides = [[side.values[metric][0], *side.interval(metric)] for side in (people, network)]
        gap = intervals.difference(people, network, metric)
        rows.append([len(rated), metric, *sides[0], *sides[1], *gap])
    table = pd.DataFrame(rows, columns=["n", "metric", *NUMBERS])
    return table.astype(dict.fromkeys(NUMBERS, float))


def _scored_reader(rated: pd.DataFrame) -> intervals.Scored:
    scale = (rated["rating"].to_numpy(float) - 1) / (len(RATINGS) - 1)
    return _score(rated, scale, np.full(len(rated), (CALLED - 1) / (len(RATINGS) - 1)))


def _scored_network(rated: pd.DataFrame) -> intervals.Scored:
    return _score(rated, *(rated[name].to_numpy(float) for name in ("probability", "threshold")))


def _score(rated: pd.DataFrame, scale: np.ndarray, thresholds: np.ndarray) -> intervals.Scored:
    labels = rated["label"].to_numpy()
    return intervals.score(labels, scale[np.newaxis], thresholds[np.newaxis], units_of(rated))


def agreement(rated: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """How far readers call the same images alike, beyond chance.

    Args:
        rated: By reader, see `read_ratings`.

    Returns:
        Cohen's kappa (1960) of each two readers and, of three or more, Fleiss' kappa (1971) of
        all, on the images that all of them rated: readers (names), statistic, n, value, low and
        high (95 % interval over patients, see `jackknife`). NaN where undefined.
    """
    groups = list(itertools.combinations(rated, 2))
    groups += [tuple(rated)] if len(rated) > 2 else []
    rows = []
    for names in groups:
        shared, calls = _calls_of([rated[name] for name in names])
        kind, kappa = ("cohen", cohen_kappa) if len(names) == 2 else ("fleiss", fleiss_kappa)
        limits = jackknife(kappa, calls, intervals.group(units_of(shared)))
        rows.append([", ".join(names), f"{kind}_kappa", len(calls), kappa(calls), *limits])
    table = pd.DataFrame(rows, columns=["readers", "statistic", "n", "value", "low", "high"])
    return table.astype({"n": int, "value": float, "low": float, "high": float})


def _calls_of(tables: list[pd.DataFrame]) -> tuple[pd.DataFrame, np.ndarray]:
    """The images that all have rated, and the calls, bool (n, readers)."""
    ratings = pd.concat([table.set_index("id")["rating"] for table in tables], axis=1, join="inner")
    images = tables[0].set_index("id", drop=False).loc[ratings.index]
    return images.reset_index(drop=True), ratings.to_numpy() >= CALLED


def cohen_kappa(calls: np.ndarray) -> float:
    """Agreement of two readers beyond chance (Cohen 1960).

    Args:
        calls: bool (n, 2).

    Returns:
        -1 to 1; NaN without images, or where all calls are the same.
    """
    if not len(calls) or calls.all() or not calls.any():
        return np.nan
    observed = (calls[:, 0] == calls[:, 1]).mean()
    expected = calls.mean(axis=0).prod() + (~calls).mean(axis=0).prod()
    return float((observed - expected) / (1 - expected))


def fleiss_kappa(calls: np.ndarray) -> float:
    """Agreement of several readers beyond chance (Fleiss, Psychological Bulletin 1971).

    Args:
        calls: bool (n, readers), at least two readers.

    Returns:
        Up to 1; NaN without images, or where all calls are the same.
    """
    if not len(calls) or calls.all() or not calls.any():
        return np.nan
    readers = calls.shape[1]
    votes = np.stack([calls.sum(axis=1), (~calls).sum(axis=1)])
    observed = (votes * (votes - 1)).sum(axis=0).mean() / (readers * (readers - 1))
    expected = ((votes.sum(axis=1) / calls.size) ** 2).sum()
    return float((observed - expected) / (1 - expected))


def jackknife(
    statistic: Callable[[np.ndarray], float], rows: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """95 % interval of a statistic by leaving out each patient in turn (Tukey 1958).

    Args:
        statistic: From some of the rows, at most 1 and at least -1.
        rows: (n, ...), one per image.
        groups: int (n,), see `cxr.intervals.group`.

    Returns:
        Its limits by Student's t; NaN where it is undefined with or without some patient.
    """
    whole, number = statistic(rows), len(np.unique(groups))
    without = np.array([statistic(rows[groups != each]) for each in range(number)])
    if number < 2 or np.isnan([whole, *without]).any():
        return np.nan, np.nan
    error = np.sqrt((number - 1) / number * ((without - without.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, number - 1) * error
    return max(whole - half, -1.0), min(whole + half, 1.0)
