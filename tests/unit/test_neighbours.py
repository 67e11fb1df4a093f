import numpy as np
import pytest

from cxr.neighbours import nearest

FEATURES = np.random.default_rng(5).normal(size=(60, 7)).astype(np.float32)


def test_neighbours_are_those_of_a_plain_search():
    rows, distances = nearest(FEATURES, 4)
    scaled = FEATURES / FEATURES.std(axis=0)
    for row, each in enumerate(scaled):
        between = np.linalg.norm(scaled - each, axis=1)
        between[row] = np.inf
        assert rows[row].tolist() == np.argsort(between)[:4].tolist()
        assert distances[row] / distances[0, 0] == pytest.approx(
            np.sort(between)[:4] / np.sort(np.linalg.norm(scaled - scaled[0], axis=1))[1], rel=1e-4
        )


def test_one_is_the_usual_distance():
    _, distances = nearest(FEATURES, 59)
    assert np.median(distances) == pytest.approx(1, abs=0.05)


def test_units_of_a_channel_do_not_matter():
    rows, distances = nearest(FEATURES * [1, 1000, 1, 1, 0.01, 1, 1], 4)
    assert (rows == nearest(FEATURES, 4)[0]).all()
    assert distances == pytest.approx(nearest(FEATURES, 4)[1], rel=1e-4)


def test_channels_that_never_change_say_nothing():
    still = np.hstack([FEATURES, np.full((60, 2), 3, np.float32)])
    assert (nearest(still, 4)[0] == nearest(FEATURES, 4)[0]).all()


def test_copies_are_nearest_and_no_image_is_its_own_neighbour():
    rows, distances = nearest(np.vstack([FEATURES, FEATURES[:1], FEATURES[:1]]), 3)
    assert set(rows[0, :2]) == {60, 61}
    assert distances[0, :2] == pytest.approx(0, abs=1e-6)
    assert all(row not in rows[row] for row in range(62))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_have_few_neighbours(count):
    rows, distances = nearest(FEATURES[:count], 4)
    assert rows.shape == distances.shape == (count, count - 1)


def test_images_that_are_all_the_same_are_all_near():
    rows, distances = nearest(np.ones((5, 3)), 2)
    assert rows.shape == (5, 2)
    assert (distances == 0).all()
