"""Draw whether a network uses the planted mark, and whether its saliency maps show that.

Reads shortcut.csv, shortcut_use.csv, shortcut.npy and checks.csv. Writes shortcut.png.
"""

import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import heatmaps, plots, tables
from cxr.arrays import open_array
from cxr.confounding import ADDED, AT_RANDOM, HALF, IMAGES, OPEN, TOP, UNUSED, USES, use_of_mark
from cxr.log import job_log
from cxr.methods import method_name
from cxr.words import run_title
from cxr.xrays import show_xray

SAID = {
    USES: "The network uses the mark, so a map should show it",
    UNUSED: "The network does not use the mark, so a map should not show it",
    OPEN: "Whether the network uses the mark cannot be told",
}
PANELS = {  # statistic of checks.csv: title, axis, limits, and the value of chance, if there is one
    "mark_shown": (
        "Maps that show the mark",
        "share of maps\nshaded: as it should be",
        (0, 1),
        None,
    ),
    "confounder_sensitivity": (
        "Confounder sensitivity",
        "share of the mark in\nthe map's highest tenth",
        (0, 1),
        TOP,
    ),
    "explanation_ncc": (
        "Explanation correlation",
        "correlation of the maps\nwith and without",
        (-1, 1),
        0,
    ),
}


def in_words(use: pd.DataFrame) -> str:
    """What the mark does to the network, as a sentence; use: shortcut_use.csv."""
    facts = use.set_index(["statistic", "images"])
    drop = facts.loc[("auroc_drop", AT_RANDOM)]
    calls = facts.loc[("called_otherwise", ADDED)]
    interval = (
        "no interval" if np.isnan(drop.low) else f"95 % interval {drop.low:.3f} to {drop.high:.3f}"
    )
    return (
        f"{SAID[use_of_mark(use)]}: where the mark no longer goes with the label, the AUROC drops "
        f"by {drop.value:.3f} ({interval}), and adding it changes the call of "
        f"{100 * calls.value:.0f} % of {calls.n:.0f} X-rays."
    )


def why_none(table: pd.DataFrame, statistic: str) -> str:
    """Why no method has a value of a statistic of checks.csv; table: shortcut.csv."""
    correlation = statistic == "explanation_ncc"
    if table["explanation_ncc" if correlation else "sensitivity_marked"].notna().any():
        return "No X-ray is called\notherwise with it"
    return "All maps are empty" if correlation else "A change of exposure\nhas no place"


def draw_shortcut(
    table: pd.DataFrame, use: pd.DataFrame, checks: pd.DataFrame, maps: np.ndarray, title: str
) -> plt.Figure:
    """One X-ray without and with the mark, its maps, and below it the numbers of all images.

    Args:
        table: shortcut.csv.
        use: shortcut_use.csv.
        checks: checks.csv.
        maps: shortcut.npy, float32 (1 + methods, 2, size, size).
        title: Data set, experiment and run.
    """
    figure = plt.figure(figsize=(11, 7))
    plots.headline(figure, f"{title}: do its saliency maps show a shortcut?")
    figure.text(0.01, 0.945, textwrap.fill(in_words(use), 170), va="top", fontsize=8.5)
    upper, lower = figure.subfigures(2, 1)
    left, right = lower.subfigures(1, 2, width_ratios=(1, 1.9))
    grid = _frame(0.07, 0.99, 0.02, 0.69) | {"wspace": 0.03, "hspace": 0.03}
    methods = list(table["method"].unique())
    _draw_example(upper.subplots(2, len(maps), gridspec_kw=grid), table.iloc[0], maps, methods)
    aurocs = use[use["statistic"] == "auroc"].set_index("images").loc[list(IMAGES)]
    _draw_aurocs(left.subplots(gridspec_kw=_frame(0.35, 0.97, 0.2, 0.88)), aurocs)
    judged = checks[checks["check"] == "shortcut"].set_index(["statistic", "method"])
    grid = _frame(0.15, 0.985, 0.2, 0.88) | {"wspace": 0.16}
    axes = right.subplots(1, len(PANELS), gridspec_kw=grid)
    for axis, statistic in zip(axes, PANELS, strict=True):
        rows = judged.loc[statistic].loc[methods]
        _draw_statistic(axis, rows, statistic, use_of_mark(use))
        if rows["value"].isna().all():
            words = {"ha": "center", "va": "center", "fontsize": 8}
            axis.text(0.5, 0.5, why_none(table, statistic), transform=axis.transAxes, **words)
    counts = judged["n"].groupby("method").max()
    names = [f"{method_name(method)}\nn = {counts[method]}" for method in methods]
    axes[0].set_yticks(range(len(names)), names, fontsize=7.5)
    return figure


