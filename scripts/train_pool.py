"""Pool the predictions of the networks of a cross-validation.

Reads predictions.csv of every fold of one seed and manifest.csv. Writes predictions.csv of the
seed: every image as predicted by the network that did not see it.
"""

from pathlib import Path

import pandas as pd

from cxr import tables
from cxr.folds import pool
from cxr.log import job_log
from cxr.predictions import read_predictions


def train_pool(predictions: list[Path], manifest: Path, output: Path) -> None:
    """Write the pooled predictions.csv; see `cxr.folds.pool`.

    Args:
        predictions: predictions.csv of fold 1, 2, ...
        manifest: manifest.csv.
        output: predictions.csv to write.
    """
    folds = [
        read_predictions(path, manifest).assign(fold=str(number))
        for number, path in enumerate(predictions, start=1)
    ]
    tables.write_table(pool(pd.concat(folds)), output, "predictions")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        train_pool(
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
        )
