"""Figures of one run: learning curves, confusion matrix, ROC, precision-recall, calibration."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from scipy.stats import beta
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr import plots
from cxr.metrics import ECE_BINS

CURVES = (("validation", "--", plots.ORANGE), ("test", "-", plots.BLUE))
MARKERS = {"0.5": "o", "youden": "s", "sensitivity_95": "^"}


def draw_history(history: pd.DataFrame, title: str) -> plt.Figure:
    """Loss and accuracy over epochs, training and validation side by side.

    Args:
        history: history.csv.
        title: Above the figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        epochs = history["epoch"]
        axis.plot(epochs, history[name], ".-", color=plots.BLUE, label="training")
        axis.plot(epochs, history[f"val_{name}"], ".--", color=plots.ORANGE, label="validation")
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
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
    figure, axis = plt.subplots(figsize=(4.6, 4.6), layout="constrained")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        axis.text(
            column,
            row,
            f"{count}\n{100 * shares[row, column]:.0f} %",
            ha="center",
            va="center",
            fontsize=15,
            color="white" if shares[row, column] > 0.55 else "black",
        )
    names = [kind.name for kind in plots.CLASSES.values()]
    axis.set_xticks([0, 1], names)
    axis.set_yticks([0, 1], names, rotation=90, va="center")
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
    for subset, style, colour in CURVES:
        part = predictions[predictions["subset"] == subset]
        false_rate, true_rate, _ = roc_curve(
            part["label"], part["probability"], drop_intermediate=False
        )
        label = f"{subset}, n = {len(part)}\nAUROC {plots.value_text(metrics[subset]['auroc'])}"
        axis.plot(false_rate, true_rate, style, color=colour, label=label)
    for rule, point in metrics["operating_points"].items():
        sensitivity, specificity = (
            point["test"][name]["value"] for name in ("sensitivity", "specificity")
        )
        if sensitivity is None or specificity is None:
            continue
        rounded = f"{point['threshold']:.2f}"
        axis.plot(
            1 - specificity,
            sensitivity,
            MARKERS[rule],
            color=plots.BLACK,
            markerfacecolor="white",
            linestyle="none",
            label=f"threshold {rounded}" + (f" ({rule})" if rule != "0.5" else ""),
        )
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.set_aspect("equal")
    axis.legend(loc="lower right", fontsize=8)
    axis.set_title(title)
    return figure


def draw_precision_recall(predictions: pd.DataFrame, metrics: dict, title: str) -> plt.Figure:
    """Precision over recall for the validation and test images; arguments as for `draw_roc`."""
    figure, axis = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    for subset, style, colour in CURVES:
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
        2, 1, figsize=(5.4, 6.8), height_ratios=(4, 1), sharex=True, layout="constrained"
    )
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    axis.errorbar(
        table["p"], share, yerr=[share - low, high - share], fmt="o-", color=plots.BLUE, capsize=3
    )
    axis.set(ylabel="share of images with effusion", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axis.set_title(
        f"expected calibration error {plots.value_text(metrics['test']['ece'])}\n"
        f"Brier score {plots.value_text(metrics['test']['brier'])}\n"
        f"{len(part)} test images in bins of 0.1, exact 95 % intervals",
        fontsize=8,
        fontweight="normal",
    )
    edges = np.linspace(0, 1, ECE_BINS + 1)
    for label, kind in plots.CLASSES.items():
        histogram.hist(
            part.loc[part["label"] == label, "probability"],
            edges,
            histtype="step",
            color=kind.colour,
            linewidth=1.6,
            linestyle="-" if label else "--",
            label=kind.name,
        )
    histogram.set(xlabel="probability of effusion", ylabel="images")
    histogram.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
    histogram.legend(fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
    return figure
