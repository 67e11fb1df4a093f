"""Draw one run: learning curves, confusion matrix, ROC, precision-recall, calibration, mistakes.

Reads history.csv, predictions.csv, metrics.json, manifest.csv and images.npy. Writes the PNGs.
Nothing is computed here that a table does not hold, so a new look retrains nothing.
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from scipy.stats import beta
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr import plots
from cxr.log import job_log
from cxr.metrics import ECE_BINS

MISTAKES = 6  # of each kind


def draw_history(history: pd.DataFrame, title: str) -> plt.Figure:
    """Loss and accuracy over epochs, training and validation side by side.

    Args:
        history: history.csv.
        title: Above the figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left")
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(history["epoch"], history[name], color=plots.BLUE, label="training")
        axis.plot(
            history["epoch"], history[f"val_{name}"], "--", color=plots.ORANGE, label="validation"
        )
        axis.set(xlabel="epoch", title=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(0, 1.02)
    axes[1].legend(loc="lower right")
    return figure


def draw_confusion(scores: dict, threshold: float, title: str) -> plt.Figure:
    """Confusion matrix of the test images, counts and shares of each true class.

    Args:
        scores: A subset of metrics.json.
        threshold: An image at or above it is called an effusion.
        title: Above the figure.
    """
    c = scores["confusion"]
    counts = np.array([[c["tp"], c["fn"]], [c["fp"], c["tn"]]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(4.8, 4.4), layout="constrained")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axis.text(
            column,
            row,
            f"{count}\n{shares[row, column]:.0%}",
            ha="center",
            va="center",
            fontsize=15,
            color="white" if shares[row, column] > 0.55 else "black",
        )
    axis.set_xticks([0, 1], ["effusion", "normal"])
    axis.set_yticks([0, 1], ["effusion", "normal"], rotation=90, va="center")
    axis.set(xlabel=f"called (threshold {threshold:.2f})", ylabel="label")
    axis.grid(False)
    axis.set_title(f"{title}\n{scores['n']} test images", loc="left")
    return figure


def draw_roc(predictions: pd.DataFrame, metrics: dict, title: str) -> plt.Figure:
    """ROC curves of the validation and test images, with the operating points on the test one.

    Args:
        predictions: predictions.csv.
        metrics: metrics.json.
        title: Above the figure.
    """
    figure, axis = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    for subset, style, colour in (("validation", "--", plots.ORANGE), ("test", "-", plots.BLUE)):
        part = predictions[predictions["subset"] == subset]
        false_rate, true_rate, _ = roc_curve(
            part["label"], part["probability"], drop_intermediate=False
        )
        label = f"{subset}, n = {len(part)}\nAUROC {plots.value_text(metrics[subset]['auroc'])}"
        axis.plot(false_rate, true_rate, style, color=colour, label=label)
    markers = {"0.5": "o", "youden": "s", "sensitivity_95": "^"}
    for rule, point in metrics["operating_points"].items():
        sensitivity, specificity = (
            point["test"][name]["value"] for name in ("sensitivity", "specificity")
        )
        axis.plot(
            1 - specificity,
            sensitivity,
            markers[rule],
            color=plots.BLACK,
            markerfacecolor="white",
            linestyle="none",
            label=f"threshold {rule} = {point['threshold']:.2f}",
        )
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.set_aspect("equal")
    axis.legend(loc="lower right", fontsize=8)
    axis.set_title(title)
    return figure


def draw_precision_recall(predictions: pd.DataFrame, metrics: dict, title: str) -> plt.Figure:
    """Precision over recall for the validation and test images; arguments as for `draw_roc`."""
    figure, axis = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    for subset, style, colour in (("validation", "--", plots.ORANGE), ("test", "-", plots.BLUE)):
        part = predictions[predictions["subset"] == subset]
        precision, recall, _ = precision_recall_curve(part["label"], part["probability"])
        label = (
            f"{subset}, n = {len(part)}\n"
            f"average precision {plots.value_text(metrics[subset]['auprc'])}"
        )
        axis.step(recall, precision, style, where="post", color=colour, label=label)
    share = predictions.loc[predictions["subset"] == "test", "label"].mean()
    axis.axhline(share, linestyle=":", color=plots.GREY, linewidth=1)
    axis.annotate("share of effusions in the test images", (0.02, share + 0.012), fontsize=8)
    axis.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)")
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.set_aspect("equal")
    axis.legend(loc="lower left", fontsize=8)
    axis.set_title(title)
    return figure


def draw_calibration(predictions: pd.DataFrame, metrics: dict, title: str) -> plt.Figure:
    """How often test images of a probability carry an effusion, with exact 95 % intervals.

    Intervals are those of Clopper and Pearson (1934); arguments as for `draw_roc`.
    """
    part = predictions[predictions["subset"] == "test"]
    bins = np.minimum((part["probability"] * ECE_BINS).astype(int), ECE_BINS - 1)
    table = part.groupby(bins).agg(
        p=("probability", "mean"), k=("label", "sum"), n=("label", "size")
    )
    share = table["k"] / table["n"]
    low = np.nan_to_num(beta.ppf(0.025, table["k"], table["n"] - table["k"] + 1), nan=0.0)
    high = np.nan_to_num(beta.ppf(0.975, table["k"] + 1, table["n"] - table["k"]), nan=1.0)
    figure, (axis, histogram) = plt.subplots(
        2, 1, figsize=(5.4, 6.2), height_ratios=(4, 1), sharex=True, layout="constrained"
    )
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    axis.errorbar(
        table["p"], share, yerr=[share - low, high - share], fmt="o-", color=plots.BLUE, capsize=3
    )
    axis.set(ylabel="share of images with effusion", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.text(
        0.02,
        0.98,
        f"expected calibration error {plots.value_text(metrics['test']['ece'])}\n"
        f"Brier score {plots.value_text(metrics['test']['brier'])}\n"
        f"n = {len(part)}, in bins of 0.1",
        va="top",
        fontsize=8,
    )
    axis.set_title(title)
    edges = np.linspace(0, 1, ECE_BINS + 1)
    for label, colour, name in ((1, plots.ORANGE, "effusion"), (0, plots.BLUE, "normal")):
        histogram.hist(
            part.loc[part["label"] == label, "probability"],
            edges,
            histtype="step",
            color=colour,
            linewidth=1.6,
            linestyle="-" if label else "--",
            label=name,
        )
    histogram.set(xlabel="probability of effusion", ylabel="images")
    histogram.legend(fontsize=8, ncols=2, loc="upper center")
    return figure


def surest_mistakes(predictions: pd.DataFrame, threshold: float, label: int) -> pd.DataFrame:
    """Test images of one class on the wrong side of the threshold, the surest first."""
    part = predictions[(predictions["subset"] == "test") & (predictions["label"] == label)]
    wrong = part[(part["probability"] >= threshold) != (part["label"] == 1)]
    return wrong.sort_values("probability", ascending=label == 1, kind="stable").head(MISTAKES)


def draw_mistakes(
    predictions: pd.DataFrame, images: np.ndarray, threshold: float, title: str
) -> plt.Figure:
    """The test X-rays that the network got wrong and was surest about.

    Args:
        predictions: predictions.csv with the column row, an image's row in `images`.
        images: Memory-mapped float32 (N, side, side).
        threshold: An image at or above it is called an effusion.
        title: Above the figure.
    """
    kinds = {1: "missed effusions", 0: "false alarms"}
    figure, axes = plt.subplots(
        2, MISTAKES, figsize=(2 * MISTAKES, 5.2), squeeze=False, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for axis in axes.flat:
        axis.axis("off")
    for row, (label, kind) in zip(axes, kinds.items(), strict=True):
        mistakes = surest_mistakes(predictions, threshold, label)
        if mistakes.empty:
            row[0].text(0, 0.5, f"no {kind} among the test images", transform=row[0].transAxes)
        for axis, mistake in zip(row, mistakes.itertuples(), strict=False):
            image = images[mistake.row]
            low, high = np.percentile(image, [0.5, 99.5])
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_title(
                f"{_short(mistake.id)}\np = {mistake.probability:.2f}", fontsize=8, loc="center"
            )
        row[0].text(
            -0.08, 0.5, kind, transform=row[0].transAxes, rotation=90, va="center", ha="right"
        )
    return figure


def _short(name: str, limit: int = 22) -> str:
    return name if len(name) <= limit else f"{name[: limit - 9]}…{name[-8:]}"


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
        history, predictions, metrics, manifest, images: The run's files.
        outputs: history, confusion, roc, precision_recall, calibration, mistakes: PNGs to write.
        title: Data set, experiment and seed.
    """
    scores = json.loads(Path(metrics).read_text())
    ids = pd.read_csv(manifest, dtype=str, usecols=["id"])["id"]
    table = pd.read_csv(predictions, dtype={"id": str})
    table["row"] = pd.Index(ids).get_indexer(table["id"])
    threshold = scores["threshold"]
    figures = {
        "history": draw_history(pd.read_csv(history), title),
        "confusion": draw_confusion(scores["test"], threshold, title),
        "roc": draw_roc(table, scores, title),
        "precision_recall": draw_precision_recall(table, scores, title),
        "calibration": draw_calibration(table, scores, title),
        "mistakes": draw_mistakes(table, np.load(images, mmap_mode="r"), threshold, title),
    }
    for name, figure in figures.items():
        plots.save(figure, outputs[name])


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
