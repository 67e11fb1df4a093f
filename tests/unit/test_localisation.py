import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr import localisation as loc

SIDE = 12
CAMS = arrays(np.float32, (SIDE, SIDE), elements=st.integers(0, 8).map(lambda n: n / 8)).filter(
    lambda cam: cam.max() > 0
)
TRUTHS = arrays(bool, (SIDE, SIDE)).filter(np.any)


def box(top, bottom, left, right, side=SIDE):
    truth = np.zeros((side, side), bool)
    truth[top:bottom, left:right] = True
    return truth


def test_the_peak_is_in_the_truth_or_not_and_ties_count_by_their_share():
    cam = np.zeros((SIDE, SIDE))
    cam[3, 4] = 1
    assert loc.pointing(cam, box(2, 5, 2, 5)) == 1
    assert loc.pointing(cam, box(5, 8, 2, 5)) == 0
    cam[3, 5] = cam[3, 6] = cam[3, 7] = 1
    assert loc.pointing(cam, box(2, 5, 2, 5)) == 0.25
    assert loc.pointing(np.ones((SIDE, SIDE)), box(0, 6, 0, 6)) == 0.25


def test_energy_is_the_share_of_the_sum():
    cam = np.zeros((SIDE, SIDE), np.float32)
    cam[0, 0], cam[5, 5], cam[6, 6] = 0.5, 1, 0.5
    assert loc.energy(cam, box(5, 7, 5, 7)) == 0.75
    assert loc.energy(np.ones((SIDE, SIDE), np.float32), box(0, 6, 0, 6)) == 0.25


def test_iou_by_hand():
    cam = np.where(box(0, 4, 0, 4), 0.5, 0.1)
    assert loc.iou(cam, box(0, 4, 0, 4), 0.5) == 1  # the threshold itself is shown
    assert loc.iou(cam, box(0, 4, 2, 6), 0.3) == pytest.approx(8 / 24)
    assert loc.iou(cam, box(0, 4, 2, 6), 0.6) == 0
    assert loc.iou(cam, box(0, 4, 2, 6), 0.1) == pytest.approx(16 / SIDE**2)


@settings(deadline=None, max_examples=30)
@given(CAMS, TRUTHS)
def test_the_best_iou_is_that_of_the_best_threshold(cam, truth):
    assert loc.best_iou(cam, truth) == pytest.approx(
        max(loc.iou(cam, truth, value) for value in np.unique(cam))
    )


@settings(deadline=None, max_examples=30)
@given(CAMS, TRUTHS, st.floats(0.01, 1))
def test_scores_stay_within_bounds_and_turn_with_the_image(cam, truth, threshold):
    for score in (loc.pointing, loc.energy, loc.best_iou, lambda c, t: loc.iou(c, t, threshold)):
        value = score(cam, truth)
        assert 0 <= value <= 1
        assert score(np.rot90(cam), np.rot90(truth)) == pytest.approx(value)
    assert loc.iou(cam, truth, threshold) <= loc.best_iou(cam, truth) + 1e-12


@settings(deadline=None, max_examples=30)
@given(TRUTHS)
def test_the_truth_itself_scores_1(truth):
    cam = truth.astype(np.float32)
    assert loc.pointing(cam, truth) == loc.energy(cam, truth) == loc.iou(cam, truth, 0.5) == 1
    assert loc.best_iou(cam, truth) == 1


@settings(deadline=None, max_examples=20)
@given(st.lists(st.tuples(CAMS, TRUTHS), min_size=1, max_size=4))
def test_no_other_threshold_has_a_higher_mean_iou(pairs):
    maps, truths = map(np.stack, zip(*pairs, strict=True))

    def mean(threshold):
        return np.mean([loc.iou(*pair, threshold) for pair in pairs])

    chosen = loc.choose_threshold(maps, truths)
    assert mean(chosen) == pytest.approx(max(mean(t / 100) for t in range(1, 101)))


def test_of_equal_thresholds_the_middle_one_is_chosen():
    truth = box(0, 4, 0, 4)
    cam = np.where(truth, 1, 0.2).astype(np.float32)
    assert loc.choose_threshold(cam[None], truth[None]) == pytest.approx(0.61, abs=0.011)


