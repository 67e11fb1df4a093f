import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr import gallery
from cxr.gallery import thumbnail

SIDES = st.integers(1, 5000)


@settings(deadline=None)
@given(SIDES, SIDES)
def test_chunks_lie_inside_the_image(height, width):
    for place in gallery.chunks((height, width)):
        for part, length in zip(place, (height, width), strict=True):
            assert 0 <= part.start < part.stop <= length
            assert part.stop - part.start == min(10, length)


@settings(deadline=None)
@given(st.integers(45, 5000), st.integers(40, 5000))
def test_the_first_chunk_is_the_lessons_where_it_fits(height, width):
    assert gallery.chunks((height, width))[0] == (slice(35, 45), slice(30, 40))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_numbers_are_the_images_own(dtype):
    image = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (64, 90)).astype(dtype)
    figure = gallery.draw_pixels("n56.png", image, "title")
    _, first, second = figure.axes
    assert first.get_title(loc="left") == "1: image[35:45, 30:40]"
    assert second.get_title(loc="left") == "2: image[32:42, 30:40]"
    for axis, top in ((first, 35), (second, 32)):
        assert len(axis.texts) == 100
        for text in axis.texts:
            column, row = text.get_position()
            assert int(text.get_text()) == image[row, column]
            assert top <= row < top + 10
    plt.close(figure)


def test_pixels_of_an_image_of_one_grey_value():
    figure = gallery.draw_pixels("n0.png", np.full((32, 32), 7, np.uint8), "title")
    assert {text.get_text() for text in figure.axes[1].texts} == {"7"}
    figure.canvas.draw()
    plt.close(figure)


def test_facts_of_an_array():
    colour = np.zeros((4, 6, 3), np.uint16)
    colour[2, 3] = 1, 2, 300
    assert gallery.facts(colour).splitlines() == [
        "shape    (4, 6, 3)",
        "channels three, which differ",
        "type     uint16",
        "values   0 to 300, mean 4.2",
        "memory   144 bytes",
        "centre   1 2 300",
    ]
    grey = gallery.facts(colour[..., 0])
    assert grey.startswith("shape    (4, 6)\nchannels one\n")
    assert grey.endswith("centre   1")
    assert "three, all equal" in gallery.facts(np.ones((2, 2, 3), np.uint8))


def test_each_reading_is_drawn_from_its_own_array():
    colour = np.random.default_rng(0).integers(0, 2000, (40, 50, 3)).astype(np.uint16)
    grey = colour[..., 0]
    figure = gallery.draw_reading("e0.png", colour, grey, "phantom")
    as_colour, as_grey = figure.axes
    shown = as_colour.images[0].get_array()
    np.testing.assert_allclose(shown, colour / colour.max(), atol=1e-6)
    np.testing.assert_allclose(as_grey.images[0].get_array(), grey / colour.max(), atol=1e-6)
    assert as_colour.get_xlabel() == gallery.facts(colour)
    assert as_grey.get_xlabel() == gallery.facts(grey)
    plt.close(figure)


def test_true_effusions_are_outlined():
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    mask = np.zeros_like(pixels)
    mask[20:40, 10:30] = 255
    examples = {
        "effusion": [thumbnail("e0.png", pixels, mask)],
        "normal": [thumbnail("n0.png", pixels)],
    }
    figure = gallery.draw_examples(examples, "title")
    effusion, normal = figure.axes
    outline = effusion.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(outline.min(axis=0), [9.5, 19.5], atol=0.5)
    np.testing.assert_allclose(outline.max(axis=0), [29.5, 39.5], atol=0.5)
    assert not normal.collections
    assert "outlined" in figure.get_suptitle()
    plt.close(figure)


def test_preprocessing_says_what_it_did():
    before = np.random.default_rng(0).integers(100, 200, (80, 60)).astype(np.uint8)
    after = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    after = (after - after.mean()) / after.std()
    figure = gallery.draw_preprocessing("e0.png", before, after, "area", "phantom")
    titles = [axis.get_title(loc="center") for axis in figure.axes[:2]]
    assert titles == ["as read: 60 x 80, uint8", "resized (area): 32 x 32, float32"]
    first, second = (axis.get_xlabel() for axis in figure.axes[2:])
    assert first.endswith(f"mean {before.mean():.2f}, standard deviation {before.std():.2f}")
    assert second.endswith("mean 0.00, standard deviation 1.00")
    for axis in figure.axes[2:]:
        assert axis.patches[0].get_data().values.sum() == pytest.approx(1)
    plt.close(figure)


def test_amounts_in_words():
    amounts = {"rotation": 10, "shift": 0.08, "zoom": 0.15, "contrast": 0, "brightness": 0.2}
    text = "rotation ±10°, shift ±8 %, zoom ±15 %, brightness ±0.2 SD"
    assert gallery.amounts(amounts) == text
    assert gallery.amounts({**amounts, "flip": True}) == f"{text}, half mirrored"
    assert gallery.amounts({"flip": False}) == ""