def _frame(left: float, right: float, bottom: float, top: float) -> dict[str, float]:
    """Where in its part of the figure a grid lies."""
    return {"left": left, "right": right, "bottom": bottom, "top": top}


def _draw_example(axes: np.ndarray, facts: pd.Series, maps: np.ndarray, methods: list[str]) -> None:
    """The X-ray and its maps, without the mark in the first row and with it in the second."""
    kind = plots.CLASSES[facts["label"]].name
    names = [f"{plots.short_name(facts['id'], 18)}\n{kind}", *map(method_name, methods)]
    probabilities = facts[["probability_without", "probability_marked"]]
    words = ("without\nthe mark", "with\nthe mark")
    for line, state, probability, row in zip(
        axes, words, probabilities, maps.swapaxes(0, 1), strict=True
    ):
        show_xray(line[0], row[0])
        place = {"transform": line[0].transAxes, "fontsize": 9, "ha": "right", "va": "center"}
        line[0].text(-0.06, 0.5, f"{state}\n\np = {probability:.2f}", **place)
        for axis, cam in zip(line[1:], row[1:], strict=True):
            axis.set_axis_off()
            heatmaps.draw_map(axis, row[0], cam, empty=not cam.any())
    for axis, name in zip(axes[0], names, strict=True):
        plots.caption(axis, name)


def _draw_aurocs(axis: plt.Axes, rows: pd.DataFrame) -> None:
    places = np.arange(len(rows))
    facts = (rows["value"], rows["low"], rows["high"])
    plots.draw_intervals(axis, places, *facts, fmt="o", color=plots.BLUE)
    axis.axvline(0.5, color=plots.GREY, linestyle=":", linewidth=1)
    axis.set_yticks(places, rows.index)
    axis.set(xlim=(-0.02, 1.02), xticks=(0, 0.5, 1), ylim=(len(rows) - 0.5, -0.5))
    axis.set_xlabel(f"AUROC, 95 % intervals, n = {rows['n'].iloc[0]}\ndotted: chance", fontsize=8)
    axis.set_title("The network, by who bears the mark", fontsize=10, loc="right")
    plots.name_rows(axis)


def _draw_statistic(axis: plt.Axes, rows: pd.DataFrame, statistic: str, use: str) -> None:
    """One statistic of each method; the half where the methods are right is shaded."""
    title, label, limits, chance = PANELS[statistic]
    if use != OPEN:
        above = (use == USES) != (statistic == "explanation_ncc")
        axis.axvspan(*((HALF, 2) if above else (-2, HALF)), color="#d9eaf5", linewidth=0, zorder=0)
    places = np.arange(len(rows))
    facts = (rows["value"], rows["low"], rows["high"])
    plots.draw_intervals(axis, places, *facts, fmt="o", color=plots.BLACK, markersize=4)
    if chance is not None:
        axis.axvline(chance, color=plots.GREY, linestyle=":", linewidth=1)
    margin = 0.02 * np.ptp(limits)
    axis.set(xlim=np.add(limits, (-margin, margin)), ylim=(len(rows) - 0.5, -0.5))
    axis.set_xticks(np.linspace(*limits, 3))
    axis.set_yticks(places, [])
    axis.set_xlabel(label, fontsize=8)
    axis.set_title(title, fontsize=10)
    plots.name_rows(axis)


def audit_shortcut_figure(
    table: Path, use: Path, checks: Path, maps: Path, output: Path, title: str
) -> None:
    """Write shortcut.png; arguments as for `draw_shortcut`, as files."""
    figure = draw_shortcut(
        tables.read_table(table, "shortcut"),
        tables.read_table(use, "shortcut_use"),
        tables.read_table(checks, "checks"),
        open_array(maps),
        title,
    )
    plots.save(figure, output, dpi=110)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_shortcut_figure(
            table=snakemake.input.table,
            use=snakemake.input.use,
            checks=snakemake.input.checks,
            maps=snakemake.input.maps,
            output=snakemake.output[0],
            title=run_title(
                snakemake.wildcards.dataset, snakemake.wildcards.experiment, snakemake.wildcards.run
            ),
        )
