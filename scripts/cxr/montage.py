"""Rows of X-rays to look at."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

MISTAKES = 6  # of each kind
KINDS = {1: "missed effusions", 0: "false alarms"}


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
    figure, axes = plt.subplots(
        2, MISTAKES, figsize=(2 * MISTAKES, 5.0), squeeze=False, layout="constrained"
    )
    figure.suptitle(
        f"{title}: the surest mistakes on the test images at threshold {threshold:.2f}",
        x=0.01,
        ha="left",
        fontweight="bold",
    )
    for axis in axes.flat:
        axis.axis("off")
    for row, (label, kind) in zip(axes, KINDS.items(), strict=True):
        mistakes = surest_mistakes(predictions, threshold, label)
        if mistakes.empty:
            row[0].text(0, 0.5, f"no {kind} among the test images", transform=row[0].transAxes)
        for axis, mistake in zip(row, mistakes.itertuples(), strict=False):
            image = images[mistake.row]
            low, high = np.percentile(image, [0.5, 99.5])
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_title(
                f"{shorten(mistake.id)}\np = {mistake.probability:.2f}", fontsize=8, loc="center"
            )
        row[0].text(
            -0.08, 0.5, kind, transform=row[0].transAxes, rotation=90, va="center", ha="right"
        )
    return figure


def shorten(name: str, limit: int = 22) -> str:
    """A name that fits over a picture: its middle is left out where it is too long."""
    return name if len(name) <= limit else f"{name[: limit - 9]}…{name[-8:]}"
