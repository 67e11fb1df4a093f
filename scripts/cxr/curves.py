"""Figures of one run: learning curves, confusion matrix, ROC, precision-recall, calibration."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator
from sklearn.metrics import precision_recall_curve, roc_curve

from cxr import intervals, plots
from cxr.calibration import temper
from cxr.metrics import ECE_BINS, bins, mean
from cxr.summaries import SUBSETS, per_image, units_of

VALIDATION, HELD_OUT = ("--", plots.ORANGE), ("-", plots.BLUE)
MARKERS = {"0.5": "o", "youden": "s", "sensitivity_95": "^"}


def draw_history(histories: list[pd.DataFrame], title: str) -> plt.Figure:
    """Loss and accuracy over epochs, training and validation side by side.

    Args:
        histories: history.csv of the network, or of each fold's: then the mean over the folds is
            drawn over a thin line for each.
        title: Above the figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    average = pd.concat(histories).groupby("epoch").mean()
    of = f" (mean of {len(histories)} folds)" if len(histories) > 1 else ""
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for column, style, colour, label in (
            (name, "-", plots.BLUE, f"training{of}"),
            (f"val_{name}", "--", plots.ORANGE, f"validation{of}"),
        ):
            for history in histories if of else ():
                axis.plot(
                    history["epoch"], history[column], style, color=colour, lw=0.7, alpha=0.45
                )
            axis.plot(average.index, average[column], f".{style}", color=colour, label=label)
        axis.set(xlabel="epoch", ylabel=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylim(0, 1.02)
    axes[1].legend(loc="lower right")
    return figure


def threshold_words(scores: dict) -> str:
    """The threshold of metrics.json in words."""
    folds = scores.get("thresholds", {}).values()
    if len(set(folds)) <= 1:
        return f"threshold {scores['threshold']:.2f}"
    return f"each fold's threshold, {min(folds):.2f} to {max(folds):.2f}"


def draw_confusion(scores: dict, kind: str, threshold: str, title: str) -> plt.Figure:
    """Confusion matrix of the images held out, counts and shares of each true class.

    Args:
        scores: Their subset of metrics.json.
        kind: Of the images: test or out-of-fold.
        threshold: In words, see `threshold_words`.
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
    axis.set(xlabel=f"called ({threshold})", ylabel="label")
    axis.grid(False)
    axis.set_title(f"{title}\n{scores['n']} {kind} images", loc="left")
    return figure


def draw_roc(predictions: pd.DataFrame, metrics: dict, held_out: str, title: str) -> plt.Figure:
    """ROC curves of the images that validate and of those held out, with the operating points.

    Args:
        predictions: predictions.csv.
        metrics: metrics.json.
        held_out: Subset of the images held out.
        title: Above the figure.
    """
    figure, axis = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    for subset, (style, colour) in {"validation": VALIDATION, held_out: HELD_OUT}.items():
        part = predictions[predictions["subset"] == subset]
        false_rate, true_rate, _ = roc_curve(
            part["label"], part["probability"], drop_intermediate=False
        )
        area = plots.value_text(metrics[subset]["auroc"])
        label = f"{SUBSETS[subset]}, n = {len(part)}\nAUROC {area}"
        axis.plot(false_rate, true_rate, style, color=colour, label=label)
    for rule, point in metrics["operating_points"].items():
        sensitivity, specificity = (
            point[held_out][name]["value"] for name in ("sensitivity", "specificity")
        )
        if sensitivity is None or specificity is None:
            continue
        words = threshold_words(point)
        axis.plot(
            1 - specificity,
            sensitivity,
            MARKERS[rule],
            color=plots.BLACK,
            markerfacecolor="white",
            linestyle="none",
            label=words + (f" ({rule})" if rule != "0.5" else ""),
        )
    axis.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.set_aspect("equal")
    axis.legend(loc="lower right", fontsize=8)
    axis.set_title(title)
    return figure


def draw_precision_recall(
    predictions: pd.DataFrame, metrics: dict, held_out: str, title: str
) -> plt.Figure:
    """Precision over recall, validation and held out; arguments as for `draw_roc`."""
    figure, axis = plt.subplots(figsize=(5.4, 5.4), layout="constrained")
    for subset, (style, colour) in {"validation": VALIDATION, held_out: HELD_OUT}.items():
        part = predictions[predictions["subset"] == subset]
        precision, recall, _ = precision_recall_curve(part["label"], part["probability"])
        label = (
            f"{SUBSETS[subset]}, n = {len(part)}\n"
            f"average precision {plots.value_text(metrics[subset]['auprc'])}"
        )
        axis.step(recall, precision, style, where="post", color=colour, label=label)
    share = predictions.loc[predictions["subset"] == held_out, "label"].mean()
    axis.axhline(share, linestyle=":", color=plots.GREY, linewidth=1)
    axis.annotate(
        f"share of effusions in the {SUBSETS[held_out]} images", (0.02, share + 0.012), fontsize=8
    )
    axis.set(xlabel="recall (sensitivity)", ylabel="precision (PPV)")
    axis.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    axis.set_aspect("equal")
    axis.legend(loc="lower left", fontsize=8)
    axis.set_title(title)
    return figure


def reliability(predictions: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """How often images of a probability carry an effusion.

    Args:
        predictions: Columns id, label and patient.
        probabilities: float (n,).

    Returns:
        For each bin of the calibration error that holds images: their mean probability, their
        share of effusions, and its 95 % interval over patients, low and high (NaN for one
        patient alone).
    """
    level = bins(probabilities)
    shares = {
        number: mean(predictions["label"].to_numpy(), level == number) for number in set(level)
    }
    scored = intervals.combine([shares], intervals.group(units_of(predictions)))
    rows = [
        (probabilities[level == number].mean(), share.value, *scored.interval(number))
        for number, share in sorted(shares.items())
    ]
    return pd.DataFrame(rows, columns=["probability", "share", "low", "high"], dtype=float)


def draw_calibration(predictions: pd.DataFrame, scores: dict, kind: str, title: str) -> plt.Figure:
    """How often images of a probability carry an effusion, before and after temperature scaling.

    Args:
        predictions: Of the images held out: columns id, label, probability, patient and fold.
        scores: Their subset of metrics.json.
        kind: Of the images: test or out-of-fold.
        title: Above the figure.
    """
    figure, (axis, histogram) = plt.subplots(
        2, 1, figsize=(5.4, 6.8), height_ratios=(4, 1), sharex=True, layout="constrained"
    )
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    scaling = scores["calibrated"]
    temperatures = per_image(scaling, "temperature", predictions["fold"])
    raw = predictions["probability"].to_numpy()
    table = reliability(predictions, raw)
    reach = [table["share"] - table["low"], table["high"] - table["share"]]
    label = f"as predicted\n{_calibration_words(scores)}"
    axis.errorbar(
        table["probability"],
        table["share"],
        reach,
        fmt="o-",
        color=plots.BLUE,
        capsize=3,
        elinewidth=1.2,
        label=label,
    )
    table = reliability(predictions, temper(raw, temperatures))
    label = f"{temperature_words(scaling)}\n{_calibration_words(scaling)}"
    axis.plot(
        table["probability"], table["share"], "s--", color=plots.ORANGE, markersize=5, label=label
    )
    axis.set(ylabel="share of images with effusion", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    scaled, predicted = axis.get_legend_handles_labels()[0]
    figure.legend(
        handles=[predicted, scaled],
        loc="outside upper left",
        fontsize=8,
        ncols=2,
        title=f"{title}\n{len(predictions)} {kind} images in bins of 0.1, with 95 % intervals",
        alignment="left",
        borderpad=0,
    ).get_title().set_fontweight("bold")
    edges = np.linspace(0, 1, ECE_BINS + 1)
    for label, shown in plots.CLASSES.items():
        histogram.hist(
            predictions.loc[predictions["label"] == label, "probability"],
            edges,
            histtype="step",
            color=shown.colour,
            linewidth=1.6,
            linestyle="-" if label else "--",
            label=shown.name,
        )
    histogram.set(xlabel="probability of effusion", ylabel="images")
    histogram.yaxis.set_major_locator(MaxNLocator(3, integer=True, min_n_ticks=1))
    histogram.legend(fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 0.97))
    return figure


def _calibration_words(scores: dict) -> str:
    names = {"ece": "ECE", "brier": "Brier", "calibration_slope": "slope"}
    return "\n".join(
        f"{word} {plots.value_text(scores[name]).split(':')[0]}" for name, word in names.items()
    )


def temperature_words(scaling: dict) -> str:
    """The temperature of metrics.json in words, or the range of the folds'."""
    folds = scaling.get("temperatures", {"": scaling["temperature"]}).values()
    low, high = f"{min(folds):.2f}", f"{max(folds):.2f}"
    return f"temperature {low}" + (f" to {high}" if high != low else "")
