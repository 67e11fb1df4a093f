"""Ask whether results rest on held-out X-rays that have a relative among those learnt from.

Reads every run's predictions.csv, manifest.csv, split.csv and pairs.csv. Writes
leakage_sensitivity.csv: each experiment's AUROC over its held-out images, then without those whose
patient, copy or suspected same person stands in another part of the split.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.comparison import auroc_of, by_experiment
from cxr.folds import parts_by_id
from cxr.leaks import KINDS, relatives
from cxr.log import job_log
from cxr.predictions import held_out, read_predictions


def without_relatives(
    runs: list[pd.DataFrame], related: dict[str, set[str]], experiment: str
) -> list[dict]:
    """Score an experiment with all its held-out images, and with fewer and fewer.

    Args:
        runs: Predictions of each seed on the same held-out images: id, label, probability, patient.
        related: Ids of images with a relative in another part of the split, by what they share.
        experiment: Its name.

    Returns:
        Rows of leakage_sensitivity.csv; each leaves out what those before it do, and more.
    """
    gone = np.zeros(len(runs[0]), dtype=bool)
    rows = []
    for kind in ("nothing", *related):
        gone = gone | runs[0]["id"].isin(related.get(kind, ())).to_numpy()
        left = [run[~gone] for run in runs]
        both = left[0]["label"].nunique() == 2
        auroc, low, high = auroc_of(left) if both else (np.nan,) * 3
        row = {"experiment": experiment, "without": kind, "left_out": gone.sum(), "n": len(left[0])}
        rows.append(row | {"auroc": auroc, "low": low, "high": high})
    return rows


def leakage_sensitivity(
    predictions: list[Path],
    experiments: list[str],
    manifest: Path,
    split: Path,
    pairs: Path,
    output: Path,
) -> None:
    """Write leakage_sensitivity.csv.

    Args:
        predictions: predictions.csv of each run, the seeds of an experiment pooled over folds.
        experiments: The experiment of each.
        manifest: manifest.csv.
        split: split.csv.
        pairs: pairs.csv.
        output: leakage_sensitivity.csv to write.
    """
    known = tables.read_table(manifest, "manifest", ["id", "label", "patient"])
    part = parts_by_id(tables.read_csv(split))
    found = tables.read_table(pairs, "pairs")
    related = {kind: relatives(kind, known, part, found) for kind in ("patients", *KINDS)}
    runs = [read_predictions(path, manifest) for path in predictions]
    held = [run[run["subset"] == held_out(run)].sort_values("row") for run in runs]
    rows = [
        row
        for name, seeds in by_experiment(experiments, held).items()
        for row in without_relatives(seeds, related, name)
    ]
    tables.write_table(pd.DataFrame(rows), output, "leakage_sensitivity")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage_sensitivity(
            predictions=snakemake.input.predictions,
            experiments=snakemake.params.experiments,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            pairs=snakemake.input.pairs,
            output=snakemake.output[0],
        )
