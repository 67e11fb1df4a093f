"""Draw transfer.csv: each experiment on the data set it learned from and on others.

Reads transfer.csv. Writes transfer.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots, tables
from cxr.log import job_log
from cxr.words import mean_of_seeds

SHOWN = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}
SUBSETS = {"test": "test", "oof": "out-of-fold", "all": "not learned from"}


def row_label(dataset: str, subset: str, n: int, left_out: int) -> str:
    """What stands before the rows of a data set."""
    lacking = f", {left_out:,} left out" if left_out else ""
    return f"{plots.short_name(dataset)}\n{SUBSETS[subset]}, n = {n:,}{lacking}"


def draw_transfer(table: pd.DataFrame, title: str) -> plt.Figure:
    """A forest plot: a band of rows per data set, one row per experiment, a panel per metric.

    Args:
        table: transfer.csv.
        title: Above the figure.
    """
    names = list(table["experiment"].unique())
    heads = table.drop_duplicates("dataset")
    band = 0.3 + 0.18 * len(names)  # inches
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 1.9 + max(0.5, band) * len(heads)), sharey=True, layout="constrained"
    )
    plots.headline(figure, title)
    for axis, (metric, words) in zip(axes, SHOWN.items(), strict=True):
        for number, name in enumerate(names):
            rows = table[(table["experiment"] == name) & (table["metric"] == metric)]
            shift = (number - (len(names) - 1) / 2) * 0.7 / len(names)
            places = np.arange(len(heads)) + shift
            style = {
                "color": plots.SERIES[number % len(plots.SERIES)],
                "fmt": plots.MARKERS[number % len(plots.MARKERS)],
            }
            axis.errorbar(rows["value"], places, xerr=rows["seed_sd"], **plots.BAND | style)
            limits = (rows[key] for key in ("value", "low", "high"))
            label = f"{name}, {mean_of_seeds(rows['seeds'].iloc[0])}"
            plots.draw_intervals(axis, places, *limits, linewidth=1.5, label=label, **style)
        for place in range(1, len(heads)):
            axis.axhline(place - 0.5, color=plots.GREY if place == 1 else plots.LIGHT, linewidth=1)
        axis.set(xlabel=words, xlim=(-0.04, 1.04))
        plots.name_rows(axis)
    fields = ("dataset", "subset", "n", "left_out")
    labels = [row_label(*cells) for cells in zip(*(heads[name] for name in fields), strict=True)]
    axes[0].set_yticks(range(len(heads)), labels)
    axes[0].set_ylim(len(heads) - 0.5, -0.5)
    bands = "; broad: 1 SD over seeds" if table["seed_sd"].notna().any() else ""
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower left",
        ncols=3,
        title=f"95 % intervals over patients{bands}",
        alignment="left",
    )
    return figure


def transfer_figure(table: Path, output: Path, title: str) -> None:
    """Write transfer.png from transfer.csv."""
    plots.save(draw_transfer(tables.read_table(table, "transfer"), title), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        transfer_figure(
            table=snakemake.input.table,
            output=snakemake.output[0],
            title=f"learned from {snakemake.wildcards.dataset}, tested on it and on others",
        )