@pytest.mark.parametrize("size", [11, 64])
def test_the_centre_is_in_the_middle_and_round(size):
    prior = loc.centre(size)
    assert (prior.min(), prior.max()) == (0, 1)
    np.testing.assert_allclose(prior, np.rot90(prior), atol=1e-6)
    assert prior[size // 2, size // 2] == pytest.approx(1, abs=0.01)
    quarter = size // 4
    assert prior[quarter : size - quarter, quarter : size - quarter].sum() > 0.4 * prior.sum()


def test_the_mean_truth_says_how_often_a_pixel_is_true():
    truths = np.stack([box(0, 6, 0, 6), box(0, 6, 3, 9), box(0, 6, 3, 9), box(0, 3, 3, 4)])
    prior = loc.mean_truth(truths)
    assert (prior[0, 3], prior[0, 0], prior[0, 11]) == (1, 0.25, 0)
    assert prior[0, 8] == 0.5
    assert not loc.mean_truth(np.zeros((2, 4, 4), bool)).any()


def test_a_coarse_grid_cannot_reach_a_small_truth_and_a_fine_one_can():
    truth = box(40, 44, 10, 14, 64)
    reached = [loc.reachable_iou(truth, (cells, cells)) for cells in (2, 4, 16, 64)]
    assert reached == sorted(reached)
    assert reached[0] < 0.3
    assert reached[-1] == 1


@pytest.mark.parametrize("seed", range(5))
def test_what_is_said_to_be_reachable_is_more_than_the_reduced_truth_reaches(seed):
    field = cv2.resize(np.random.default_rng(seed).random((6, 6)), (64, 64))
    truth = field > np.quantile(field, 0.85)
    reduced = cv2.resize(truth.astype(np.float32), (5, 4), interpolation=cv2.INTER_AREA)
    first = loc.best_iou(cv2.resize(reduced, (64, 64)), truth)
    assert first <= loc.reachable_iou(truth, (4, 5)) < 1


def test_a_truth_that_a_grid_has_drawn_is_all_but_reached():
    cells = np.random.default_rng(0).random((4, 4)).astype(np.float32)
    stretched = cv2.resize(cells, (64, 64))
    assert loc.reachable_iou(stretched > 0.6, (4, 4)) > 0.85


def found(count=8, seed=0):
    rng = np.random.default_rng(seed)
    places = rng.integers(0, SIDE - 4, size=(count, 2))
    return np.stack([box(y, y + 4, x, x + 4) for y, x in places])


def verdicts(maps, truths, patients=None, empty=None):
    empty = np.zeros(len(maps), bool) if empty is None else empty
    prior = np.repeat(loc.mean_truth(found(50, 1))[None], len(maps), axis=0)
    own, known = (loc.scores(each, truths, empty, 0.5) for each in (maps, prior))
    return list(loc.rows("cam", own, known, "mean truth", patients))


def test_maps_of_the_truth_pass_and_those_of_elsewhere_fail():
    truths = found()
    rows = verdicts(truths.astype(np.float32), truths)
    assert [row["statistic"] for row in rows] == [
        "pointing above mean truth",
        "energy above mean truth",
        "iou above mean truth",
        "all above mean truth",
    ]
    assert {row["verdict"] for row in rows} == {"pass"}
    assert {row["n"] for row in rows} == {8}
    elsewhere = verdicts((~truths).astype(np.float32), truths)
    assert [row["verdict"] for row in elsewhere[1:3]] == ["fail", "fail"]
    assert elsewhere[0]["verdict"] != "pass"  # the prior's peak hits one of eight truths
    assert elsewhere[3]["verdict"] != "pass"
    assert elsewhere[3]["value"] == min(row["value"] for row in elsewhere[:3])


def test_a_prior_does_not_beat_itself():
    truths = found()
    prior = np.repeat(loc.mean_truth(found(50, 1))[None], len(truths), axis=0)
    assert {row["verdict"] for row in verdicts(prior, truths)} == {"cannot tell"}


@pytest.mark.parametrize("known", [0, 1, 5])
def test_without_enough_truths_it_cannot_be_told(known):
    truths = found()
    truths[known:] = False
    rows = verdicts(np.where(truths, 1, 0.1).astype(np.float32), truths)
    assert {(row["verdict"], row["n"]) for row in rows} == {("cannot tell", known)}
    if not known:
        assert all(np.isnan(row[key]) for row in rows for key in ("value", "low", "high"))


def test_empty_maps_are_left_out_and_images_of_one_patient_are_one():
    truths = found(9)
    maps = truths.astype(np.float32)
    maps[0] = 0
    empty = np.arange(9) == 0
    assert {row["n"] for row in verdicts(maps, truths, empty=empty)} == {8}
    alone = np.array([""] * 9)
    assert verdicts(maps, truths, alone, empty) == verdicts(maps, truths, None, empty)
    few = np.array(["a", "a", "b", "b", "c", "c", "d", "d", "d"])
    assert {row["verdict"] for row in verdicts(maps, truths, few, empty)} == {"cannot tell"}
