"""Draw how saliency maps fall apart, or not, as a network forgets what it has learned.

Reads sanity.csv of the full audit. Writes sanity.png.
"""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots, tables
from cxr.log import job_log
from cxr.methods import method_name
from cxr.sanity import summarise
from cxr.words import run_title

MEASURES = {"spearman": "rank correlation", "ssim": "SSIM"}
COLUMNS = 4  # panels in a line
CASCADING = {"color": plots.BLUE, "marker": "o"}
INDEPENDENT = {"color": plots.ORANGE, "marker": "D", "linestyle": "none"}


def draw_sanity(table: pd.DataFrame, title: str) -> plt.Figure:
    """A panel per measure and method: likeness to the original map by layers drawn anew.

    Args:
        table: sanity.csv, with the checks "cascading" and "independent".
        title: Above the figure.
    """
    table = table[table["check"].isin(["cascading", "independent"])]
    found = summarise(table.rename(columns={"id": "row"}))
    methods = list(found["method"].unique())
    columns = min(COLUMNS, len(methods))
    lines = -(-len(methods) // columns)
    figure, axes = plt.subplots(
        len(MEASURES) * lines,
        columns,
        figsize=(max(7, 0.6 + 2.5 * columns), 1.6 + 1.75 * len(MEASURES) * lines),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    plots.headline(figure, title)
    for (measure, words), block in zip(
        MEASURES.items(), np.split(axes, len(MEASURES)), strict=True
    ):
        lowest = (found[measure] - found[f"{measure}_draws"].fillna(0)).min()
        for axis in block[:, 0]:
            axis.set_ylabel(words)
            axis.set_ylim(np.nanmin([-0.05, lowest - 0.05]), 1.05)
        for axis in block.flat[len(methods) :]:
            axis.set_axis_off()
        for method, axis in zip(methods, block.flat, strict=False):
            rows = found[found["method"] == method]
            _draw_method(axis, rows, measure)
            plots.caption(axis, f"{method_name(method)}, n = {rows['n'].min()}", size=9)
    handles = {}
    for axis in axes.flat:
        handles |= dict(zip(*axis.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower left",
        ncols=2,
        fontsize=8,
        title=_groups_in_words(found, figure.get_figwidth()),
        title_fontsize=8,
        alignment="left",
    )
    return figure


def _draw_method(axis: plt.Axes, rows: pd.DataFrame, measure: str) -> None:
    """Means with the standard deviation over draws; behind the cascade its 95 % interval."""
    cascade, alone = (rows[rows["check"] == check] for check in ("cascading", "independent"))
    stages = np.array([0, *cascade["stage"]])
    mean = np.array([1, *cascade[measure]])  # the map is as it was where nothing is drawn anew
    bars = {"markersize": 4, "elinewidth": 1, "capsize": 2}
    words = "these layers and all above drawn anew: mean, SD of the draws"
    spread = np.array([0, *cascade[f"{measure}_draws"]])
    axis.errorbar(stages, mean, spread, **bars, **CASCADING, label=words)
    low, high = (np.array([1, *cascade[f"{measure}_{end}"]]) for end in ("low", "high"))
    band = {"color": plots.BLUE, "alpha": 0.2, "linewidth": 0}
    axis.fill_between(stages, low, high, **band, label="the line's 95 % interval over X-rays")
    cells = (alone[name] for name in ("stage", measure, f"{measure}_draws"))
    axis.errorbar(*cells, **bars, **INDEPENDENT, label="these layers alone drawn anew")
    level = cascade[f"{measure}_level"].mean()
    axis.axhline(level, color=plots.BLACK, linestyle=":", label="maps of different X-rays")
    axis.set_xticks(stages)


def _groups_in_words(found: pd.DataFrame, width: float) -> str:
    """Which layers each stage draws anew, in lines that fit the width, inches."""
    groups = found.drop_duplicates("stage").set_index("stage")["layers"]
    words = "; ".join(f"{stage}: {layers}" for stage, layers in groups.items())
    text = f"Layers drawn anew, from the output down. 0: none; {words}."
    return textwrap.fill(text, int(width * 16))


def audit_sanity_figure(sanity: Path, output: Path, title: str) -> None:
    """Write sanity.png from sanity.csv; title: see `draw_sanity`."""
    plots.save(draw_sanity(tables.read_table(sanity, "sanity"), title), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_sanity_figure(
            sanity=snakemake.input.sanity,
            output=snakemake.output[0],
            title=f"{run_title(**snakemake.wildcards)}: do maps fall apart as the network forgets?",
        )
