"""Draw subgroups.csv: a network's metrics by age, sex and view.

Reads subgroups.csv. Writes subgroups.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots, tables
from cxr.log import job_log
from cxr.subgroups import UNKNOWN

SHOWN = {"auroc": "AUROC", "sensitivity": "sensitivity", "specificity": "specificity"}
SEXES = {"F": "female", "M": "male", "O": "other"}
SAME = {"color": plots.BLUE, "fmt": "o", "label": "no clear difference to the rest"}
APART = {
    "color": plots.ORANGE,
    "fmt": "D",
    "label": "the 95 % interval of the difference to the rest excludes 0",
}


def row_label(group: str, value: str, n: int, effusions: int) -> str:
    """What stands before a row: the subgroup, its images and how many show an effusion."""
    words = {
        "all": "all",
        "age": f"age {value}",
        "sex": SEXES.get(value, value),
        "view": plots.short_name(value, 14),
    }
    name = f"{group} unknown" if value == UNKNOWN else words[group]
    return f"{name}  ({n:,}, {effusions:,} with effusion)"


def draw_subgroups(table: pd.DataFrame, title: str) -> plt.Figure:
    """A forest plot: one row per subgroup, one panel per metric.

    Args:
        table: subgroups.csv.
        title: Above the figure.
    """
    if table.empty:
        figure, axis = plt.subplots(figsize=(7, 1.4), layout="constrained")
        plots.headline(figure, title)
        axis.set_axis_off()
        text = "no subgroups: age, sex and view are unknown or the same for all images"
        axis.text(0, 0.5, text, va="center")
        return figure
    heads = table.drop_duplicates(["group", "value"])
    places = heads.index // len(SHOWN) + (heads["group"] != heads["group"].shift()).cumsum() * 0.5
    figure, axes = plt.subplots(
        1, 3, figsize=(11, 1.7 + 0.27 * places.max()), sharey=True, layout="constrained"
    )
    plots.headline(figure, title)
    for axis, (metric, words) in zip(axes, SHOWN.items(), strict=True):
        rows = table[table["metric"] == metric]
        _draw_metric(axis, rows, places.to_numpy(), words)
    fields = ("group", "value", "n", "effusions")
    labels = [row_label(*cells) for cells in zip(*(heads[name] for name in fields), strict=True)]
    axes[0].set_yticks(places, labels)
    axes[0].set_ylim(places.max() + 0.7, places.min() - 0.7)
    handles = dict(zip(*axes[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower left", ncols=3, fontsize=8)
    return figure


def _draw_metric(axis: plt.Axes, rows: pd.DataFrame, places: np.ndarray, words: str) -> None:
    overall = rows["estimate"].iloc[0]
    axis.axvline(overall, linestyle="--", linewidth=1, color=plots.BLACK, label="all images")
    apart = ((rows["difference_low"] > 0) | (rows["difference_high"] < 0)).to_numpy()
    judged = (rows["note"] == "").to_numpy()
    for chosen, style in ((judged & ~apart, SAME), (judged & apart, APART)):
        part = rows[chosen]
        limits = (part[key] for key in ("estimate", "low", "high"))
        plots.draw_intervals(axis, places[chosen], *limits, **style)
    for place in places[~judged]:
        axis.text(0.02, place, "too few to judge", va="center", fontsize=8, color=plots.GREY)
    axis.set(xlabel=words, xlim=(-0.04, 1.04))
    plots.name_rows(axis)


def subgroups_figure(table: Path, output: Path, title: str) -> None:
    """Write subgroups.png from subgroups.csv."""
    plots.save(draw_subgroups(tables.read_table(table, "subgroups"), title), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        subgroups_figure(
            table=snakemake.input.table,
            output=snakemake.output[0],
            title="{experiment} seed {seed}: held-out X-rays by age, sex and view".format(
                **snakemake.wildcards
            ),
        )
