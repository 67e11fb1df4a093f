"""Pictures of a network: its blocks, its first filters, and what it makes of an image."""

from typing import Protocol

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from cxr import plots
from cxr.xrays import show_xray

KINDS = {
    "input": plots.GREY,
    "convolution": plots.BLUE,
    "pooling": plots.SKY,
    "dense": plots.GREEN,
    "output": plots.ORANGE,
}
FILTERS = 64  # that are shown at the most
HEAD = ("", "", "layers", "output", "parameters")
PLACES = (1.0, 2.1, 3.4, 8.6, 11.0)  # of the columns, inches
WIDTH = 12.4  # inches


class Block(Protocol):
    """What is drawn of a block; see `cxr.layers.Block`."""

    kind: str
    name: str
    steps: str
    shape: tuple[int, ...]
    parameters: int


class Features(Protocol):
    """What is drawn of a layer's output; see `cxr.layers.Features`."""

    layer: str
    shape: tuple[int, int, int]
    channels: np.ndarray
    maps: np.ndarray


def draw_network(blocks: list[Block], title: str) -> plt.Figure:
    """The blocks from the image down to the probability.

    The boxes are as wide as the logarithm of their output's side; the bars show parameters.

    Args:
        blocks: From the first to the last.
        title: Above the figure.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 1.3 + 0.4 * len(blocks)), layout="constrained")
    plots.headline(figure, title)
    axis.set(xlim=(0, WIDTH), ylim=(len(blocks) + 1, -1))
    axis.axis("off")
    for place, text in zip(PLACES, HEAD, strict=True):
        axis.text(place, -0.6, text, ha=_align(text), va="center", color=plots.GREY)
    axis.plot([PLACES[0]] * 2, [0, len(blocks) - 1], color=plots.GREY, linewidth=1, zorder=0)
    widest = np.log2(1 + blocks[0].shape[0])
    most = max(block.parameters for block in blocks)
    for row, block in enumerate(blocks):
        side = block.shape[0] if len(block.shape) == 3 else 1
        width = 1.9 * np.log2(1 + side) / widest
        corner = (PLACES[0] - width / 2, row - 0.32)
        axis.add_patch(Rectangle(corner, width, 0.64, color=KINDS[block.kind]))
        size = " x ".join(map(str, block.shape))
        texts = (block.name, block.steps, size, f"{block.parameters:,}")
        for place, head, text in zip(PLACES[1:], HEAD[1:], texts, strict=True):
            axis.text(place, row, text, ha=_align(head), va="center", fontsize=9)
        length = 1.2 * block.parameters / most
        axis.add_patch(Rectangle((PLACES[-1] + 0.1, row - 0.2), length, 0.4, facecolor=plots.LIGHT))
    total = sum(block.parameters for block in blocks)
    axis.text(PLACES[-1], len(blocks), f"{total:,}", ha="right", va="center", fontweight="bold")
    axis.text(PLACES[1], len(blocks), "in all", va="center", fontweight="bold")
    return figure


def _align(head: str) -> str:
    return "right" if head == "parameters" else "left"


def draw_filters(kernels: np.ndarray, title: str) -> plt.Figure:
    """The filters of a convolution of a grey image, on one scale of colours.

    Args:
        kernels: float32 (kernel, kernel, filters).
        title: Above the figure.
    """
    count = min(FILTERS, kernels.shape[-1])
    columns = min(8, count)
    rows = -(-count // columns)
    size = (max(6.0, columns + 1.4), rows * 1.15 + 0.7)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    some = "" if count == kernels.shape[-1] else f", the first {count} of {kernels.shape[-1]}"
    plots.headline(figure, f"{title}{some}")
    limit = float(np.abs(kernels).max()) or 1.0
    for axis in axes.flat:
        axis.axis("off")
    for number, axis in enumerate(axes.flat[:count]):
        picture = axis.imshow(kernels[..., number], cmap="PuOr", vmin=-limit, vmax=limit)
        plots.caption(axis, str(number))
    bar = figure.colorbar(picture, ax=axes, label="weight", aspect=8 * rows)
    bar.outline.set_visible(False)
    return figure


def draw_features(
    image: np.ndarray, caption: str, features: list[Features], title: str
) -> plt.Figure:
    """An X-ray and some channels of each block's output, each from its lowest to highest value.

    Args:
        image: float32 (side, side), as the network sees it.
        caption: Above the image.
        features: Of each block, from the first to the last.
        title: Above the figure.
    """
    columns = max(len(block.maps) for block in features)
    size = (3.9 + 1.05 * columns, max(3.6, 0.6 + 1.16 * len(features)))
    figure = plt.figure(figsize=size, layout="constrained")
    plots.headline(figure, title)
    left, right = figure.subfigures(1, 2, width_ratios=(2.6, size[0] - 2.6))
    axis = left.subplots()
    show_xray(axis, image)
    plots.caption(axis, caption, 9)
    axis.set_anchor("N")
    axes = right.subplots(len(features), columns, squeeze=False)
    for row, block in zip(axes, features, strict=True):
        for cell in row:
            cell.set(xticks=[], yticks=[])
            cell.spines[:].set_visible(False)
        for cell, channel, output in zip(row, block.channels, block.maps, strict=False):
            cell.imshow(output, cmap="viridis")
            plots.caption(cell, f"channel {channel}", 7)
            if output.min() == output.max():
                cell.set_xlabel(f"{output.max():g} everywhere", fontsize=7)
        shape = " x ".join(map(str, block.shape))
        label = f"{block.layer}\n{shape}"
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
    return figure
