"""Put the experiments side by side.

Reads the predictions.csv and metrics.json of every run and manifest.csv (for the patients).
Writes comparison.csv: each experiment's test metrics, mean over seeds, with their 95 % intervals,
their spread over seeds and their paired difference to the first experiment.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxr import metrics
from cxr.log import job_log, say
from cxr.predictions import read_predictions


def run_values(
    predictions: pd.DataFrame, threshold: float, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Metrics of one run's test images, and the same in bootstrap resamples of patients.

    Args:
        predictions: Columns label, probability and patient, one row per test image.
        threshold: The run's threshold.
        resamples: Of the bootstrap.
        seed: Of the bootstrap; the same for runs that are compared.

    Returns:
        Values by metric, and arrays (resamples,) by metric; NaN where undefined.
    """
    columns = (predictions[name].to_numpy() for name in ("label", "probability", "patient"))
    labels, probabilities, patients = columns
    values = metrics.all_metrics(labels, probabilities, np.ones((1, len(labels))), threshold)
    resampled = metrics.bootstrap(labels, probabilities, threshold, patients, resamples, seed)
    return {name: value[0] for name, value in values.items()}, resampled


def compare_runs(
    runs: dict[str, list[tuple[pd.DataFrame, float]]], resamples: int, seed: int
) -> pd.DataFrame:
    """Compare experiments on the same test images.

    Args:
        runs: For each experiment, in order, its seeds' test predictions (columns id, label,
            probability, patient, in the same order everywhere) and thresholds.
        resamples: Of the bootstrap, by patient.
        seed: Of the bootstrap; all experiments see the same resamples.

    Returns:
        One row per experiment and metric: experiment, seeds, n, metric, value (mean over seeds),
        low, high (95 % interval over patients, the seeds held fixed), seed_sd (standard
        deviation over seeds, empty for one), and difference, difference_low, difference_high to
        the first experiment (empty for itself).
    """
    rows = []
    first = None
    for experiment, seeds in runs.items():
        scored = [run_values(table, cut, resamples, seed) for table, cut in seeds]
        values = {name: np.array([v[name] for v, _ in scored]) for name in scored[0][0]}
        resampled = {name: np.mean([r[name] for _, r in scored], axis=0) for name in values}
        for name, value in values.items():
            low, high = metrics.interval(resampled[name])
            row = {
                "experiment": experiment,
                "seeds": len(seeds),
                "n": len(seeds[0][0]),
                "metric": name,
                "value": value.mean(),
                "low": low,
                "high": high,
                "seed_sd": value.std(ddof=1) if len(value) > 1 else None,
            }
            if first is not None:
                low, high = metrics.interval(resampled[name] - first[1][name])
                row |= {
                    "difference": value.mean() - first[0][name].mean(),
                    "difference_low": low,
                    "difference_high": high,
                }
            rows.append(row)
        first = first or (values, resampled)
    columns = ["experiment", "seeds", "n", "metric", "value", "low", "high", "seed_sd"]
    columns += ["difference", "difference_low", "difference_high"]
    table = pd.DataFrame(rows, columns=columns)
    return table.astype(dict.fromkeys(columns[4:], float))


def read_run(predictions: Path, scores: Path, manifest: Path) -> tuple[pd.DataFrame, float]:
    """Test predictions of one run with their patients, and the run's threshold."""
    table = read_predictions(predictions, manifest)
    return table[table["subset"] == "test"], json.loads(Path(scores).read_text())["threshold"]


def compare(
    experiments: list[str],
    predictions: list[Path],
    scores: list[Path],
    manifest: Path,
    output: Path,
    resamples: int,
    seed: int,
) -> None:
    """Write comparison.csv.

    Args:
        experiments: The experiment of each run, the one that others are compared to first.
        predictions: predictions.csv of each run.
        scores: metrics.json of each run.
        manifest: manifest.csv.
        output: comparison.csv to write.
        resamples: Of the bootstrap.
        seed: Of the bootstrap.
    """
    runs = {}
    for experiment, table, score in zip(experiments, predictions, scores, strict=True):
        runs.setdefault(experiment, []).append(read_run(table, score, manifest))
    comparison = compare_runs(runs, resamples, seed)
    comparison.to_csv(output, index=False)
    for row in comparison[comparison["metric"] == "auroc"].itertuples():
        line = f"{row.experiment}  test AUROC {row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
        if not np.isnan(row.difference):
            line += (
                f", {row.difference:+.3f} ({row.difference_low:+.3f} to "
                f"{row.difference_high:+.3f}) beside {comparison['experiment'][0]}"
            )
        say(f"{line}, n = {row.n}, seeds: {row.seeds}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        compare(
            experiments=snakemake.params.experiments,
            predictions=snakemake.input.predictions,
            scores=snakemake.input.scores,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            resamples=snakemake.params.resamples,
            seed=snakemake.params.seed,
        )
