import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.sparse import linalg

from cxr.imputation import BLUR, NOISE, blur, impute

OFFSETS = {(y, x): (2 - abs(y * x)) / 12 for y in (-1, 0, 1) for x in (-1, 0, 1) if y or x}


def drawn(side, seed=0):
    """A smooth image of mean 0 and standard deviation 1."""
    coarse = np.random.default_rng(seed).normal(size=(6, 6)).astype(np.float32)
    image = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    return (image - image.mean()) / image.std()


def holes(side, share, grid, seed=0):
    """Remove a share of the pixels, in blobs as large as the cells of a grid."""
    field = np.random.default_rng(seed).random((grid, grid))
    field = cv2.resize(field, (side, side))
    return field >= np.quantile(field, 1 - share)


def solved(image, removed):
    """The same equations one by one, by SciPy's direct solver."""
    number = {place: i for i, place in enumerate(zip(*np.nonzero(removed), strict=True))}
    matrix, known = sparse.lil_matrix((len(number), len(number))), np.zeros(len(number))
    for (y, x), row in number.items():
        for (down, right), weight in OFFSETS.items():
            other = (y + down, x + right)
            if not (0 <= other[0] < len(image) and 0 <= other[1] < len(image)):
                continue
            matrix[row, row] += weight
            if other in number:
                matrix[row, number[other]] -= weight
            else:
                known[row] += weight * image[other]
    filled = image.astype(np.float64)
    filled[removed] = linalg.spsolve(matrix.tocsc(), known)
    return filled


@pytest.mark.parametrize("side", [16, 37, 64])
@pytest.mark.parametrize("grid", [4, 16], ids=["blobs", "specks"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_removed_pixels_solve_the_equations(side, grid, share):
    image, removed = drawn(side), holes(side, share, grid)
    filled = impute(image, removed, np.zeros((side, side)))
    np.testing.assert_allclose(filled, solved(image, removed), atol=0.06)  # deviation is 1
    np.testing.assert_array_equal(filled[~removed], image[~removed])


def test_one_pixel_is_the_weighted_mean_of_its_neighbours():
    image, removed = drawn(9), np.zeros((9, 9), bool)
    removed[4, 4] = removed[0, 0] = True
    filled = impute(image, removed, np.zeros((9, 9)))
    sides = image[3, 4] + image[5, 4] + image[4, 3] + image[4, 5]
    corners = image[3, 3] + image[3, 5] + image[5, 3] + image[5, 5]
    assert filled[4, 4] == pytest.approx((2 * sides + corners) / 12, abs=1e-3)
    corner = (2 * image[0, 1] + 2 * image[1, 0] + image[1, 1]) / 5
    assert filled[0, 0] == pytest.approx(corner, abs=1e-3)


def test_a_slope_is_carried_on_across_a_hole():
    slope = np.add.outer(np.arange(64.0), 2 * np.arange(64.0)).astype(np.float32)
    removed = np.zeros((64, 64), bool)
    removed[20:50, 10:40] = True
    filled = impute(slope, removed, np.zeros((64, 64)))
    np.testing.assert_allclose(filled, slope, atol=0.05 * slope.std())


@settings(deadline=None, max_examples=25)
@given(
    st.integers(3, 40), st.floats(0, 1), st.integers(1, 12), st.integers(0, 9), st.floats(0.1, 1e3)
)
def test_what_is_filled_in_lies_between_what_is_known_and_scales_with_the_image(
    side, share, grid, seed, factor
):
    image, removed = drawn(side, seed), holes(side, share, grid, seed)
    removed[side // 2, side // 2] = False
    nothing = np.zeros((side, side))
    filled = impute(image, removed, nothing)
    known = image[~removed]
    assert known.min() - 0.05 <= filled.min() and filled.max() <= known.max() + 0.05
    scaled = impute(np.float32(factor) * image + 5, removed, nothing)
    np.testing.assert_allclose((scaled - 5) / factor, filled, atol=0.05)


def test_where_nothing_is_known_there_is_the_mean_and_noise():
    image, everything = drawn(32), np.ones((32, 32), bool)
    noise = np.random.default_rng(1).normal(size=(32, 32))
    filled = impute(image, everything, noise)
    np.testing.assert_allclose(filled - image.mean(), NOISE * np.ptp(image) * noise, atol=1e-5)


def test_noise_falls_on_removed_pixels_alone():
    image, removed = drawn(32), holes(32, 0.3, 4)
    noise = np.random.default_rng(1).normal(size=(32, 32))
    change = impute(image, removed, noise) - impute(image, removed, 0 * noise)
    expected = np.where(removed, NOISE * np.ptp(image) * noise, 0)
    np.testing.assert_allclose(change, expected, atol=1e-5)
    assert impute(image, ~everywhere(32), noise) is not image
    np.testing.assert_array_equal(impute(image, ~everywhere(32), noise), image)


def everywhere(side):
    return np.ones((side, side), bool)


def test_an_image_without_contrast_stays_as_it_is():
    flat = np.full((16, 16), 0.1, np.float32)
    noise = np.random.default_rng(1).normal(size=(16, 16))
    np.testing.assert_allclose(impute(flat, holes(16, 0.5, 4), noise), flat, atol=1e-6)


def test_the_same_bits_whatever_the_threads():
    image, removed = drawn(128), holes(128, 0.6, 5)
    noise = np.random.default_rng(1).normal(size=(128, 128))
    threads = cv2.getNumThreads()
    try:
        results = []
        for count in (1, 2, 4):
            cv2.setNumThreads(count)
            results.append(impute(image, removed, noise).tobytes() + blur(image).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert len(set(results)) == 1


@pytest.mark.parametrize("side", [64, 128])
def test_a_blur_is_as_wide_whatever_the_size(side):
    """A point becomes a Gaussian of an eighth of the side."""
    point = np.zeros((side, side), np.float32)
    point[side // 2, side // 2] = 1
    spread = blur(point)
    places = np.arange(side) - side // 2
    deviation = np.sqrt((spread.sum(axis=0) * places**2).sum())
    assert spread.sum() == pytest.approx(1, abs=1e-3)
    assert deviation / side == pytest.approx(BLUR, rel=0.03)
