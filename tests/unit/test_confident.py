import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxr import confident

PROBABILITIES = st.integers(0, 50).map(lambda value: value / 50)


@st.composite
def predictions(draw):
    """Labels with both classes, and probabilities, with ties as often as not."""
    count = draw(st.integers(2, 40))
    labels = draw(arrays.arrays(int, count, elements=st.integers(0, 1)))
    labels[:2] = 0, 1
    return labels, draw(arrays.arrays(float, count, elements=PROBABILITIES))


def simulate(separation, noise, count=2000, seed=0):
    """Given labels, the best probabilities of them, and which labels are wrong.

    The classes lie `separation` standard deviations apart on a scale that the network sees.
    """
    rng = np.random.default_rng(seed)
    true = np.arange(count) % 2
    seen = rng.normal(separation * (true - 0.5))
    wrong = rng.random(count) < noise
    effusion = 1 / (1 + np.exp(-separation * seen))
    labels = np.where(wrong, 1 - true, true)
    return labels, (1 - noise) * effusion + noise * (1 - effusion), wrong


def test_by_hand():
    """An effusion needs 0.65 and a normal X-ray 0.6; each class has one that the other claims."""
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    probabilities = np.array([0.9, 0.85, 0.6, 0.25, 0.1, 0.5, 0.25, 0.75])
    np.testing.assert_allclose(confident.thresholds(labels, probabilities), [0.6, 0.65])
    classes = confident.confident_classes(labels, probabilities)
    assert list(classes) == [1, 1, -1, 0, 0, -1, 0, 1]
    assert list(confident.likely_errors(labels, probabilities)) == [3, 7]  # a tie stays in order
    assert list(confident.margins(labels, probabilities)[[3, 7]]) == [-0.5, -0.5]
    assert confident.error_counts(labels, probabilities).tolist() == [[1, 3], [1, 3]]


def test_the_more_probable_of_two_classes_is_taken():
    """A network that is wrong has low thresholds, which an image may reach for both classes."""
    labels, probabilities = np.array([1, 1, 0, 0]), np.array([0.25, 0.625, 0.75, 0.625])
    assert list(confident.confident_classes(labels, probabilities)) == [0, 1, 1, 1]
    assert list(confident.likely_errors(labels, probabilities)) == [0, 2, 3]


@pytest.mark.parametrize("value", [0.1, 0.7])
def test_a_network_that_calls_all_the_same_is_confident_of_something(value):
    labels = np.arange(7) % 2
    counts = confident.error_counts(labels, np.full(7, value))
    assert counts[:, 1].tolist() == [4, 3]


@given(predictions())
@settings(deadline=None)
def test_listed_labels_are_contradicted_and_ranked(data):
    labels, probabilities = data
    listed = confident.likely_errors(labels, probabilities)
    margins = confident.margins(labels, probabilities)
    assert len(set(listed)) == len(listed)
    assert (np.diff(margins[listed]) >= 0).all()
    cuts = confident.thresholds(labels, probabilities)
    for row in listed:
        other = 1 - labels[row]
        of_other = probabilities[row] if other else 1 - probabilities[row]
        assert of_other >= cuts[other] - 1e-9
    counts = confident.error_counts(labels, probabilities)
    assert counts[:, 0].sum() == len(listed)
    assert (counts[:, 0] <= counts[:, 1]).all() and (counts[:, 1] >= 1).all()


@given(predictions())
@settings(deadline=None)
def test_swapping_the_classes_changes_names_alone(data):
    labels, probabilities = data
    one = confident.likely_errors(labels, probabilities)
    swapped = confident.likely_errors(1 - labels, 1 - probabilities)
    halves = probabilities == 0.5  # where both classes are reached, 0.5 goes to the first
    assert set(one) ^ set(swapped) <= set(np.flatnonzero(halves))


@pytest.mark.parametrize("noise", [0.05, 0.1])
def test_a_good_network_finds_what_is_wrong(noise):
    labels, probabilities, wrong = simulate(separation=5, noise=noise)
    listed = confident.likely_errors(labels, probabilities)
    assert wrong[listed].mean() > 0.85
    assert wrong[listed].sum() > 0.85 * wrong.sum()
    assert wrong[listed[:20]].all()
    errors, sure = confident.error_counts(labels, probabilities).T
    np.testing.assert_allclose(errors / sure, noise, atol=0.03)


def test_a_weak_network_lists_the_hard_images_of_clean_labels():
    labels, probabilities, _ = simulate(separation=1.2, noise=0)
    errors, sure = confident.error_counts(labels, probabilities).T
    assert (errors / sure > 0.15).all()


@pytest.mark.parametrize("separation", [1.5, 3, 5])
def test_planted_errors_tell_how_well_real_ones_are_found(separation):
    labels, probabilities, wrong = simulate(separation, noise=0.05)
    listed = confident.likely_errors(labels, probabilities)
    clean, sure, _ = simulate(separation, noise=0)
    recall, precision = confident.planted_power(clean, sure, 0.05, 20, 50, 1)
    assert recall == pytest.approx(wrong[listed].sum() / wrong.sum(), abs=0.12)
    assert precision == pytest.approx(wrong[listed[:20]].mean(), abs=0.25)


def test_planting_at_least_one_of_each_class_and_the_same_again():
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.1, 0.9, 0.9])
    power = confident.planted_power(labels, probabilities, 0.01, 20, 5, 3)
    assert power == confident.planted_power(labels, probabilities, 0.01, 20, 5, 3)
    assert 0 <= power[0] <= 1 and 0 <= power[1] <= 1
