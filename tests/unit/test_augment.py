import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.augment import augment, mix

AMOUNTS = {
    "rotation": 20,
    "shift": 0.2,
    "zoom": 0.2,
    "contrast": 0.3,
    "brightness": 0.5,
    "flip": True,
}


class Fixed:
    """A source of chance that draws what it is told."""

    def __init__(self, angle=0.0, dx=0.0, dy=0.0, scale=0.0, factor=0.0, offset=0.0, flip=1.0):
        self.amounts = np.array([angle, dx, dy, scale, factor, offset])
        self.flip = flip

    def uniform(self, low, high, count):
        assert (low, high, count) == (-1, 1, len(self.amounts))
        return self.amounts

    def random(self):
        return self.flip


def generator(seed):
    return np.random.default_rng(seed)


def noise(seed=0, side=32):
    return generator(seed).normal(size=(side, side)).astype(np.float32)


def blob(row, column, side=64, width=3.0):
    """A bright spot on black, (side, side), with its centre at a row and a column."""
    rows, columns = np.mgrid[0:side, 0:side]
    return np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / width**2).astype(np.float32)


def centre(image):
    """Centre of mass, row and column."""
    rows, columns = np.indices(image.shape)
    return (rows * image).sum() / image.sum(), (columns * image).sum() / image.sum()


@given(st.integers(0, 1000))
@settings(deadline=None)
def test_amounts_of_zero_change_nothing(seed):
    image = noise(seed)
    np.testing.assert_array_equal(augment(image, generator(seed)), image)


def test_flip_mirrors_half_of_the_images_and_does_nothing_else():
    image = noise()
    variants = [augment(image, generator(seed), flip=True) for seed in range(200)]
    mirrored = [np.array_equal(variant, image[:, ::-1]) for variant in variants]
    same = [np.array_equal(variant, image) for variant in variants]
    assert sum(mirrored) + sum(same) == 200
    assert 70 < sum(mirrored) < 130


@pytest.mark.parametrize(("dx", "dy"), [(1, 0), (0, 1), (-0.5, 0.25)])
def test_a_shift_is_a_share_of_the_side(dx, dy):
    moved = augment(blob(30, 32), Fixed(dx=dx, dy=dy), shift=0.125)
    np.testing.assert_allclose(centre(moved), (30 + 8 * dy, 32 + 8 * dx), atol=0.02)


@pytest.mark.parametrize("angle", [-1, -0.5, 1])
def test_a_rotation_is_about_the_centre_and_in_degrees(angle):
    moved = augment(blob(31.5, 45), Fixed(angle=angle), rotation=30)
    turn = np.deg2rad(30 * angle)
    expected = (31.5 - 13.5 * np.sin(turn), 31.5 + 13.5 * np.cos(turn))  # anticlockwise
    np.testing.assert_allclose(centre(moved), expected, atol=0.05)


@pytest.mark.parametrize("scale", [-1, 0.5, 1])
def test_a_zoom_is_a_factor_about_the_centre(scale):
    moved = augment(blob(21.5, 41.5), Fixed(scale=scale), zoom=0.2)
    factor = 1 + 0.2 * scale
    np.testing.assert_allclose(centre(moved), (31.5 - 10 * factor, 31.5 + 10 * factor), atol=0.05)
    np.testing.assert_allclose(moved.sum(), blob(21.5, 41.5).sum() * factor**2, rtol=0.02)


def test_contrast_and_brightness_change_grey_values_alone():
    image = noise()
    changed = augment(image, Fixed(factor=-0.5, offset=1), contrast=0.4, brightness=0.3)
    np.testing.assert_allclose(changed, image * 0.8 + 0.3, atol=1e-6)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_amounts_stay_within_their_bounds(seed):
    flat = np.ones((16, 16), dtype=np.float32)
    changed = augment(flat, generator(seed), contrast=0.3, brightness=0.5)
    assert 1 - 0.3 - 0.5 <= changed.min() <= changed.max() <= 1 + 0.3 + 0.5
    row, column = centre(augment(blob(31.5, 31.5), generator(seed), shift=0.1))
    assert abs(row - 31.5) <= 6.5
    assert abs(column - 31.5) <= 6.5


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_geometry_invents_no_grey_values(seed):
    image = noise(seed)
    moved = augment(image, generator(seed), rotation=20, shift=0.2, zoom=0.2, flip=True)
    assert image.min() <= moved.min() <= moved.max() <= image.max()


def test_one_seed_one_variant():
    image = noise()
    first, again, other = (augment(image, generator(seed), **AMOUNTS) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.dtype == np.float32
    assert first.shape == image.shape
    np.testing.assert_array_equal(image, noise())


def test_what_is_left_out_does_not_change_what_is_drawn():
    image = blob(30, 40)
    alone = augment(image, generator(3), rotation=20)
    others = augment(image, generator(3), rotation=20, contrast=1e-9)
    np.testing.assert_allclose(alone, others, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 5), st.integers(1, 9))
@settings(deadline=None)
def test_mixing_keeps_the_sums_and_mixes_labels_as_images(seed, alpha, count):
    images = generator(seed).normal(size=(count, 4, 4)).astype(np.float32)
    labels = (np.arange(count) % 2).astype(np.float32)
    images[:, 0, 0] = labels
    mixed, blended = mix(images, labels, generator(seed), alpha)
    assert (mixed.shape, mixed.dtype) == (images.shape, np.float32)
    assert (blended.shape, blended.dtype) == (labels.shape, np.float32)
    np.testing.assert_allclose(mixed.sum(axis=0), images.sum(axis=0), atol=1e-4)
    np.testing.assert_allclose(blended.sum(), labels.sum(), atol=1e-4)
    np.testing.assert_allclose(mixed[:, 0, 0], blended, atol=1e-6)
    assert (blended >= 0).all()
    assert (blended <= 1).all()


def test_mixing_has_one_weight_per_batch():
    labels = np.repeat([0, 1], 50).astype(np.float32)
    _, blended = mix(labels[:, None, None], labels, generator(1), 1.0)
    weight = generator(1).beta(1.0, 1.0)
    expected = np.array([0, weight, 1 - weight, 1])
    assert np.abs(blended[:, None] - expected).min(axis=1).max() < 1e-6
    assert len(np.unique(blended)) == 4
