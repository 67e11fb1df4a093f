"""Whether a network serves some patients worse than others: metrics by age, sex and view.

A network that is good on average may miss the effusions of the young, of women or of those who
are X-rayed lying down (Seyyed-Kalantari et al., Nature Medicine 2021). A patient may stand in
several subgroups (by view, say, or by growing older), so a subgroup and the rest are no
independent samples: both are taken as parts of the same patients (`cxr.intervals`).
"""

import numpy as np
import pandas as pd

from cxr import intervals, metrics, tables
from cxr.metadata import ages, telling
from cxr.words import count

METRICS = ("auroc", "sensitivity", "specificity")
LEAST = 10  # patients of each class, below which a subgroup is not judged
UNKNOWN = "unknown"
BANDS = {0: "under 18", 18: "18 to 39", 40: "40 to 59", 60: "60 to 79", 80: "80 and over"}


def memberships(table: pd.DataFrame) -> dict[str, pd.Series]:
    """The subgroup of each image by age, sex and view, as far as known and not all the same.

    Args:
        table: With the columns age, sex and view as strings, "" where unknown.

    Returns:
        By name of the column, a category (n,) whose values come in the order in which they are
        shown, "unknown" last.
    """
    return {
        name: _in_bands(ages(table)) if name == "age" else _named(table[name])
        for name in telling(table)
    }


def _in_bands(years: pd.Series) -> pd.Series:
    bands = pd.cut(years, [*BANDS, np.inf], right=False, labels=list(BANDS.values()))
    return bands.cat.add_categories(UNKNOWN).fillna(UNKNOWN).cat.remove_unused_categories()


def _named(values: pd.Series) -> pd.Series:
    known = sorted(set(values) - {"", UNKNOWN})
    named = values.where(values != "", UNKNOWN)
    order = pd.CategoricalDtype([*known, UNKNOWN])
    return named.astype(order).cat.remove_unused_categories()


def compare_subgroups(table: pd.DataFrame, thresholds: np.ndarray) -> pd.DataFrame:
    """Score every subgroup, and compare it with the other images whose subgroup is known.

    Args:
        table: Columns label, probability, patient, age, sex and view, one row per image.
        thresholds: float (n,), from which an image is called an effusion.

    Returns:
        subgroups.csv: first all images together, then each subgroup; no row where age, sex and
        view are unknown.
    """
    groups = memberships(table)
    table = table.assign(threshold=thresholds, person=intervals.group(table["patient"].to_numpy()))
    rows = []
    if groups:
        rows += _rows(table, np.ones(len(table), bool), None, "all", "")
    for name, values in groups.items():
        for value in values.cat.categories:
            inside = (values == value).to_numpy()
            rows += _rows(table, inside, ~inside & (values != UNKNOWN).to_numpy(), name, value)
    found = pd.DataFrame(rows, columns=tables.columns("subgroups"))
    return found.astype({"patients": "Int64"})


def _rows(
    table: pd.DataFrame, inside: np.ndarray, rest: np.ndarray | None, group: str, value: str
) -> list[dict]:
    part = table[inside]
    facts = {
        "group": group,
        "value": value,
        "n": len(part),
        "effusions": part["label"].sum(),
        "patients": part.loc[part["patient"] != "", "patient"].nunique() or None,
    }
    short = "" if rest is None else _shortage(part)
    scored = None if short else score_part(table, inside)
    other = None
    if scored and rest is not None and not _shortage(table[rest]):
        other = score_part(table, rest)
    return [facts | _estimate(metric, scored, other) | {"note": short} for metric in METRICS]


def _estimate(
    metric: str, scored: intervals.Scored | None, other: intervals.Scored | None
) -> dict[str, float | str | None]:
    low, high = scored.interval(metric) if scored else (None, None)
    gap, gap_low, gap_high = (
        intervals.difference(scored, other, metric) if other else (None, None, None)
    )
    return {
        "metric": metric,
        "estimate": scored.values[metric][0] if scored else None,
        "low": low,
        "high": high,
        "difference": gap,
        "difference_low": gap_low,
        "difference_high": gap_high,
    }


def _shortage(part: pd.DataFrame) -> str:
    """What a subgroup lacks to be judged, in words; "" if nothing."""
    sick, well = (part.loc[part["label"] == label, "person"].nunique() for label in (1, 0))
    if min(sick, well) >= LEAST:
        return ""
    unit = "patient" if (part["patient"] != "").any() else "image"
    return f"too few: {count(sick, unit)} with effusion, {well} without ({LEAST} of each needed)"


def score_part(table: pd.DataFrame, inside: np.ndarray) -> intervals.Scored:
    """Score some images as a part of all, so that parts of the same patients can be compared.

    Args:
        table: Columns label, probability, threshold and person (int, see `intervals.group`).
        inside: bool (n,), the images to score.
    """
    columns = (table[name].to_numpy() for name in ("label", "probability", "threshold", "person"))
    labels, probabilities, thresholds, persons = columns
    found = metrics.estimates(labels[inside], probabilities[inside], thresholds[inside])
    spread = {name: _among_all(found[name], inside) for name in METRICS}
    return intervals.combine([spread], persons)


def _among_all(estimate: metrics.Estimate, inside: np.ndarray) -> metrics.Estimate:
    """Fill up what is known of each image of a part with zeros for those outside it."""
    influence = np.zeros(len(inside))
    influence[inside] = estimate.influence
    bases = []
    for base in estimate.bases:
        bases.append(np.zeros(len(inside), bool))
        bases[-1][inside] = base
    return metrics.Estimate(estimate.value, influence, tuple(bases))
