"""Classifiers beside the first of them, on the same images."""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxr import intervals
from cxr.predictions import held_out, read_predictions
from cxr.summaries import RULES, choose, per_image, stated, units_of

COLUMNS = ["seeds", "metric", "value", "low", "high", "seed_sd"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]


def by_experiment(
    experiments: list[str], runs: Iterable[pd.DataFrame]
) -> dict[str, list[pd.DataFrame]]:
    """Gather runs by their experiment, in the order in which experiments first occur."""
    grouped = {}
    for experiment, run in zip(experiments, runs, strict=True):
        grouped.setdefault(experiment, []).append(run)
    return grouped


def read_run(predictions: Path, scores: Path, manifest: Path) -> pd.DataFrame:
    """The predictions of one seed on its held-out images, with the threshold of each.

    Args:
        predictions: predictions.csv.
        scores: metrics.json.
        manifest: manifest.csv.

    Returns:
        What `cxr.predictions.read_predictions` returns, and threshold (float).
    """
    table = read_predictions(predictions, manifest)
    return _with_thresholds(table, json.loads(Path(scores).read_text()))


def choose_thresholds(table: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The held-out images, with the threshold that a rule chooses on the validation images.

    Args:
        table: Predictions of one run, see `cxr.predictions.read_predictions`.
        rule: 0.5, youden or sensitivity_95.

    Returns:
        The rows of the held-out subset, with the column threshold (float).
    """
    chosen = choose(table[table["subset"] == "validation"], RULES[rule])
    return _with_thresholds(table, stated("threshold", chosen))


def _with_thresholds(table: pd.DataFrame, scores: dict) -> pd.DataFrame:
    held = table[table["subset"] == held_out(table)]
    return held.assign(threshold=per_image(scores, "threshold", held["fold"]))


def score_runs(runs: list[pd.DataFrame]) -> intervals.Scored:
    """Score the runs of a classifier.

    Args:
        runs: One table per run, the same images in the same order, with the columns id, label,
            patient ("" where unknown), probability and threshold.
    """
    probabilities, thresholds = (
        np.stack([run[name].to_numpy(float) for run in runs])
        for name in ("probability", "threshold")
    )
    return intervals.score(
        runs[0]["label"].to_numpy(), probabilities, thresholds, units_of(runs[0])
    )


def auroc_of(
    runs: list[pd.DataFrame],
) -> tuple[float, float, float] | tuple[float, None, None]:
    """AUROC of a classifier, mean over the runs, and its 95 % interval over patients.

    Args:
        runs: See `score_runs`; no threshold is needed.

    Returns:
        The value, NaN where undefined, and its limits, None where there are none.
    """
    scored = score_runs([run.assign(threshold=0.5) for run in runs])
    return float(scored.values["auroc"].mean()), *scored.interval("auroc")


def side_by_side(scored: dict[str, intervals.Scored]) -> pd.DataFrame:
    """Put classifiers side by side.

    Args:
        scored: By name, the one that others are compared to first; all on the same images.

    Returns:
        One row per classifier and metric: experiment (the name), seeds, metric, value (mean over
        the runs), low, high (95 % interval over patients), seed_sd (standard deviation over the
        runs, NaN for one), and difference, difference_low, difference_high to the first (NaN for
        itself).
    """
    first = next(iter(scored.values()))
    rows = []
    for name, runs in scored.items():
        for metric, values in runs.values.items():
            spread = values.std(ddof=1) if len(values) > 1 else None
            facts = [len(values), metric, values.mean(), *runs.interval(metric), spread]
            gap = (None,) * 3 if runs is first else intervals.difference(runs, first, metric)
            rows.append([name, *facts, *gap])
    table = pd.DataFrame(rows, columns=["experiment", *COLUMNS, *DIFFERENCE])
    return table.astype(dict.fromkeys([*COLUMNS[2:], *DIFFERENCE], float))
