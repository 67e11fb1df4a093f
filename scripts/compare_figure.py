"""Draw comparison.csv: metrics on the held-out images with their intervals and seeds.

Reads comparison.csv. Writes comparison.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.log import job_log
from cxr.summaries import SUBSETS
from cxr.words import mean_of_seeds

SHOWN = {
    "auroc": "AUROC",
    "auprc": "average precision",
    "accuracy": "accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
HOLLOW = {"markerfacecolor": "white"}


def draw_comparison(comparison: pd.DataFrame, title: str) -> plt.Figure:
    """Values with 95 % intervals, and their paired differences to the first experiment.

    Where an experiment has several seeds, a broad band shows one standard deviation over them.

    Args:
        comparison: comparison.csv.
        title: Above the figure.
    """
    names = list(comparison["experiment"].unique())
    styles = _styles(comparison)
    figure, (values, differences) = plt.subplots(
        1,
        2,
        figsize=(10, 2.2 + len(SHOWN) * (0.3 + 0.17 * len(names))),
        width_ratios=(3, 2),
        layout="constrained",
    )
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    for number, name in enumerate(names):
        part = comparison[comparison["experiment"] == name].set_index("metric").loc[list(SHOWN)]
        places = np.arange(len(SHOWN)) + (number - (len(names) - 1) / 2) * 0.8 / len(names)
        label = _label(part.iloc[0])
        style = styles[name]
        values.errorbar(part["value"], places, xerr=part["seed_sd"], **plots.BAND | style)
        _draw_rows(values, places, part, ("value", "low", "high"), label=label, **style)
        if number:
            keys = ("difference", "difference_low", "difference_high")
            _draw_rows(differences, places, part, keys, **style)
    n = comparison["n"].iloc[0]
    bands = "; broad: 1 SD over seeds" if comparison["seed_sd"].notna().any() else ""
    subset = SUBSETS[comparison["subset"].iloc[0]]
    values.set(xlabel=f"{n} {subset} images, 95 % interval{bands}", xlim=(-0.02, 1.02))
    differences.axvline(0, color=plots.BLACK, linewidth=1)
    differences.set(xlabel=f"paired difference to {names[0]}, 95 % interval")
    for axis in (values, differences):
        axis.set_yticks(range(len(SHOWN)), SHOWN.values())
        plots.name_rows(axis)
        for place in range(1, len(SHOWN)):
            axis.axhline(place - 0.5, color=plots.LIGHT, linewidth=0.8, zorder=0)
        axis.set_ylim(len(SHOWN) - 0.5, -0.5)
    differences.set_yticklabels([])
    if len(names) == 1:
        differences.clear()
        differences.set_axis_off()
        differences.text(0.5, 0.5, "one experiment: nothing to compare", ha="center")
    figure.legend(*values.get_legend_handles_labels(), loc="outside lower left", ncols=3)
    return figure


def _styles(comparison: pd.DataFrame) -> dict[str, dict]:
    """An ensemble looks like its experiment, but hollow; baselines are grey and hollow."""
    styles, drawn = {}, {"experiment": 0, "baseline": 0}
    for name, kind in comparison.groupby("experiment", sort=False)["kind"].first().items():
        if kind == "ensemble":
            styles[name] = styles[name.removesuffix(" ensemble")] | HOLLOW
            continue
        number, drawn[kind] = drawn[kind], drawn[kind] + 1
        styles[name] = {"fmt": plots.MARKERS[number % len(plots.MARKERS)]}
        if kind == "baseline":
            styles[name] |= {"color": plots.GREY} | HOLLOW
        else:
            styles[name] |= {"color": plots.SERIES[number % len(plots.SERIES)]}
    return styles


def _draw_rows(axis, places, part, keys, **style) -> None:
    value, low, high = (part[key] for key in keys)
    plots.draw_intervals(axis, places, value, low, high, linewidth=1.5, **style)


def _label(row: pd.Series) -> str:
    if row["kind"] == "baseline":
        return f"{row['experiment']} (baseline)"
    if row["kind"] == "ensemble":
        return row["experiment"]
    return f"{row['experiment']}, {mean_of_seeds(row['seeds'])}"


def compare_figure(comparison: Path, output: Path, title: str) -> None:
    """Write comparison.png from comparison.csv."""
    table = pd.read_csv(comparison, keep_default_na=False, na_values=[""])  # "null" is a name
    plots.save(draw_comparison(table, title), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        compare_figure(
            comparison=snakemake.input.comparison,
            output=snakemake.output[0],
            title=f"{snakemake.wildcards.dataset}: experiments side by side",
        )
