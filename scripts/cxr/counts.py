"""How many images and patients each subset or fold holds."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from cxr import plots
from cxr.words import count


def count_images(table: pd.DataFrame) -> pd.DataFrame:
    """Images of each subset or fold (rows) and class (columns), int.

    Args:
        table: One row per image, with class and part, see `cxr.folds.parts`.
    """
    counts = pd.crosstab(table["part"], table["class"])
    names = [kind.name for kind in plots.CLASSES.values()]
    return counts.reindex(index=table["part"].cat.categories, columns=names, fill_value=0)


def count_patients(table: pd.DataFrame) -> pd.DataFrame:
    """Patients of each subset or fold (rows) and class (columns), int; one may have both classes.

    Args:
        table: One row per image, with part, class and patient, "" where unknown.
    """
    known = table[table["patient"] != ""]
    return count_images(known.drop_duplicates(["part", "class", "patient"]))


def draw_counts(table: pd.DataFrame, title: str) -> plt.Figure:
    """Images and patients of each class and subset or fold, side by side.

    Args:
        table: One row per image, with part, class and patient, "" where unknown.
        title: Above the figure.
    """
    figure, (images, patients) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    plots.headline(figure, title)
    _draw_bars(images, count_images(table), table.groupby("part", observed=False).size(), "image")
    images.legend(fontsize=9, ncols=2, loc="upper right")
    known = table[table["patient"] != ""]
    if known.empty:
        patients.axis("off")
        patients.text(
            0.5, 0.5, "patients are not known", ha="center", va="center", color=plots.GREY
        )
        return figure
    totals = known.groupby("part", observed=False)["patient"].nunique()
    _draw_bars(patients, count_patients(table), totals, "patient")
    if unknown := len(table) - len(known):
        patients.set_title(
            f"(patient of {count(unknown, 'image')} unknown)", fontsize=9, fontweight="normal"
        )
    return figure


def _draw_bars(axis: plt.Axes, counts: pd.DataFrame, totals: pd.Series, unit: str) -> None:
    for number, kind in enumerate(plots.CLASSES.values()):
        places = np.arange(len(counts)) + (number - 0.5) * 0.4
        bars = axis.bar(places, counts[kind.name], 0.38, color=kind.colour, label=kind.name)
        axis.bar_label(bars, fmt="{:,.0f}", fontsize=9, padding=2)
    labels = [f"{part}\n{count(totals.get(part, 0), unit)}" for part in counts.index]
    axis.set_xticks(range(len(counts)), labels)
    axis.set_ylabel(f"{unit}s")
    axis.margins(y=0.2)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axis.grid(axis="x", visible=False)
