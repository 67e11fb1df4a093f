"""Draw one run: learning curves, confusion matrix, ROC, precision-recall, calibration, mistakes.

Reads history.csv, predictions.csv, metrics.json, images.npy and manifest.csv with the masks of
the mistakes drawn. Writes the PNGs.
Nothing is computed here that a table does not hold, so a new look retrains nothing.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from cxr import curves, montage, plots, tables
from cxr.log import job_log
from cxr.predictions import read_predictions
from cxr.xrays import read_fluid


def evaluate_figures(
    history: Path,
    predictions: Path,
    metrics: Path,
    manifest: Path,
    images: Path,
    outputs: dict[str, Path],
    title: str,
) -> None:
    """Draw and write every figure of a run.

    Args:
        history: history.csv.
        predictions: predictions.csv.
        metrics: metrics.json.
        manifest: manifest.csv.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        outputs: history, confusion, roc, precision_recall, calibration, mistakes: PNGs to write.
        title: Data set, experiment and seed.

    Raises:
        UserError: The mask of a mistake cannot be read any more.
    """
    scores = json.loads(Path(metrics).read_text())
    table = read_predictions(predictions, manifest)
    array = np.load(images, mmap_mode="r")
    threshold = scores["threshold"]
    mistakes = {label: montage.surest_mistakes(table, threshold, label) for label in montage.KINDS}
    masks = tables.read_csv(manifest).set_index("id")["mask"]
    fluid = read_fluid({name: masks[name] for part in mistakes.values() for name in part["id"]})
    figures = {
        "history": curves.draw_history(pd.read_csv(history), title),
        "confusion": curves.draw_confusion(scores["test"], threshold, title),
        "roc": curves.draw_roc(table, scores, title),
        "precision_recall": curves.draw_precision_recall(table, scores, title),
        "calibration": curves.draw_calibration(table, scores, title),
        "mistakes": montage.draw_mistakes(mistakes, array, fluid, threshold, title),
    }
    for name, figure in figures.items():
        plots.save(figure, outputs[name], dpi=90 if name == "mistakes" else None)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        evaluate_figures(
            history=snakemake.input.history,
            predictions=snakemake.input.predictions,
            metrics=snakemake.input.metrics,
            manifest=snakemake.input.manifest,
            images=snakemake.input.images,
            outputs=dict(snakemake.output.items()),
            title="{dataset}, {experiment}, seed {seed}".format(**snakemake.wildcards),
        )
