"""X-rays on their way from the file to the network: examples, pixels, grey values, variants."""

from typing import NamedTuple

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from cxr import plots
from cxr.xrays import OUTLINED, fluid_share, reduced, show_xray

CHUNK = 10  # pixels a side
UNITS = {  # format of each bound of `cxr.augment.augment`
    "rotation": "±{:g}°",
    "shift": "±{:.3g} %",
    "zoom": "±{:.3g} %",
    "contrast": "±{:.3g} %",
    "brightness": "±{:g} SD",
}
PERCENT = ("shift", "zoom", "contrast")


class Thumbnail(NamedTuple):
    """A small picture of an X-ray, with what to write above it."""

    caption: str
    picture: np.ndarray  # (height, width)
    fluid: np.ndarray | None  # of the same shape, the share of each pixel that is known as fluid


def thumbnail(name: str, pixels: np.ndarray, mask: np.ndarray | None = None) -> Thumbnail:
    """Make a small picture of an X-ray.

    Args:
        name: Of the file.
        pixels: (height, width), uint8 or uint16.
        mask: Of the same shape; above 0 where there is fluid.
    """
    height, width = pixels.shape
    caption = f"{plots.short_name(name)}\n{width} x {height}, {pixels.dtype}"
    return Thumbnail(caption, reduced(pixels), None if mask is None else fluid_share(mask))


def draw_examples(examples: dict[str, list[Thumbnail]], title: str) -> plt.Figure:
    """A row of X-rays of each class; known effusions are outlined.

    Args:
        examples: X-rays of each class.
        title: Above the figure.
    """
    columns = max(map(len, examples.values()))
    figure, axes = plt.subplots(
        len(examples), columns, figsize=(8, 4.9), squeeze=False, layout="constrained"
    )
    outlined = any(xray.fluid is not None for row in examples.values() for xray in row)
    plots.headline(figure, title + (f" ({OUTLINED})" if outlined else ""))
    for axis in axes.flat:
        axis.axis("off")
    for row, (name, xrays) in zip(axes, examples.items(), strict=True):
        row[0].text(-0.06, 0.5, name, transform=row[0].transAxes, rotation=90, va="center")
        for axis, xray in zip(row, xrays, strict=False):
            show_xray(axis, xray.picture, xray.fluid)
            plots.caption(axis, xray.caption)
    return figure


