"""Summaries of predictions as they stand in metrics.json."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from cxr import calibration, intervals, metrics

SUBSETS = {"validation": "validation", "test": "test", "oof": "out-of-fold"}  # in words

RULES = {  # of the threshold, by evaluate.threshold in the config
    "0.5": lambda labels, probabilities: 0.5,
    "youden": metrics.youden_threshold,
    "sensitivity_95": metrics.sensitivity_threshold,
}
CALIBRATION = ("brier", "ece", "log_loss", "calibration_slope", "calibration_intercept")


def choose(
    validation: pd.DataFrame, rule: Callable[[np.ndarray, np.ndarray], float]
) -> dict[str, float]:
    """What a rule chooses from the validation images of each fold.

    Args:
        validation: Columns fold, label and probability; without cross-validation, the fold is "".
        rule: From labels int (n,) and probabilities float (n,).
    """
    return {
        fold: float(rule(part["label"].to_numpy(), part["probability"].to_numpy()))
        for fold, part in validation.groupby("fold")
    }


def stated(name: str, chosen: dict[str, float]) -> dict[str, object]:
    """What was chosen, under its name: with cross-validation the mean, and each in the plural."""
    mean = {name: float(np.mean(list(chosen.values())))}
    return mean if "" in chosen else mean | {f"{name}s": chosen}


def per_image(scores: dict, name: str, folds: pd.Series) -> np.ndarray:
    """What was chosen for each image's fold, float (n,): the mean for an image of no fold.

    Args:
        scores: What holds it as `stated`.
        name: Of what was chosen, in the singular.
        folds: str (n,).
    """
    return folds.map(scores.get(f"{name}s", {})).fillna(scores[name]).to_numpy(float)


def summarise(predictions: pd.DataFrame, thresholds: np.ndarray) -> dict[str, object]:
    """All metrics of one subset with their 95 % intervals.

    Args:
        predictions: Columns id, label, probability and patient; an image that several folds
            predict has as many rows.
        thresholds: float (n,), one per row; an image at or above its own is called an effusion.

    Returns:
        n, patients (None where unknown), each metric as {"value", "ci95": [low, high]} and
        confusion. A value that is undefined is None and comes with a reason.
    """
    labels, probabilities = (predictions[name].to_numpy() for name in ("label", "probability"))
    units = units_of(predictions)
    scored = intervals.score(labels, probabilities[np.newaxis], thresholds[np.newaxis], units)
    measured = calibration.measures(labels, probabilities)
    more = intervals.combine([measured], intervals.group(units))
    called = probabilities >= thresholds
    cells = {"tp": (1, True), "fp": (0, True), "tn": (0, False), "fn": (1, False)}
    known = predictions.loc[predictions["patient"] != "", "patient"]
    return {
        "n": len(predictions),
        "patients": known.nunique() or None,
        **{name: _entry(part, name) for part in (scored, more) for name in part.values},
        "confusion": {
            name: int(((labels == label) & (called == call)).sum())
            for name, (label, call) in cells.items()
        },
    }


def calibrated(predictions: pd.DataFrame, validation: pd.DataFrame) -> dict[str, object]:
    """Calibration of a subset after temperature scaling.

    Args:
        predictions: As for `summarise`, and fold.
        validation: The validation images, on which temperatures are fitted; see `choose`.

    Returns:
        temperature, with cross-validation temperatures by fold, and the metrics of calibration.
    """
    temperatures = stated("temperature", choose(validation, calibration.fit_temperature))
    scaled = calibration.temper(
        predictions["probability"].to_numpy(),
        per_image(temperatures, "temperature", predictions["fold"]),
    )
    summary = summarise(predictions.assign(probability=scaled), np.full(len(scaled), 0.5))
    return temperatures | {name: summary[name] for name in CALIBRATION}


def units_of(predictions: pd.DataFrame) -> np.ndarray:
    """What is drawn at random, str (n,): the patient where known, otherwise the image."""
    patients = predictions["patient"]
    return patients.where(patients != "", "image " + predictions["id"]).to_numpy()


def _entry(scored: intervals.Scored, name: str) -> dict[str, object]:
    value = float(scored.values[name][0])
    if np.isnan(value):
        return {"value": None, "ci95": [None, None], "reason": metrics.UNDEFINED[name]}
    entry = {"value": value, "ci95": list(scored.interval(name))}
    if entry["ci95"][0] is None:
        entry["reason"] = "no interval: the images that it rests on are of one patient"
    return entry
