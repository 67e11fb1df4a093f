"""Saliency maps to look at: over their X-rays, and where two methods agree most and least."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots
from cxr.methods import method_name
from cxr.xrays import reduced, show_xray

COLOURS = "viridis"
SHOWN = 20  # images in maps.png
EXTREMES = 2  # images of either kind in agreement.png


def shown_images(table: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Ids of the images that the figures show.

    Args:
        table: maps.csv.
        pairs: agreement.csv.
    """
    extremes = [name for part in find_extremes(pairs).values() for name in part["id"]]
    return list(dict.fromkeys([*table["id"].unique()[:SHOWN], *extremes]))


def find_extremes(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of agreement.csv whose maps are most and least alike, the extreme ones first."""
    known = pairs.dropna(subset="spearman").sort_values("spearman", ascending=False)
    return {
        "most alike": known.head(EXTREMES),
        "least alike": known.iloc[EXTREMES:].tail(EXTREMES)[::-1],
    }


def draw_map(axis: plt.Axes, image: np.ndarray, cam: np.ndarray, empty: bool) -> None:
    """Show a map over its X-ray, or say that it is empty.

    Args:
        axis: Where to draw.
        image: float32 (side, side).
        cam: float32 (side, side), 0 to 1.
        empty: Whether the map says nothing.
    """
    picture = show_xray(axis, image)
    if empty:
        black, white = picture.get_clim()
        picture.set_clim(black, black + (white - black) / 0.4)  # dark behind the words
        words = {"ha": "center", "va": "center", "color": "white", "fontsize": 9}
        axis.text(0.5, 0.5, "empty map", transform=axis.transAxes, **words)
    else:
        axis.imshow(reduced(cam), cmap=COLOURS, vmin=0, vmax=1, alpha=0.55)


def draw_maps(
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    images: dict[str, np.ndarray],
    fluid: dict[str, np.ndarray],
    title: str,
) -> plt.Figure:
    """X-ray | one method | the other, side by side for the first images, two of them in a row.

    Args:
        table: maps.csv.
        maps: Each method's maps, float32 (n, side, side), 0 to 1.
        images: Each X-ray by id, float32 (side, side).
        fluid: The true effusions by id where they are known, see `cxr.xrays.read_fluid`.
        title: Above the figure.
    """
    ids = list(dict.fromkeys(table["id"]))
    shown = ids[:SHOWN]
    columns = 2 if len(maps) < 3 and len(shown) > 1 else 1
    lines, panels = -(-len(shown) // columns), 1 + len(maps)
    figure, axes = _panels(lines, columns, panels)
    for number, name in enumerate(shown):
        place = axes[number // columns, number % columns * panels :][:panels]
        draw_case(place, name, table, maps, images[name], fluid.get(name))
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
    fluid: np.ndarray | None,
    note: str = "",
) -> None:
    """One X-ray and its maps in a row.

    Args:
        axes: One for the X-ray and one for each method.
        name: The image's id.
        table: maps.csv.
        maps: Each method's maps.
        image: float32 (side, side).
        fluid: The true effusion if known, see `cxr.xrays.fluid_share`.
        note: A third line above the X-ray.
    """
    rows = table[table["id"] == name].set_index("method")
    first = rows.iloc[0]
    kind = plots.CLASSES[first["label"]].name
    facts = f"{plots.short_name(name)}\n{kind}, p = {first['probability']:.2f}"
    show_xray(axes[0], image, fluid)
    plots.caption(axes[0], facts + (f"\n{note}" if note else ""))
    for axis, (method, cams) in zip(axes[1:], maps.items(), strict=True):
        facts = rows.loc[method]
        draw_map(axis, image, cams[facts["row"]], bool(facts["empty"]))
        plots.caption(axis, f"{method_name(method)}\nfor {facts['target']}")


def draw_agreement(
    pairs: pd.DataFrame,
    summary: pd.DataFrame,
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    images: dict[str, np.ndarray],
    fluid: dict[str, np.ndarray],
    title: str,
) -> plt.Figure:
    """Every image's agreement, and the X-rays whose maps agree most and least.

    Args:
        pairs: agreement.csv.
        summary: agreement_summary.csv.
        table: maps.csv.
        maps: Each method's maps, float32 (n, side, side), 0 to 1.
        images: Each X-ray by id, float32 (side, side).
        fluid: The true effusions by id where they are known, see `cxr.xrays.read_fluid`.
        title: Above the figure.
    """
    if pairs["spearman"].isna().all():
        reason = (
            "no image has two maps to compare" if len(pairs) else "one method: nothing to compare"
        )
        figure = plt.figure(figsize=(6, 1.4))
        plots.headline(figure, title)
        figure.text(0.02, 0.4, reason)
        return figure
    heights = (1.4 + len(summary) * 0.9, 4.6)
    figure = plt.figure(figsize=(10.2, sum(heights)))
    upper, lower = figure.subfigures(2, 1, height_ratios=heights)
    upper.subplots_adjust(
        left=0.15, right=0.97, top=1 - 0.75 / heights[0], bottom=0.55 / heights[0]
    )
    plots.headline(figure, title)
    _draw_correlations(upper.subplots(), pairs, summary, table)
    axes = lower.subplots(2, 3 * EXTREMES, squeeze=False)
    lower.subplots_adjust(left=0.02, right=0.99, bottom=0.01, top=0.86, wspace=0.04, hspace=0.42)
    for axis in axes.flat:
        axis.axis("off")
    for line, (words, chosen) in zip(axes, find_extremes(pairs).items(), strict=True):
        for number, pair in enumerate(chosen.itertuples()):
            two = {method: maps[method] for method in (pair.first, pair.second)}
            place = line[3 * number : 3 * number + 3]
            note = f"{words}: {pair.spearman:+.2f}"
            draw_case(place, pair.id, table, two, images[pair.id], fluid.get(pair.id), note)
    return figure


def _draw_correlations(
    axis: plt.Axes, pairs: pd.DataFrame, summary: pd.DataFrame, table: pd.DataFrame
) -> None:
    labels = table.drop_duplicates("id").set_index("id")["label"]
    names = []
    for place, row in enumerate(summary.itertuples()):
        part = pairs[(pairs["first"] == row.first) & (pairs["second"] == row.second)]
        for label, kind in plots.CLASSES.items():
            values = part.loc[part["id"].map(labels) == label, "spearman"]
            lift = 0.13 if label else -0.13
            axis.plot(
                values,
                np.full(len(values), place - lift),
                kind.marker,
                color=kind.colour,
                alpha=0.75,
                markersize=7,
                label=kind.name if not place else None,
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
    axis.set(xlim=(-1.03, 1.03), ylim=(len(names) - 0.45, -0.5))
    axis.set_xlabel("Spearman's rank correlation of the two maps of an image")
    axis.grid(False, axis="y")
    axis.legend(
        fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(-0.18, 1.0), columnspacing=1.2
    )
