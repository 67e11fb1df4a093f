import base64
import io

import numpy as np
import pytest
from PIL import Image

from cxr import pictures

CHANCE = np.random.default_rng(1)


def opened(address, mode):
    start, data = address.split(",")
    assert start == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert(mode))


def test_an_xray_keeps_its_shape_up_to_the_side():
    image = CHANCE.integers(0, 4096, (300, 150)).astype(np.uint16)
    assert pictures.xray(image, 512).shape == (300, 150)
    assert pictures.xray(image, 100).shape == (100, 50)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_grey_values_fill_the_range_in_their_order(kind):
    image = np.arange(200, dtype=kind)[None].repeat(200, axis=0)
    picture = pictures.xray(image, 512)
    assert picture.dtype == np.uint8
    assert (picture.min(), picture.max()) == (0, 255)
    assert (np.diff(picture[0].astype(int)) >= 0).all()


def test_a_few_bright_pixels_do_not_darken_the_rest():
    image = np.tile(np.linspace(0, 100, 100), (100, 1))
    image[0, :10] = 60000
    assert pictures.xray(image, 512)[50, -1] > 240


def test_an_image_of_few_bright_pixels_alone_still_shows_them():
    image = np.zeros((100, 100), np.uint8)
    image[50, 50] = 7
    picture = pictures.xray(image, 512)
    assert picture[50, 50] == 255
    assert picture.sum() == 255


def test_the_address_of_an_xray_holds_its_pixels():
    picture = CHANCE.integers(0, 256, (30, 20)).astype(np.uint8)
    np.testing.assert_array_equal(opened(pictures.xray_address(picture), "L"), picture)


def test_a_map_is_the_more_opaque_the_higher():
    cam = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    shown = opened(pictures.map_address(cam), "RGBA")
    assert shown.shape == (64, 64, 4)
    opacity = shown[0, :, 3].astype(int)
    assert opacity[0] == 0
    assert (np.diff(opacity) >= 0).all()
    assert 150 < opacity[-1] < 180  # the X-ray shows through
    assert len(np.unique(shown[0], axis=0)) > 50


def test_large_maps_are_reduced_and_flat_ones_drawn():
    cam = np.zeros((256, 256), np.float32)
    shown = opened(pictures.map_address(cam), "RGBA")
    assert shown.shape == (128, 128, 4)
    assert not shown[..., 3].any()


def test_an_outline_surrounds_the_fluid_and_leaves_the_rest_clear():
    mask = np.zeros((100, 80), np.uint8)
    mask[40:60, 20:50] = 255
    shown = opened(pictures.outline_address(mask, (100, 80)), "RGBA")
    seen = shown[..., 3] > 0
    assert not seen[45:55, 25:45].any()
    assert not seen[:35].any()
    bright = seen & (shown[..., 0] > 200)
    assert bright[40, 20:50].all()
    assert bright[40:60, 20].all()
    dark = seen & (shown[..., :3].max(axis=2) == 0)
    assert dark[38, 25]
    assert dark[41, 25]


def test_fluid_at_the_border_is_outlined_within_the_picture():
    mask = np.zeros((50, 50), np.uint8)
    mask[40:] = 1
    shown = opened(pictures.outline_address(mask, (50, 50)), "RGBA")
    assert (shown[49, 5:45, 0] > 200).all()


def test_no_fluid_has_no_outline():
    assert pictures.outline_address(np.zeros((10, 10), np.uint8), (10, 10)) is None


def test_an_outline_fits_a_picture_of_another_size():
    mask = np.zeros((200, 100), np.uint8)
    mask[100:] = 255
    shown = opened(pictures.outline_address(mask, (50, 25)), "RGBA")
    assert shown.shape == (50, 25, 4)
    assert shown[25, 12, 3] > 0
