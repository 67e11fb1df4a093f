import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from cxr import similarity
from cxr.backend import fix_bits
from cxr.similarity import comparable, compare, correlation, level, ssim, standard_ranks

fix_bits(0, 2)
MAPS = arrays(np.float32, (12, 12), elements=st.floats(0, 1, width=16))


def random_maps(count, seed, side=16):
    return np.random.default_rng(seed).random((count, side, side)).astype(np.float32)


def smooth_maps(count, seed):
    """Maps as of a coarse grid, 64 x 64."""
    rough = random_maps(count, seed, 4)
    return np.stack([comparable(np.kron(cam, np.ones((16, 16)))) for cam in rough])


@pytest.mark.parametrize(
    "make", [lambda seed: random_maps(5, seed, 40), lambda s: smooth_maps(5, s)]
)
def test_ssim_is_that_of_tensorflow(make):
    first, second = make(0), make(1)
    expected = tf.image.ssim(first[..., None], second[..., None], max_val=1.0).numpy()
    found = [ssim(one, other) for one, other in zip(first, second, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-4)  # it computes in float32
    assert np.ptp(found) > 0.01


@settings(deadline=None, max_examples=40)
@given(MAPS, MAPS)
def test_ssim_is_symmetric_and_1_only_for_equal_maps(first, second):
    assert ssim(first, first) == pytest.approx(1, abs=1e-9)
    assert ssim(first, second) == pytest.approx(ssim(second, first), abs=1e-12)
    assert -1 <= ssim(first, second) <= 1 + 1e-9


def test_ssim_of_opposite_structure_is_negative():
    cam = random_maps(1, 0, 32)[0]
    assert ssim(cam, 1 - cam) < -0.5


def test_maps_smaller_than_the_window_are_refused():
    with pytest.raises(ValueError, match=r"11 x 11 pixels, not \(8, 8\)"):
        ssim(np.eye(8), np.eye(8))


def test_correlation_of_ranks_is_scipys():
    first, second = random_maps(2, 0)
    second = np.round(second, 1)  # ties
    expected = stats.spearmanr(first.ravel(), second.ravel()).statistic
    assert correlation(standard_ranks(first), standard_ranks(second)) == pytest.approx(expected)
    assert correlation(standard_ranks(first), standard_ranks(first)) <= 1


def test_large_maps_are_averaged_and_scaled_anew():
    cam = random_maps(1, 0, 256)[0]
    means = cam.reshape(64, 4, 64, 4).mean(axis=(1, 3))
    expected = (means - means.min()) / np.ptp(means)
    small = comparable(cam)
    assert small.dtype == np.float32
    np.testing.assert_allclose(small, expected, atol=1e-5)


def test_small_and_cut_maps_become_square_and_empty_ones_stay_empty():
    assert comparable(random_maps(1, 0, 32)[0]).shape == (32, 32)
    assert comparable(random_maps(1, 0, 200)[0][:, 5:]).shape == (64, 64)
    for value in (0, 0.3):
        cam = np.full((128, 128), value, np.float32)
        cam[0, 0] += 1e-7
        assert not comparable(cam).any()


def test_empty_maps_resemble_nothing():
    first, second = random_maps(4, 0), random_maps(4, 1)
    first[1], second[2] = 0, 0
    found = compare(first, second)
    assert list(found["spearman"].isna()) == list(found["ssim"].isna()) == [0, 1, 1, 0]
    assert found["ssim"][3] == ssim(first[3], second[3])


def test_level_is_that_of_the_other_images_with_the_same_target():
    first, second = random_maps(6, 0), random_maps(6, 1)
    second[4] = 0
    found = level(first, second, [1, 0, 1, 0, 1, 2])
    assert found["ssim"][0] == ssim(first[0], second[2])  # the map of image 4 is empty
    expected = [ssim(first[4], second[i]) for i in (0, 2)]
    assert found["ssim"][4] == pytest.approx(np.mean(expected))
    expected = [stats.spearmanr(first[4].ravel(), second[i].ravel())[0] for i in (0, 2)]
    assert found["spearman"][4] == pytest.approx(np.mean(expected))
    assert np.isnan(found.loc[5]).all()
    first[0] = 0
    assert np.isnan(level(first, second, [1] * 6).loc[0]).all()


def test_measures_are_the_columns():
    assert list(compare(random_maps(1, 0), random_maps(1, 1))) == list(similarity.MEASURES)
