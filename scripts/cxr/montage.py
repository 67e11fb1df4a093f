"""Rows of X-rays to look at."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.xrays import OUTLINED, show_xray

MISTAKES = 6  # of each kind
KINDS = {1: "missed effusions", 0: "false alarms"}


def surest_mistakes(predictions: pd.DataFrame, thresholds: np.ndarray, label: int) -> pd.DataFrame:
    """Images of one class on the wrong side of their threshold, float (n,), the surest first."""
    called = predictions["probability"] >= thresholds
    wrong = predictions[(predictions["label"] == label) & (called != (label == 1))]
    return wrong.sort_values("probability", ascending=label == 1, kind="stable").head(MISTAKES)


def draw_mistakes(
    mistakes: dict[int, pd.DataFrame],
    images: np.ndarray,
    fluid: dict[str, np.ndarray],
    kind: str,
    threshold: str,
    title: str,
) -> plt.Figure:
    """The X-rays held out that the network got wrong and was surest about.

    Args:
        mistakes: `surest_mistakes` of each label, with the column row, an image's row in `images`.
        images: Memory-mapped float32 (N, side, side).
        fluid: The true effusions by id where they are known, see `cxr.xrays.read_fluid`.
        kind: Of the images: test or out-of-fold.
        threshold: In words.
        title: Above the figure.
    """
    figure, axes = plt.subplots(
        2, MISTAKES, figsize=(1.7 * MISTAKES, 4.4), squeeze=False, layout="constrained"
    )
    outlined = f" ({OUTLINED})" if fluid else ""
    words = f"the surest mistakes on the {kind} images at {threshold}{outlined}"
    plots.headline(figure, f"{title}: {words}")
    for axis in axes.flat:
        axis.axis("off")
    for row, (label, wrong) in zip(axes, KINDS.items(), strict=True):
        if mistakes[label].empty:
            row[0].text(0, 0.5, f"no {wrong} among the {kind} images", transform=row[0].transAxes)
        for axis, mistake in zip(row, mistakes[label].itertuples(), strict=False):
            show_xray(axis, images[mistake.row], fluid.get(mistake.id))
            name = plots.short_name(mistake.id)
            plots.caption(axis, f"{name}\np = {mistake.probability:.2f}")
        row[0].text(
            -0.08, 0.5, wrong, transform=row[0].transAxes, rotation=90, va="center", ha="right"
        )
    return figure
