"""Pool the predictions of the networks of a cross-validation.

Reads predictions.csv of every fold of one seed and manifest.csv. Writes predictions.csv of the
seed: every image as predicted by the network that did not see it.
"""

from pathlib import Path

import pandas as pd

from cxr import tables
from cxr.log import job_log


def pool(folds: list[pd.DataFrame], ids: list[str]) -> pd.DataFrame:
    """Pool the predictions of all folds.

    Args:
        folds: predictions.csv of fold 1, 2, ...
        ids: The images, in the order of the manifest.

    Returns:
        id, subset, label, probability and fold: the validation images of each fold in turn, the
        out-of-fold images in the order of the manifest, and the test images, with the mean
        probability over the folds and no fold.
    """
    table = pd.concat(part.assign(fold=str(number)) for number, part in enumerate(folds, start=1))
    place = {name: row for row, name in enumerate(ids)}
    validation, held_out, test = (
        table[table["subset"] == subset] for subset in ("validation", "oof", "test")
    )
    held_out = held_out.sort_values("id", key=lambda names: names.map(place))
    test = test.groupby(["id", "subset", "label"], sort=False, as_index=False)["probability"].mean()
    return pd.concat([validation, held_out, test.assign(fold="")], ignore_index=True)


def train_pool(predictions: list[Path], manifest: Path, output: Path) -> None:
    """Write the pooled predictions.csv; see `pool`."""
    folds = [tables.read_table(path, "predictions") for path in predictions]
    ids = list(tables.read_csv(manifest)["id"])
    tables.write_table(pool(folds, ids), output, "predictions")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        train_pool(
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
        )
