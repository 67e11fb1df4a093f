import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr import xrays
from cxr.errors import UserError


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_pictures_are_small_and_keep_their_shape(height, width):
    small = xrays.reduced(np.zeros((height, width), np.uint8))
    assert max(small.shape) == min(xrays.SIDE, max(height, width))
    scale = max(small.shape) / max(height, width)
    assert np.abs(np.array(small.shape) - scale * np.array([height, width])).max() <= 1


@pytest.fixture
def axis():
    figure, axis = plt.subplots()
    yield axis
    plt.close(figure)


@pytest.mark.parametrize("size", [64, 2048], ids=["small", "large"])
def test_an_xray_is_drawn_small_in_a_window_that_leaves_out_burnt_in_labels(axis, size):
    image = np.random.default_rng(0).normal(size=(size, size)).astype(np.float32)
    image[: size // 20, : size // 20] = 100
    picture = xrays.show_xray(axis, image)
    assert picture.get_array().shape == (min(size, 400), min(size, 400))
    low, high = picture.get_clim()
    np.testing.assert_allclose(
        [low, high], np.percentile(np.asarray(picture.get_array()), [0.5, 99.5])
    )
    assert high < 50
    assert not axis.axison


@pytest.mark.parametrize("side", [32, 100, 400, 1000])
def test_the_outline_lies_on_the_xray_whatever_the_size_of_the_mask(axis, side):
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, : side * 3 // 4] = 1  # 1 is fluid as much as 255
    xrays.show_xray(axis, np.eye(200, dtype=np.float32), xrays.fluid_share(mask))
    outline = axis.collections[0].get_paths()[0].vertices
    assert abs(outline[:, 0].max() - 150) < 2
    assert abs(outline[:, 1].min() - 50) < 2
    assert abs(outline[:, 1].max() - 100) < 2


@pytest.mark.parametrize("value", [0, 255])
def test_nothing_is_outlined_where_there_is_no_border(axis, value):
    mask = np.full((64, 64), value, np.uint8)
    xrays.show_xray(axis, np.eye(64, dtype=np.float32), xrays.fluid_share(mask))
    assert not axis.collections


def test_masks_are_read_where_there_are_any(tmp_path):
    mask = np.zeros((80, 40), np.uint8)
    mask[:20] = 1
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    fluid = xrays.read_fluid({"e0": str(tmp_path / "mask.png"), "n0": ""})
    assert [*fluid] == ["e0"]
    np.testing.assert_array_equal(fluid["e0"], mask.astype(np.float32))


def test_a_mask_that_has_gone_is_named(tmp_path):
    with pytest.raises(UserError, match=r"mask\.png: file not found\. It was fine when"):
        xrays.read_fluid({"e0": str(tmp_path / "mask.png")})
