"""Draw comparison.csv: each experiment's test metrics with their intervals and seeds.

Reads comparison.csv. Writes comparison.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.log import job_log

SHOWN = {
    "auroc": "AUROC",
    "auprc": "average precision",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}


def draw_comparison(comparison: pd.DataFrame, title: str) -> plt.Figure:
    """Values with 95 % intervals, and the AUROC's paired difference to the first experiment.

    Args:
        comparison: comparison.csv.
        title: Above the figure.
    """
    names = list(comparison["experiment"].unique())
    figure, (values, differences) = plt.subplots(
        1,
        2,
        figsize=(10, 1.8 + 0.32 * len(SHOWN) * max(2, len(names))),
        width_ratios=(3, 2),
        layout="constrained",
    )
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    offsets = np.linspace(-0.25, 0.25, len(names)) if len(names) > 1 else [0.0]
    for number, (name, offset) in enumerate(zip(names, offsets, strict=True)):
        part = comparison[comparison["experiment"] == name].set_index("metric").loc[list(SHOWN)]
        colour = plots.SERIES[number % len(plots.SERIES)]
        marker = "osD^v<>"[number % 7]
        label = f"{name}, {_seeds(part['seeds'].iloc[0])}"
        places = np.arange(len(SHOWN)) + offset
        _draw_rows(values, places, part, ("value", "low", "high"), colour, marker, label)
        if number:
            keys = ("difference", "difference_low", "difference_high")
            _draw_rows(differences, places, part, keys, colour, marker, None)
    n = comparison["n"].iloc[0]
    values.set(xlabel=f"value on {n} test images, 95 % interval over patients", xlim=(0, 1.01))
    differences.axvline(0, color=plots.BLACK, linewidth=1)
    differences.set(xlabel=f"paired difference to {names[0]}")
    if len(names) == 1:
        differences.text(
            0.5,
            0.5,
            "one experiment: nothing to compare",
            ha="center",
            transform=differences.transAxes,
        )
    for axis in (values, differences):
        axis.set_yticks(range(len(SHOWN)), SHOWN.values())
        axis.set_ylim(len(SHOWN) - 0.5, -0.5)
    differences.set_yticklabels([])
    figure.legend(*values.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def _draw_rows(axis, places, part, keys, colour, marker, label) -> None:
    value, low, high = (part[key].astype(float) for key in keys)
    errors = [(value - low).clip(lower=0).fillna(0), (high - value).clip(lower=0).fillna(0)]
    axis.errorbar(
        value, places, xerr=errors, fmt=marker, color=colour, capsize=3, linewidth=1.5, label=label
    )


def _seeds(count: int) -> str:
    return "1 seed" if count == 1 else f"mean of {count} seeds"


def compare_figure(comparison: Path, output: Path, title: str) -> None:
    """Write comparison.png from comparison.csv."""
    plots.save(draw_comparison(pd.read_csv(comparison), title), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        compare_figure(
            comparison=snakemake.input.comparison,
            output=snakemake.output[0],
            title=f"{snakemake.wildcards.dataset}: experiments side by side",
        )
