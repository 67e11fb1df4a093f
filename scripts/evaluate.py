"""Score one run's predictions.

Reads predictions.csv and manifest.csv (for the patients). Writes metrics.json: every metric of
the validation and the test images with its 95 % interval. Thresholds come from the validation
images alone.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxr import metrics
from cxr.log import job_log, say
from cxr.predictions import read_predictions


def summarise(
    predictions: pd.DataFrame, threshold: float, resamples: int, seed: int
) -> dict[str, object]:
    """All metrics of one subset, with intervals by bootstrap over patients.

    Args:
        predictions: Columns label, probability and patient, one row per image.
        threshold: An image at or above it is called an effusion.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        n, patients (None where unknown), each metric as {"value", "ci95": [low, high]} and
        confusion. A value that is undefined is None and comes with a reason.
    """
    labels = predictions["label"].to_numpy()
    probabilities = predictions["probability"].to_numpy()
    patients = predictions["patient"].to_numpy()
    once = np.ones((1, len(labels)))
    values = metrics.all_metrics(labels, probabilities, once, threshold)
    resampled = metrics.bootstrap(labels, probabilities, threshold, patients, resamples, seed)
    known = patients[patients != ""]
    summary = {"n": len(labels), "patients": len(np.unique(known)) if len(known) else None}
    for name, (value,) in values.items():
        summary[name] = _with_interval(name, value, resampled[name])
    counts = metrics.confusion(labels, probabilities, once, threshold)
    summary["confusion"] = {name: int(count[0]) for name, count in counts.items()}
    return summary


def _with_interval(name: str, value: float, resampled: np.ndarray) -> dict[str, object]:
    if np.isnan(value):
        return {"value": None, "ci95": [None, None], "reason": metrics.UNDEFINED[name]}
    low, high = metrics.interval(resampled)
    entry = {"value": float(value), "ci95": [low, high]}
    if low is None:
        entry["reason"] = (
            f"no interval: undefined in over 5 % of resamples ({metrics.UNDEFINED[name]})"
        )
    return entry


def thresholds(validation: pd.DataFrame) -> dict[str, float]:
    """The threshold of each rule, from the validation images."""
    labels = validation["label"].to_numpy()
    probabilities = validation["probability"].to_numpy()
    return {
        "0.5": 0.5,
        "youden": metrics.youden_threshold(labels, probabilities),
        "sensitivity_95": metrics.sensitivity_threshold(labels, probabilities),
    }


def evaluate(
    predictions: Path,
    manifest: Path,
    output: Path,
    threshold: str | float,
    resamples: int,
    seed: int,
    name: str,
) -> None:
    """Write metrics.json.

    Args:
        predictions: predictions.csv.
        manifest: manifest.csv.
        output: metrics.json to write.
        threshold: Rule of the threshold: 0.5, youden or sensitivity_95, as text or number.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
        name: What the progress line begins with.
    """
    table = read_predictions(predictions, manifest)
    parts = {subset: table[table["subset"] == subset] for subset in ("validation", "test")}
    rules = thresholds(parts["validation"])
    summaries = {
        rule: {subset: summarise(part, value, resamples, seed) for subset, part in parts.items()}
        for rule, value in rules.items()
    }
    chosen = str(threshold)
    kept = ("accuracy", "sensitivity", "specificity", "ppv", "npv", "confusion")
    result = {
        "threshold": rules[chosen],
        "threshold_rule": chosen,
        "operating_points": {
            rule: {"threshold": rules[rule]}
            | {subset: {key: summary[key] for key in kept} for subset, summary in both.items()}
            for rule, both in summaries.items()
        },
        **summaries[chosen],
    }
    Path(output).write_text(json.dumps(result, indent=2) + "\n")
    auroc = result["test"]["auroc"]
    if auroc["value"] is not None and auroc["ci95"][0] is not None:
        low, high = auroc["ci95"]
        say(
            f"{name}  test AUROC {auroc['value']:.3f} ({low:.3f} to {high:.3f}), "
            f"accuracy {result['test']['accuracy']['value']:.3f}, n = {result['test']['n']}"
        )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        evaluate(
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            threshold=snakemake.params.threshold,
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
            name=f"{snakemake.wildcards.experiment} seed {snakemake.wildcards.seed}",
        )
