import cv2
import numpy as np
import pytest
from scipy import ndimage

from cxr import faithfulness as faith
from cxr.imputation import blur, impute
from cxr.means import mean_interval

SIDE = 32
PLACE = (slice(18, 26), slice(4, 12))  # what the "network" looks at


def drawn(count=8, seed=0):
    """Images of mean 0 with a bright field at PLACE."""
    rng = np.random.default_rng(seed)
    images = ndimage.gaussian_filter(rng.normal(size=(count, SIDE, SIDE)), (0, 2, 2))
    images[:, *PLACE] += 4
    return images.astype(np.float32)


def predict(images):
    """The brighter PLACE is, the surer."""
    return 1 / (1 + np.exp(4 - 2 * images[:, *PLACE].mean(axis=(1, 2), dtype=np.float64)))


def smooth(places):
    return ndimage.gaussian_filter(places.astype(np.float32), 2)


def truth():
    cam = np.zeros((SIDE, SIDE))
    cam[PLACE] = 1
    return smooth(cam)


def maps_of(cam, count=8):
    return np.repeat(cam[None], count, axis=0)


def both(images):
    """The probabilities of the two classes."""
    return np.stack([1 - predict(images), predict(images)], axis=1)


def better(maps, empty=None, target=1):
    images, empty = drawn(len(maps)), np.zeros(len(maps), bool) if empty is None else empty
    return faith.advantages(both, images, np.full(len(maps), target), maps, empty)


def verdicts(maps):
    return {
        (row["check"], row["statistic"]): row["verdict"] for row in faith.rows("cam", better(maps))
    }


def test_the_truth_passes_and_its_complement_fails():
    found = verdicts(maps_of(truth()))
    assert set(found.values()) == {"pass"}
    assert set(found) == {
        (check, name) for check in faith.CHECKS for name in (*faith.BASELINES, "both")
    }
    assert set(verdicts(maps_of(1 - truth())).values()) == {"fail"}


def test_random_maps_do_not_pass():
    rng = np.random.default_rng(5)
    random = np.stack([cv2.resize(rng.random((6, 6)).astype(np.float32), (SIDE, SIDE))] * 8)
    assert "pass" not in verdicts(random).values()


def test_a_map_that_is_the_same_everywhere_is_its_random_map():
    images, flat = drawn(3), np.ones((SIDE, SIDE))
    control = np.random.default_rng(0).random((SIDE, SIDE))
    np.testing.assert_array_equal(faith.ranks(flat, control), faith.ranks(control, control))
    orders = [faith.ranks(flat, control), faith.ranks(control, control)]
    first, second = faith.areas(predict, images[0], orders, flat)
    np.testing.assert_array_equal(first, second)


