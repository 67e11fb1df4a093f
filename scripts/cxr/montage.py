"""Rows of X-rays to look at."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.xrays import OUTLINED, show_xray

MISTAKES = 6  # of each kind
KINDS = {1: "missed effusions", 0: "false alarms"}


def surest_mistakes(predictions: pd.DataFrame, threshold: float, label: int) -> pd.DataFrame:
    """Test images of one class on the wrong side of the threshold, the surest first."""
    part = predictions[(predictions["subset"] == "test") & (predictions["label"] == label)]
    wrong = part[(part["probability"] >= threshold) != (part["label"] == 1)]
    return wrong.sort_values("probability", ascending=label == 1, kind="stable").head(MISTAKES)


def draw_mistakes(
    mistakes: dict[int, pd.DataFrame],
    images: np.ndarray,
    fluid: dict[str, np.ndarray],
    threshold: float,
    title: str,
) -> plt.Figure:
    """The test X-rays that the network got wrong and was surest about.

    Args:
        mistakes: `surest_mistakes` of each label, with the column row, an image's row in `images`.
        images: Memory-mapped float32 (N, side, side).
        fluid: The true effusions by id where they are known, see `cxr.xrays.read_fluid`.
        threshold: An image at or above it is called an effusion.
        title: Above the figure.
    """
    figure, axes = plt.subplots(
        2, MISTAKES, figsize=(1.7 * MISTAKES, 4.4), squeeze=False, layout="constrained"
    )
    outlined = f" ({OUTLINED})" if fluid else ""
    words = f"the surest mistakes on the test images at threshold {threshold:.2f}{outlined}"
    plots.headline(figure, f"{title}: {words}")
    for axis in axes.flat:
        axis.axis("off")
    for row, (label, kind) in zip(axes, KINDS.items(), strict=True):
        if mistakes[label].empty:
            row[0].text(0, 0.5, f"no {kind} among the test images", transform=row[0].transAxes)
        for axis, mistake in zip(row, mistakes[label].itertuples(), strict=False):
            show_xray(axis, images[mistake.row], fluid.get(mistake.id))
            name = plots.short_name(mistake.id)
            plots.caption(axis, f"{name}\np = {mistake.probability:.2f}")
        row[0].text(
            -0.08, 0.5, kind, transform=row[0].transAxes, rotation=90, va="center", ha="right"
        )
    return figure
