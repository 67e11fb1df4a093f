"""Check that networks trained on permuted labels know nothing about the test images.

Reads the predictions.csv of the control's networks and manifest.csv (for the patients). Writes
control.csv: how well each network fitted the permuted labels, its AUROC on the held-out images,
whose labels are the true ones, and the mean with a verdict.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.comparison import auroc_of
from cxr.log import job_log, say
from cxr.means import mean_interval
from cxr.permuted import accuracy, fit_in_words
from cxr.predictions import held_out, read_predictions

CHANCE = (0.35, 0.65)  # mean AUROC of a pass


def verdict(auroc: float, low: float, high: float) -> str:
    """Judge the mean AUROC: pass within `CHANCE`, fail where its 95 % interval lies outside.

    A number that there is none of is NaN.
    """
    least, most = CHANCE
    if least <= auroc <= most:
        return "pass"
    if np.isnan([auroc, low, high]).any() or (high >= least and low <= most):
        return "cannot tell"
    return "fail"


def describe(number: int, run: pd.DataFrame) -> dict[str, object]:
    """One permutation's row of control.csv."""
    subset = held_out(run)
    held = run[run["subset"] == subset]
    auroc, low, high = auroc_of([held])
    return {
        "permutation": str(number),
        "training_accuracy": accuracy(run, "train"),
        "validation_accuracy": accuracy(run, "validation"),
        "subset": subset,
        "n": len(held),
        "auroc": auroc,
        "low": low,
        "high": high,
        "verdict": "",
    }


def summarise(runs: dict[int, pd.DataFrame]) -> pd.DataFrame:
    """One row per permutation, and their mean: control.csv.

    The interval of the mean is over networks: those that know nothing differ far more than their
    patients explain, as each follows some chance direction in which real images vary, and the
    labels with them.

    Args:
        runs: Predictions of each permutation's network: columns subset, label (permuted in train
            and validation), probability and patient.
    """
    table = pd.DataFrame([describe(number, run) for number, run in runs.items()])
    low, high = np.clip(mean_interval(table["auroc"].to_numpy())[1:], 0, 1)
    means = table[["training_accuracy", "validation_accuracy", "auroc"]].mean(skipna=False)
    last = {
        **table.iloc[0],
        **means,
        "permutation": "mean",
        "low": low,
        "high": high,
        "verdict": verdict(means["auroc"], low, high),
    }
    table = pd.DataFrame([*table.to_dict("records"), last])
    table["fitted"] = [fit_in_words(value) for value in table["training_accuracy"]]
    return table.astype({"low": float, "high": float})


def control(
    permutations: list[int], predictions: list[Path], manifest: Path, output: Path, name: str
) -> None:
    """Write control.csv.

    Args:
        permutations: Number of each permutation.
        predictions: predictions.csv of each permutation's network, with its training images.
        manifest: manifest.csv.
        output: control.csv to write.
        name: The experiment, for the progress line.
    """
    runs = {
        number: read_predictions(path, manifest)
        for number, path in zip(permutations, predictions, strict=True)
    }
    table = summarise(runs)
    tables.write_table(table, output, "control")
    mean = table.iloc[-1]
    say(
        f"{name}  trained on permuted labels: mean AUROC {mean['auroc']:.3f} "
        f"({mean['low']:.3f} to {mean['high']:.3f}) of {len(runs)} networks, n = {mean['n']}: "
        f"{mean['verdict']}"
    )
    say(
        f"{name}  training accuracy on the permuted labels {mean['training_accuracy']:.2f}; "
        f"fitted: {mean['fitted']}"
    )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        control(
            permutations=snakemake.params.permutations,
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            name=snakemake.params.experiment,
        )
