"""Draw one run: learning curves, confusion matrix, ROC, precision-recall, calibration, mistakes.

Reads history.csv (with cross-validation each fold's), predictions.csv, metrics.json, images.npy
and manifest.csv with the masks of the mistakes drawn. Writes the PNGs.
Nothing is computed here that a table does not hold, so a new look retrains nothing.
"""

import json
from pathlib import Path

import pandas as pd

from cxr import curves, montage, plots, tables
from cxr.arrays import open_array
from cxr.log import job_log
from cxr.predictions import held_out, read_predictions
from cxr.summaries import SUBSETS, per_image
from cxr.xrays import read_fluid


def evaluate_figures(
    histories: list[Path],
    predictions: Path,
    metrics: Path,
    manifest: Path,
    images: Path,
    outputs: dict[str, Path],
    title: str,
) -> None:
    """Draw and write every figure of a run.

    Args:
        histories: history.csv of the network, or of each fold's.
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
    subset = held_out(table)
    judged = table[table["subset"] == subset]
    thresholds = per_image(scores, "threshold", judged["fold"])
    words = curves.threshold_words(scores)
    mistakes = {
        label: montage.surest_mistakes(judged, thresholds, label) for label in montage.KINDS
    }
    masks = tables.read_csv(manifest, columns=["id", "mask"]).set_index("id")["mask"]
    fluid = read_fluid({name: masks[name] for part in mistakes.values() for name in part["id"]})
    array = open_array(images)
    kind = SUBSETS[subset]
    figures = {
        "history": curves.draw_history([pd.read_csv(path) for path in histories], title),
        "confusion": curves.draw_confusion(scores[subset], kind, words, title),
        "roc": curves.draw_roc(table, scores, subset, title),
        "precision_recall": curves.draw_precision_recall(table, scores, subset, title),
        "calibration": curves.draw_calibration(judged, scores[subset], kind, title),
        "mistakes": montage.draw_mistakes(mistakes, array, fluid, kind, words, title),
    }
    for name, figure in figures.items():
        plots.save(figure, outputs[name], dpi=90 if name == "mistakes" else None)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        evaluate_figures(
            histories=snakemake.input.histories,
            predictions=snakemake.input.predictions,
            metrics=snakemake.input.metrics,
            manifest=snakemake.input.manifest,
            images=snakemake.input.images,
            outputs=dict(snakemake.output.items()),
            title="{dataset}, {experiment}, seed {seed}".format(**snakemake.wildcards),
        )
