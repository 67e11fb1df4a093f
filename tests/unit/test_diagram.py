import matplotlib.pyplot as plt
import numpy as np
import pytest

from cxr import diagram
from cxr.layers import Block, Features

BLOCKS = [
    Block("input", "image", "", (64, 64, 1), 0),
    Block(
        "convolution",
        "block 1",
        "convolution 15 x 15, batch normalisation, leaky_relu, average pooling 2 x 2",
        (1024, 1024, 1024),
        235_930_624,
    ),
    *(Block("convolution", f"block {i}", "convolution", (32, 32, 8), 500) for i in range(2, 13)),
    Block("pooling", "global average", "mean of each channel", (8,), 0),
    Block("output", "probability", "dense, sigmoid", (1,), 9),
]


def overlapping(axis):
    """Pairs of texts of an axis that lie on one another."""
    axis.figure.canvas.draw()
    boxes = [(text.get_text(), text.get_window_extent()) for text in axis.texts if text.get_text()]
    return [
        (one, other)
        for number, (one, box) in enumerate(boxes)
        for other, next_box in boxes[number + 1 :]
        if box.overlaps(next_box)
    ]


@pytest.mark.parametrize("blocks", [BLOCKS, [*BLOCKS[:3], *BLOCKS[-2:]]], ids=["many", "few"])
def test_each_block_stands_in_the_diagram_and_no_text_on_another(blocks):
    figure = diagram.draw_network(blocks, "title")
    (axis,) = figure.axes
    texts = [text.get_text() for text in axis.texts]
    for block in blocks:
        assert {block.name, block.steps, f"{block.parameters:,}"} <= {*texts}
    assert "1024 x 1024 x 1024" in texts
    assert f"{sum(block.parameters for block in blocks):,}" in texts
    assert overlapping(axis) == []
    plt.close(figure)


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (8, 8), (9, 9), (70, 64)])
def test_filters_share_one_scale_about_zero(count, shown):
    kernels = np.random.default_rng(0).normal(size=(3, 3, count)).astype(np.float32)
    figure = diagram.draw_filters(kernels, "title")
    *squares, bar = figure.axes
    pictures = [axis.images[0] for axis in squares if axis.images]
    assert len(pictures) == shown
    for number, picture in enumerate(pictures):
        np.testing.assert_array_equal(picture.get_array(), kernels[..., number])
    limit = np.abs(kernels).max()
    assert {picture.get_clim() for picture in pictures} == {(-limit, limit)}
    assert bar.get_ylabel() == "weight"
    assert figure.get_suptitle().endswith("the first 64 of 70") == (count == 70)
    plt.close(figure)


def test_filters_that_are_all_zero():
    figure = diagram.draw_filters(np.zeros((3, 3, 2), np.float32), "title")
    assert figure.axes[0].images[0].get_clim() == (-1, 1)
    plt.close(figure)


def test_features_name_their_channels_and_those_that_say_nothing():
    maps = np.random.default_rng(0).normal(size=(2, 8, 8)).astype(np.float32)
    dead = np.zeros((1, 4, 4), np.float32)
    features = [
        Features("relu_1", (64, 64, 8), np.array([1, 5]), maps),
        Features("relu_2", (32, 32, 1), np.array([0]), dead),
    ]
    figure = diagram.draw_features(np.eye(64, dtype=np.float32), "e0\np = 0.98", features, "title")
    image, *cells = [axis for part in figure.subfigs for axis in part.axes]
    assert image.get_title(loc="center") == "e0\np = 0.98"
    titles = [cell.get_title(loc="center") for cell in cells]
    assert titles == ["channel 1", "channel 5", "channel 0", ""]
    np.testing.assert_array_equal(cells[1].images[0].get_array(), maps[1])
    assert cells[2].get_xlabel() == "0 everywhere"
    assert cells[0].get_xlabel() == ""
    assert cells[2].get_ylabel() == "relu_2\n32 x 32 x 1"
    plt.close(figure)