def test_a_plateau_favours_no_place():
    """With one half above the other, each half's pixels come in random order."""
    cam = np.zeros((SIDE, SIDE))
    cam[:, : SIDE // 2] = 1
    mean = np.zeros((SIDE, SIDE))
    for seed in range(200):
        places = faith.ranks(cam, np.random.default_rng(seed).random((SIDE, SIDE)))
        assert places[:, : SIDE // 2].max() < places[:, SIDE // 2 :].min()
        assert sorted(places.ravel()) == list(range(SIDE**2))
        mean += places / 200
    half = SIDE**2 / 2
    spread = 6 * np.sqrt(half**2 / 12 / 200)
    assert np.abs(mean[:, : SIDE // 2] - half / 2).max() < spread
    assert np.abs(mean[:, SIDE // 2 :] - 1.5 * half).max() < spread


def test_the_most_important_pixel_comes_first():
    cam = np.arange(SIDE**2, dtype=float).reshape(SIDE, SIDE)
    places = faith.ranks(cam, np.random.default_rng(0).random(cam.shape))
    np.testing.assert_array_equal(places, cam[::-1, ::-1])


def test_curves_take_away_and_put_back_the_same_pixels():
    image, noise = drawn(1)[0], np.random.default_rng(0).normal(size=(SIDE, SIDE))
    places = faith.ranks(truth(), noise)
    for baseline in faith.BASELINES:
        images = faith.curve_images(image, places, baseline, noise)
        assert images.shape == (18, SIDE, SIDE)
        changed = (images != image).mean(axis=(1, 2))
        expected = np.arange(1, 10) / 10
        np.testing.assert_allclose(changed[:9], expected, atol=0.01)
        np.testing.assert_allclose(changed[9:], expected[::-1], atol=0.01)
    removed = places < 0.3 * places.size
    blurred = faith.curve_images(image, places, "blur", noise)
    np.testing.assert_array_equal(blurred[2], np.where(removed, blur(image), image))
    imputed = faith.curve_images(image, places, "imputation", noise)
    np.testing.assert_array_equal(imputed[2], impute(image, removed, noise))
    np.testing.assert_array_equal(imputed[11], impute(image, ~removed, noise))


def test_areas_are_numpys_trapezoids():
    image, noise = drawn(1)[0], np.random.default_rng(0).normal(size=(SIDE, SIDE))
    places = faith.ranks(truth(), noise)
    (found,) = faith.areas(predict, image, [places], noise)
    shares = places / places.size
    for baseline, areas in zip(faith.BASELINES, found, strict=True):
        curves = [], []
        for step in range(11):
            for curve, removed in zip(
                curves, (shares < step / 10, shares >= step / 10), strict=True
            ):
                filled = (
                    np.where(removed, blur(image), image)
                    if baseline == "blur"
                    else impute(image, removed, noise)
                )
                curve.append(predict(filled[None])[0])
        assert list(areas) == pytest.approx([np.trapezoid(curve, dx=0.1) for curve in curves])


def grain(field):
    """Correlation of neighbouring pixels, across and down."""
    return [
        np.corrcoef(field[:, 1:].ravel(), field[:, :-1].ravel())[0, 1],
        np.corrcoef(field[1:].ravel(), field[:-1].ravel())[0, 1],
    ]


@pytest.mark.parametrize("cells", [4, 16, 64])
def test_random_maps_have_the_maps_grain_and_lie_elsewhere(cells):
    rng = np.random.default_rng(0)
    cam = cv2.resize(rng.random((cells, cells)), (64, 64))
    controls = [faith.random_like(cam, rng) for _ in range(20)]
    np.testing.assert_allclose(np.mean([grain(c) for c in controls], 0), grain(cam), atol=0.1)
    alike = [np.corrcoef(cam.ravel(), control.ravel())[0, 1] for control in controls]
    assert abs(np.mean(alike)) < 0.25
    assert np.abs(alike).max() < 0.95


def test_random_maps_favour_no_place():
    """Of a map with one bright spot, the random maps' peaks lie in each quarter as often."""
    cam, rng = truth(), np.random.default_rng(0)
    peaks = [np.argmax(faith.random_like(cam, rng)) for _ in range(400)]
    rows, columns = np.divmod(peaks, SIDE)
    quarters = np.bincount(rows * 2 // SIDE * 2 + columns * 2 // SIDE, minlength=4)
    assert quarters.min() > 100 - 5 * np.sqrt(75)


def test_the_same_bits_and_each_image_by_itself():
    maps, images = maps_of(truth(), 3), drawn(3)
    first = better(maps)
    np.testing.assert_array_equal(first, better(maps))
    empty = np.array([False, True, False])
    left = better(maps, empty)
    assert np.isnan(left[1]).all()
    np.testing.assert_array_equal(left[~empty], first[~empty])
    turned = faith.advantages(both, images[::-1], np.ones(3, int), maps, np.zeros(3, bool))
    np.testing.assert_array_equal(turned[::-1], first)
    assert not np.array_equal(first[0], first[1])


def test_each_image_is_judged_by_its_own_target():
    """Where an effusion's place goes, the probability of normal rises: the reverse advantage."""
    maps, images = maps_of(truth(), 2), drawn(2)
    mixed = faith.advantages(both, images, np.array([1, 0]), maps, np.zeros(2, bool))
    np.testing.assert_allclose(mixed, better(maps) * np.array([1, -1])[:, None, None], atol=1e-12)


def test_advantages_come_back_from_their_table_whatever_its_order():
    values = np.random.default_rng(0).normal(size=(3, 2, 2))
    values[1] = np.nan
    table = faith.to_table(["b", "a", "c"], values)
    assert list(table) == ["id", "baseline", "check", "advantage"]
    cell = (
        (table["id"] == "c") & (table["baseline"] == "imputation") & (table["check"] == "deletion")
    )
    assert table.loc[cell, "advantage"].tolist() == [values[2, 1, 0]]
    ids, found = faith.from_table(table.sample(frac=1, random_state=1))
    assert sorted(ids) == ["a", "b", "c"]
    np.testing.assert_array_equal(found, values[["bac".index(name) for name in ids]])


def test_larger_maps_are_reduced_to_the_images_side():
    large = np.repeat(np.repeat(truth(), 2, axis=0), 2, axis=1)[None]
    np.testing.assert_allclose(better(large), better(truth()[None]), atol=1e-6)


def test_rows_hold_the_interval_and_both_the_worse_baseline():
    values = np.random.default_rng(0).normal(0.1, 0.05, size=(10, 2, 2))
    values[:, 1, 0] -= 0.2
    values[3] = np.nan
    found = {(row["check"], row["statistic"]): row for row in faith.rows("cam", values)}
    kept = np.delete(values, 3, axis=0)
    for row, baseline in enumerate(faith.BASELINES):
        for column, check in enumerate(faith.CHECKS):
            cell = found[check, baseline]
            interval = (cell["value"], cell["low"], cell["high"])
            assert interval == pytest.approx(mean_interval(kept[:, row, column]))
            assert (cell["n"], cell["method"]) == (9, "cam")
    verdicts = [found["deletion", name]["verdict"] for name in (*faith.BASELINES, "both")]
    assert verdicts == ["pass", "fail", "cannot tell"]
    assert found["deletion", "both"]["value"] == found["deletion", "imputation"]["value"]
    assert found["insertion", "both"]["verdict"] == "pass"


def test_without_maps_it_cannot_be_told():
    for row in faith.rows("cam", np.full((7, 2, 2), np.nan)):
        assert (row["n"], row["verdict"]) == (0, "cannot tell")
        assert np.isnan(row["value"])
