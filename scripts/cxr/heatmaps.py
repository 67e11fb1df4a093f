"""Saliency maps to look at: over their X-rays, and where two methods agree most and least."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.methods import method_name
from cxr.montage import shorten

COLOURS = "viridis"
SHOWN = 20  # images in maps.png
CLASSES = {1: ("effusion", plots.ORANGE, "o"), 0: ("normal", plots.BLUE, "s")}


def draw_xray(
    axis: plt.Axes, image: np.ndarray, mask: np.ndarray | None = None, shade: float = 1.0
) -> None:
    """Show an X-ray, with the outline of the true effusion where it is known.

    Args:
        axis: Where to draw.
        image: float32 (side, side), any units.
        mask: bool (side, side), the true effusion.
        shade: Darkens the X-ray: 1 leaves it as it is, 0 is black.
    """
    low, high = np.percentile(image, [0.5, 99.5])
    axis.imshow(image, cmap="gray", vmin=low, vmax=low + (high - low) / shade)
    if mask is not None and mask.any():
        axis.contour(mask, [0.5], colors=plots.YELLOW, linewidths=1)
    axis.axis("off")


def draw_map(axis: plt.Axes, image: np.ndarray, cam: np.ndarray, empty: bool) -> None:
    """Show a map over its X-ray, or say that it is empty.

    Args:
        axis: Where to draw.
        image: float32 (side, side).
        cam: float32 (side, side), 0 to 1.
        empty: Whether the map says nothing.
    """
    draw_xray(axis, image, shade=0.4 if empty else 1.0)
    if empty:
        words = {"ha": "center", "va": "center", "color": "white", "fontsize": 9}
        axis.text(0.5, 0.5, "empty map", transform=axis.transAxes, **words)
    else:
        axis.imshow(cam, cmap=COLOURS, vmin=0, vmax=1, alpha=0.55)


def draw_maps(
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    images: dict[str, np.ndarray],
    masks: dict[str, np.ndarray],
    title: str,
) -> plt.Figure:
    """X-ray | one method | the other, side by side for the first images, two of them in a row.

    Args:
        table: maps.csv.
        maps: Each method's maps, float32 (n, side, side), 0 to 1.
        images: Each X-ray by id, float32 (side, side).
        masks: The true effusions by id, bool (side, side), where they are known.
        title: Above the figure.
    """
    ids = list(dict.fromkeys(table["id"]))
    shown = ids[:SHOWN]
    columns = 2 if len(maps) < 3 and len(shown) > 1 else 1
    lines, panels = -(-len(shown) // columns), 1 + len(maps)
    figure, axes = _panels(lines, columns, panels)
    for number, name in enumerate(shown):
        place = axes[number // columns, number % columns * panels :][:panels]
        draw_case(place, name, table, maps, images[name], masks.get(name))
    more = f"; the first {len(shown)} of {len(ids)} images" if len(ids) > len(shown) else ""
    plots.headline(figure, f"{title}{more}")
    _colour_bar(figure, axes)
    return figure


def _panels(lines: int, columns: int, panels: int) -> tuple[plt.Figure, np.ndarray]:
    """A figure of so many lines, each of so many columns of panels side by side."""
    side, width = 1.55, columns * panels
    figure, axes = plt.subplots(
        lines,
        width,
        figsize=(side * width + 0.9, 0.5 + lines * (side + 0.42)),
        squeeze=False,
        layout="constrained",
    )
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.03, wspace=0, hspace=0)
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


def _colour_bar(figure: plt.Figure, axes: np.ndarray) -> None:
    scale = plt.cm.ScalarMappable(plt.Normalize(0, 1), COLOURS)
    bar = figure.colorbar(scale, ax=axes, shrink=min(0.9, 2 / len(axes)), aspect=25, pad=0.01)
    bar.set_ticks([0, 0.5, 1], labels=["0", "", "1"], fontsize=8)
    bar.set_label("evidence, lowest to highest in each map", fontsize=8, labelpad=0)


def draw_case(
    axes: np.ndarray,
    name: str,
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    image: np.ndarray,
    mask: np.ndarray | None,
    note: str = "",
) -> None:
    """One X-ray and its maps in a row.

    Args:
        axes: One for the X-ray and one for each method.
        name: The image's id.
        table: maps.csv.
        maps: Each method's maps.
        image: float32 (side, side).
        mask: The true effusion, bool (side, side), if known.
        note: A third line above the X-ray.
    """
    rows = table[table["id"] == name].set_index("method")
    first = rows.iloc[0]
    kind = CLASSES[first["label"]][0]
    facts = f"{shorten(name)}\n{kind}, p = {first['probability']:.2f}"
    style = {"fontsize": 8, "loc": "center", "fontweight": "normal"}
    draw_xray(axes[0], image, mask)
    axes[0].set_title(facts + (f"\n{note}" if note else ""), **style)
    for axis, (method, cams) in zip(axes[1:], maps.items(), strict=True):
        facts = rows.loc[method]
        draw_map(axis, image, cams[facts["row"]], bool(facts["empty"]))
        axis.set_title(f"{method_name(method)}\nfor {facts['target']}", **style)


def draw_agreement(
    pairs: pd.DataFrame,
    summary: pd.DataFrame,
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    images: dict[str, np.ndarray],
    masks: dict[str, np.ndarray],
    title: str,
    count: int = 2,
) -> plt.Figure:
    """Every image's agreement, and the X-rays whose maps agree most and least.

    Args:
        pairs: agreement.csv.
        summary: agreement_summary.csv.
        table: maps.csv.
        maps: Each method's maps, float32 (n, side, side), 0 to 1.
        images: Each X-ray by id, float32 (side, side).
        masks: The true effusions by id, bool (side, side), where they are known.
        title: Above the figure.
        count: X-rays to show of either kind.
    """
    upper_height, lower_height = 1.4 + max(len(summary), 1) * 0.9, 4.6
    figure = plt.figure(figsize=(10.2, upper_height + lower_height))
    upper, lower = figure.subfigures(2, 1, height_ratios=(upper_height, lower_height))
    plots.headline(figure, title)
    _draw_correlations(upper, pairs, summary, table)
    known = pairs.dropna(subset="spearman").sort_values("spearman", ascending=False)
    if known.empty:
        lower.text(0.05, 0.5, "no image has two maps to compare")
        return figure
    extremes = {
        "most alike": known.head(count),
        "least alike": known.iloc[count:].tail(count)[::-1],
    }
    axes = lower.subplots(2, 3 * count, squeeze=False)
    lower.subplots_adjust(left=0.02, right=0.99, bottom=0.01, top=0.86, wspace=0.04, hspace=0.42)
    for axis in axes.flat:
        axis.axis("off")
    for line, (words, chosen) in zip(axes, extremes.items(), strict=True):
        for number, pair in enumerate(chosen.itertuples()):
            two = {method: maps[method] for method in (pair.first, pair.second)}
            place = line[3 * number : 3 * number + 3]
            note = f"{words}: {pair.spearman:+.2f}"
            draw_case(place, pair.id, table, two, images[pair.id], masks.get(pair.id), note)
    return figure


def _draw_correlations(
    figure: plt.Figure, pairs: pd.DataFrame, summary: pd.DataFrame, table: pd.DataFrame
) -> None:
    axis = figure.subplots()
    height = 1.4 + max(len(summary), 1) * 0.9
    figure.subplots_adjust(left=0.15, right=0.97, top=1 - 0.75 / height, bottom=0.55 / height)
    labels = table.drop_duplicates("id").set_index("id")["label"]
    names = []
    for place, row in enumerate(summary.itertuples()):
        part = pairs[(pairs["first"] == row.first) & (pairs["second"] == row.second)]
        for label, (kind, colour, marker) in CLASSES.items():
            values = part.loc[part["id"].map(labels) == label, "spearman"]
            lift = 0.13 if label else -0.13
            axis.plot(
                values,
                np.full(len(values), place - lift),
                marker,
                color=colour,
                alpha=0.75,
                markersize=7,
                label=kind if not place else None,
            )
        if row.n:
            mean = f"mean with 95 % interval, n = {row.n}"
            axis.errorbar(
                row.spearman,
                place + 0.33,
                xerr=[[row.spearman - row.low], [row.high - row.spearman]],
                fmt="D",
                color=plots.BLACK,
                capsize=3,
                label=mean if not place else None,
            )
            level = "mean between maps of different images"
            axis.plot(
                [row.others] * 2,
                [place - 0.4, place + 0.45],
                ":",
                color=plots.GREY,
                label=level if not place else None,
            )
        names.append(f"{method_name(row.first)} and\n{method_name(row.second)}")
    axis.set_yticks(range(len(names)), names)
    axis.set(xlim=(-1.03, 1.03), ylim=(max(len(names), 1) - 0.45, -0.5))
    axis.set_xlabel("Spearman's rank correlation of the two maps of an image")
    axis.grid(False, axis="y")
    if names:
        axis.legend(
            fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(-0.18, 1.0), columnspacing=1.2
        )


def read_masks(paths: dict[str, str], size: int, read) -> dict[str, np.ndarray]:
    """The true effusions of the images that have a mask, bool (size, size), by id.

    Args:
        paths: The mask's file of each id, "" where there is none.
        size: Side of the images, pixels.
        read: Reads a grey image from a file, such as `cxr.images.read_grey`.
    """
    return {
        name: cv2.resize(read(path), (size, size), interpolation=cv2.INTER_AREA) > 127
        for name, path in paths.items()
        if path
    }
