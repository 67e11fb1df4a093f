"""Saliency maps to look at: over their X-rays, and how far the methods agree about them."""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from cxr import plots
from cxr.methods import method_name
from cxr.words import count
from cxr.xrays import OUTLINED, reduced, show_xray

COLOURS = "viridis"
VEIL = 0.65  # opacity of a map where it is highest; where it is 0, it leaves the X-ray as it is
CAPPED = 99  # percentile of a map from which on all is drawn alike, as Smilkov et al. (2017) do
SHOWN = 20  # images in maps.png
EXTREMES = 2  # images of either kind in agreement.png
DOTTED = 6  # pairs of methods at the most whose images are all drawn as dots
WIDTH, MATRIX, CELL = 10.2, 3.75, 0.6  # of agreement.png, a matrix and its cells at most, inches


def shown_images(table: pd.DataFrame, pairs: pd.DataFrame) -> list[str]:
    """Ids of the images that the figures show.

    Args:
        table: maps.csv.
        pairs: agreement.csv.
    """
    extremes = [name for part in find_extremes(pairs).values() for name in part["id"]]
    return list(dict.fromkeys([*table["id"].unique()[:SHOWN], *extremes]))


def find_extremes(pairs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of agreement.csv whose maps are most and least alike, the extreme ones first.

    Those of a kind are of different images and, where there are several, of different pairs of
    methods: two methods that always agree would fill the figure.
    """
    known = pairs.dropna(subset="spearman").sort_values("spearman", ascending=False)
    most = _first_unlike(known)
    return {"most alike": most, "least alike": _first_unlike(known.drop(most.index)[::-1])}


def _first_unlike(rows: pd.DataFrame) -> pd.DataFrame:
    names = rows["first"].str.cat(rows["second"], " ")
    several, left, chosen = names.nunique() > 1, rows.index, []
    while len(left) and len(chosen) < EXTREMES:
        first = left[0]
        chosen.append(first)
        left = left[rows.loc[left, "id"] != rows.at[first, "id"]]
        if several:
            left = left[names[left] != names[first]]
    return rows.loc[chosen]


def veil() -> ListedColormap:
    """The colours of a map over an X-ray, the more opaque the higher."""
    colours = plt.get_cmap(COLOURS)(np.linspace(0, 1, 256))
    colours[:, 3] = np.linspace(0, VEIL, 256)
    return ListedColormap(colours)


def draw_map(
    axis: plt.Axes,
    image: np.ndarray,
    cam: np.ndarray,
    empty: bool,
    fluid: np.ndarray | None = None,
) -> None:
    """Show a map over its X-ray, or say that it is empty.

    The highest hundredth of its pixels is drawn alike: without this a map of single pixels, such
    as SmoothGrad's, shows its few highest ones and nothing else.

    Args:
        axis: Where to draw.
        image: float32 (side, side).
        cam: float32 (side, side), 0 to 1.
        empty: Whether the map says nothing.
        fluid: The true effusion if known, see `cxr.xrays.fluid_share`.
    """
    picture = show_xray(axis, image, fluid)
    if empty:
        black, white = picture.get_clim()
        picture.set_clim(black, black + (white - black) / 0.4)  # dark behind the words
        words = {"ha": "center", "va": "center", "color": "white", "fontsize": 9}
        axis.text(0.5, 0.5, "empty map", transform=axis.transAxes, **words)
    else:
        cam = reduced(cam)
        axis.imshow(cam, cmap=veil(), vmin=0, vmax=np.percentile(cam, CAPPED) or 1)


def draw_maps(
    table: pd.DataFrame,
    maps: dict[str, np.ndarray],
    images: dict[str, np.ndarray],
    fluid: dict[str, np.ndarray],
    title: str,
) -> plt.Figure:
    """X-ray | one method | the next, side by side for the first images.

    With two methods at the most, two images stand in a row.

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
    many = count(len(ids), "X-ray")
    if len(ids) > len(shown):
        many = f"the first {len(shown)} of {many}"
    plots.headline(figure, f"{title}: {many}{_outlined(shown, fluid)}")
    _colour_bar(figure, axes)
    return figure


def _outlined(ids: Iterable[str], fluid: dict[str, np.ndarray]) -> str:
    """What the outlines are, where one of the images has one."""
    return f"; {OUTLINED}" if any(name in fluid for name in ids) else ""


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
    """The colours as they look over a grey X-ray."""
    scale = plt.cm.ScalarMappable(plt.Normalize(0, 1), veil())
    bar = figure.colorbar(scale, ax=axes, shrink=min(0.9, 2 / len(axes)), aspect=25, pad=0.01)
    bar.ax.set_facecolor("0.5")
    bar.set_ticks([0, 1], labels=["lowest", f"top {100 - CAPPED} %"], fontsize=8)
    bar.set_label("evidence, in each map by itself", fontsize=8, labelpad=-12)


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
        draw_map(axis, image, cams[facts["row"]], bool(facts["empty"]), fluid)
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
    """The mean agreement of all pairs of methods, and the X-rays whose maps agree most and least.

    With up to `DOTTED` pairs, the agreement about each image is drawn, too.

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
    dotted = len(summary) <= DOTTED
    heights = [2.1 + _matrix_side(len(maps)), 4.9]
    if dotted:
        heights.insert(1, 1.0 + len(summary) * 0.7)
    figure = plt.figure(figsize=(WIDTH, sum(heights)))
    parts = list(figure.subfigures(len(heights), 1, height_ratios=heights))
    fewest, most = summary["n"].agg(["min", "max"])
    number = f"{fewest} to {most}" if fewest < most else most
    plots.headline(figure, f"{title} n = {number} X-rays")
    _draw_matrices(parts[0], summary, list(maps))
    if dotted:
        parts[1].subplots_adjust(
            left=0.17, right=0.97, top=1 - 0.4 / heights[1], bottom=0.55 / heights[1]
        )
        _draw_correlations(parts[1].subplots(), pairs, summary, table)
    extremes = find_extremes(pairs)
    heading = "Most and least alike by rank correlation; colours as in maps.png"
    heading += _outlined(pd.concat(extremes.values())["id"], fluid)
    parts[-1].suptitle(heading, x=0.02, ha="left", fontweight="bold", fontsize=10)
    axes = parts[-1].subplots(2, 3 * EXTREMES, squeeze=False)
    parts[-1].subplots_adjust(
        left=0.02, right=0.99, bottom=0.01, top=0.81, wspace=0.04, hspace=0.42
    )
    for axis in axes.flat:
        axis.axis("off")
    for line, (words, chosen) in zip(axes, extremes.items(), strict=True):
        for number, pair in enumerate(chosen.itertuples()):
            two = {method: maps[method] for method in (pair.first, pair.second)}
            place = line[3 * number : 3 * number + 3]
            note = f"{words}: {pair.spearman:+.2f}"
            draw_case(place, pair.id, table, two, images[pair.id], fluid.get(pair.id), note)
    return figure


def _matrix_side(methods: int) -> float:
    return min(MATRIX, methods * CELL)


def _draw_matrices(part: plt.Figure, summary: pd.DataFrame, methods: list[str]) -> None:
    """Spearman's correlation and SSIM of each two methods, as coloured cells with numbers."""
    side = _matrix_side(len(methods))
    height = 2.1 + side
    kinds = (
        ("spearman", "others", "Spearman's rank correlation", "above it: maps of different X-rays"),
        ("ssim", None, "Structural similarity (SSIM)", ""),
    )
    for place, (below, above, name, note) in enumerate(kinds):
        left = 1.15 + place * (WIDTH - 0.1) / 2
        corner = (left / WIDTH, 0.85 / height)
        axis = part.add_axes([*corner, side / WIDTH, side / height])
        axis.set_title(name, fontsize=10, pad=28)
        words = f"below the diagonal: two maps of an X-ray\n{note}"
        place = {"xycoords": "axes fraction", "xytext": (0, 4), "textcoords": "offset points"}
        axis.annotate(words, (0, 1), fontsize=8, va="bottom", **place)
        _draw_matrix(axis, _matrix(summary, methods, below, above), methods)


def _matrix(summary: pd.DataFrame, methods: list[str], below: str, above: str | None) -> np.ndarray:
    """Two columns of agreement_summary.csv as a square of methods; NaN where there is nothing."""
    square = np.full((len(methods), len(methods)), np.nan)
    for row in summary.to_dict("records"):
        first, second = methods.index(row["first"]), methods.index(row["second"])
        square[second, first] = row[below]
        if above:
            square[first, second] = row[above]
    return square


def _draw_matrix(axis: plt.Axes, square: np.ndarray, methods: list[str]) -> None:
    names = [method_name(method) for method in methods]
    axis.imshow(square, cmap=COLOURS, vmin=-1, vmax=1)
    for (row, column), value in np.ndenumerate(square):
        if not np.isnan(value):
            style = {"ha": "center", "va": "center", "fontsize": 8.5}
            style["color"] = "white" if value < -0.1 else "black"  # on viridis
            axis.text(column, row, f"{round(value, 2) + 0.0:.2f}", **style)  # never -0.00
    axis.set_xticks(range(len(names)), names, rotation=35, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.tick_params(length=0)
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)


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