def draw_reading(name: str, colour: np.ndarray, grey: np.ndarray, title: str) -> plt.Figure:
    """The same X-ray read in colour and in grey, with the facts of both arrays.

    Args:
        name: Of the file.
        colour: (height, width, 3), red, green, blue.
        grey: (height, width), of the same type.
        title: Above the figure.
    """
    figure, axes = plt.subplots(1, 2, figsize=(8, 5.6), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    plots.headline(figure, f"{title}: {plots.short_name(name, 50)}, read in two ways")
    top = np.float32(colour.max())
    shown = {"as RGB": (colour, {}), "as grey": (grey, {"cmap": "gray", "vmin": 0, "vmax": 1})}
    for axis, (kind, (array, style)) in zip(axes, shown.items(), strict=True):
        axis.imshow(reduced(array) / top, **style)
        axis.set_title(kind)
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
        axis.set_xlabel(facts(array), x=0, ha="left", family="monospace", fontsize=9)
    return figure


def facts(array: np.ndarray) -> str:
    """What an image is as an array, one fact a line: (height, width) or (height, width, 3)."""
    centre = np.atleast_1d(array[array.shape[0] // 2, array.shape[1] // 2])
    planes = "one"
    if array.ndim == 3:
        planes = "three, " + ("all equal" if (array == array[..., :1]).all() else "which differ")
    lines = {
        "shape": array.shape,
        "channels": planes,
        "type": array.dtype,
        "values": f"{array.min()} to {array.max()}, mean {array.mean():.1f}",
        "memory": f"{array.nbytes:,} bytes",
        "centre": " ".join(map(str, centre)),
    }
    return "\n".join(f"{key:<8} {value}" for key, value in lines.items())


def chunks(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """The rows and columns of two chunks of 10 x 10 pixels.

    They are the lesson's [35:45, 30:40], moved inwards where the image is too small for it, and
    one half-way down and a third across, which in a chest X-ray is mostly in a lung.

    Args:
        shape: Height and width of the image, pixels.
    """
    height, width = shape
    return [
        (_within(35, height), _within(30, width)),
        (_within(height // 2, height), _within(width // 3, width)),
    ]


def _within(start: int, length: int) -> slice:
    stop = min(start + CHUNK, length)
    return slice(max(0, stop - CHUNK), stop)


def draw_pixels(name: str, image: np.ndarray, title: str) -> plt.Figure:
    """An X-ray, and the grey values of two chunks of it as numbers.

    Args:
        name: Of the file.
        image: (height, width), uint8 or uint16.
        title: Above the figure.
    """
    figure, (whole, *parts) = plt.subplots(1, 3, figsize=(12.6, 4.9), layout="constrained")
    plots.headline(figure, title)
    height, width = image.shape
    style = {"cmap": "gray", "vmin": image.min(), "vmax": image.max()}
    whole.imshow(reduced(image), extent=(-0.5, width - 0.5, height - 0.5, -0.5), **style)
    whole.set_title(plots.short_name(name, 34))
    whole.set(xlabel="column", ylabel="row")
    whole.grid(False)
    colours = (plots.YELLOW, plots.SKY)
    places = zip(parts, chunks(image.shape), colours, strict=True)
    for number, (part, (rows, columns), colour) in enumerate(places, start=1):
        _draw_numbers(part, image, rows, columns, style)
        text = f"image[{rows.start}:{rows.stop}, {columns.start}:{columns.stop}]"
        part.set_title(f"{number}: {text}")
        _frame(whole, rows, columns, colour)
        _frame(part, rows, columns, colour)
        whole.annotate(
            str(number),
            (columns.stop, rows.start),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8,
            bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
        )
    return figure


def _draw_numbers(
    axis: plt.Axes, image: np.ndarray, rows: slice, columns: slice, style: dict
) -> None:
    numbers = image[rows, columns]
    extent = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    axis.imshow(numbers, extent=extent, **style)
    axis.set_xticks(range(columns.start, columns.stop))
    axis.set_yticks(range(rows.start, rows.stop))
    axis.tick_params(labelsize=8 if columns.stop < 1000 else 6)
    axis.grid(False)
    middle = (int(style["vmin"]) + int(style["vmax"])) / 2
    for (row, column), value in np.ndenumerate(numbers):
        axis.text(
            column + columns.start,
            row + rows.start,
            value,
            ha="center",
            va="center",
            fontsize=9 if numbers.max() < 1000 else 6.5,
            color="white" if value < middle else "black",
        )


def _frame(axis: plt.Axes, rows: slice, columns: slice, colour: str) -> None:
    corner = (columns.start - 0.5, rows.start - 0.5)
    sides = (columns.stop - columns.start, rows.stop - rows.start)
    style = {"fill": False, "edgecolor": colour, "linewidth": 2, "clip_on": False}
    axis.add_patch(Rectangle(corner, *sides, **style))


def draw_preprocessing(
    name: str, before: np.ndarray, after: np.ndarray, resize: str, title: str
) -> plt.Figure:
    """An X-ray as it was read and as the networks get it, with histograms.

    Args:
        name: Of the file.
        before: (height, width), uint8 or uint16.
        after: float32 (size, size), mean 0 and standard deviation 1.
        resize: How it was resized, `area` or `bilinear`.
        title: Above the figure.
    """
    figure, axes = plt.subplots(2, 2, figsize=(8, 6.2), layout="constrained", height_ratios=(5, 3))
    plots.headline(figure, f"{title}: {plots.short_name(name, 50)}, before and after preprocessing")
    columns = (
        (before, "as read", "grey value", plots.BLUE),
        (after, f"resized ({resize})", "standardised grey value", plots.ORANGE),
    )
    for (picture, histogram), column in zip(axes.T, columns, strict=True):
        image, kind, unit, colour = column
        height, width = image.shape
        show_xray(picture, image)
        mean, deviation = (round(value.item(), 2) + 0.0 for value in cv2.meanStdDev(image))
        plots.caption(picture, f"{kind}: {width} x {height}, {image.dtype}", 10)
        pixels, edges = np.histogram(image, 64)
        histogram.stairs(pixels / image.size, edges, fill=True, color=colour)
        histogram.axvline(mean, color=plots.BLACK, linestyle="--", linewidth=1)
        histogram.set_xlabel(f"{unit}\nmean {mean:.2f}, standard deviation {deviation:.2f}")
        histogram.set_ylabel("share of pixels")
    return figure


def amounts(augmentation: dict) -> str:
    """The bounds of an augmentation in words; arguments of `cxr.augment.augment`."""
    words = [
        f"{name} {unit.format(augmentation[name] * (100 if name in PERCENT else 1))}"
        for name, unit in UNITS.items()
        if augmentation.get(name)
    ]
    return ", ".join([*words, *(["half mirrored"] if augmentation.get("flip") else [])])


def draw_augmentation(
    name: str, original: np.ndarray, variants: list[np.ndarray], title: str
) -> plt.Figure:
    """A training image beside random variants of it, all on one grey scale.

    Args:
        name: Of the file.
        original: float32 (side, side), mean 0 and standard deviation 1.
        variants: The same after `cxr.augment.augment`.
        title: Above the figure; it says the amounts.
    """
    figure, axes = plt.subplots(2, 3, figsize=(8, 5.9), layout="constrained")
    plots.headline(figure, title)
    titles = [plots.short_name(name, 30), *(f"variant {i + 1}" for i in range(len(variants)))]
    first, *others = map(show_xray, axes.flat, [original, *variants])
    for picture in others:
        picture.set_clim(first.get_clim())
    for axis, text in zip(axes.flat, titles, strict=True):
        plots.caption(axis, text, 9)
    return figure
