"""Put the experiments side by side, with the mean of their seeds and what they have to beat.

Reads the predictions.csv of every run, baselines.csv and manifest.csv (for the patients). Writes
comparison.csv: metrics on the held-out images, mean over seeds, with their 95 % intervals, their
spread over seeds, and paired differences to the first experiment and to the thumbnail.
"""

from pathlib import Path

import pandas as pd

from cxr import intervals, tables
from cxr.comparison import by_experiment, choose_thresholds, score_runs, side_by_side
from cxr.log import job_log, say
from cxr.predictions import read_predictions
from cxr.summaries import SUBSETS

BAR = "thumbnail"  # the baseline that a network should beat
ABOVE = ["above_thumbnail", "above_thumbnail_low", "above_thumbnail_high"]


def mean_of(runs: list[pd.DataFrame]) -> pd.DataFrame:
    """The ensemble of a classifier's runs: the mean probability of each image.

    Args:
        runs: One table per run, the same rows in the same order, with the column probability.
    """
    probability = sum(run["probability"] for run in runs) / len(runs)
    return runs[0].assign(probability=probability)


def verdict(low: float, high: float) -> str:
    """What the interval of a difference supports: higher, lower or cannot tell; "" without one."""
    if pd.isna(low):
        return ""
    return "higher" if low > 0 else "lower" if high < 0 else "cannot tell"


def compare_runs(
    experiments: dict[str, list[pd.DataFrame]], baselines: dict[str, pd.DataFrame], rule: str
) -> pd.DataFrame:
    """Compare experiments, their ensembles and baselines on the same held-out images.

    Args:
        experiments: For each experiment, in order, the predictions of each seed, see
            `cxr.predictions.read_predictions`; the same images in the same order everywhere.
        baselines: The predictions of each baseline.
        rule: See `cxr.comparison.choose_thresholds`.

    Returns:
        comparison.csv.
    """
    ensembles = {
        f"{name} ensemble": [mean_of(runs)] for name, runs in experiments.items() if len(runs) > 1
    }
    others = {name: [table] for name, table in baselines.items()}
    kinds = {"experiment": experiments, "ensemble": ensembles, "baseline": others}
    runs = {
        name: [choose_thresholds(table, rule) for table in found]
        for part in kinds.values()
        for name, found in part.items()
    }
    scored = {name: score_runs(found) for name, found in runs.items()}
    table = side_by_side(scored)
    above = [
        intervals.difference(scored[row.experiment], scored[BAR], row.metric)
        if BAR in scored and row.experiment != BAR
        else (None,) * 3
        for row in table.itertuples()
    ]
    table[ABOVE] = pd.DataFrame(above, dtype=float)
    first = next(iter(runs.values()))[0]
    return table.assign(
        kind=table["experiment"].map({name: kind for kind, part in kinds.items() for name in part}),
        subset=first["subset"].iloc[0],
        n=len(first),
        verdict=list(map(verdict, table["difference_low"], table["difference_high"])),
        above_verdict=list(map(verdict, table[ABOVE[1]], table[ABOVE[2]])),
    )


def compare(
    experiments: list[str],
    predictions: list[Path],
    baselines: Path,
    manifest: Path,
    output: Path,
    threshold: str | float,
) -> None:
    """Write comparison.csv.

    Args:
        experiments: The experiment of each run, the one that others are compared to first.
        predictions: predictions.csv of each run.
        baselines: baselines.csv.
        manifest: manifest.csv.
        output: comparison.csv to write.
        threshold: Rule of the threshold: 0.5, youden or sensitivity_95, as text or number.
    """
    runs = by_experiment(experiments, [read_predictions(path, manifest) for path in predictions])
    simple = dict(list(read_predictions(baselines, manifest).groupby("baseline", sort=False)))
    table = compare_runs(runs, simple, str(threshold))
    tables.write_table(table, output, "comparison")
    for row in table[table["metric"] == "auroc"].itertuples():
        line = f"{row.experiment}  {SUBSETS[row.subset]} AUROC {row.value:.3f}"
        line += "" if pd.isna(row.low) else f" ({row.low:.3f} to {row.high:.3f})"
        if row.verdict:
            line += (
                f", {row.difference:+.3f} ({row.difference_low:+.3f} to "
                f"{row.difference_high:+.3f}) beside {experiments[0]}"
            )
        say(f"{line}, n = {row.n}, seeds: {row.seeds}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        compare(
            experiments=snakemake.params.experiments,
            predictions=snakemake.input.predictions,
            baselines=snakemake.input.baselines,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            threshold=snakemake.params.threshold,
        )
