import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn import metrics as sklearn_metrics
from sklearn.linear_model import LogisticRegression

from cxr import calibration, intervals


def sample(count=200, slope=1.0, shift=0.0, seed=0):
    """Labels, and probabilities whose log odds are to be multiplied by `slope`, `shift` added."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 2, count)
    labels = (rng.random(count) < expit(odds)).astype(int)
    return labels, expit((odds - shift) / slope)


@given(st.integers(0, 1000), st.floats(0.3, 3))
@settings(deadline=None, max_examples=30)
def test_log_loss_is_that_of_scikit_learn(seed, slope):
    labels, probabilities = sample(50, slope, seed=seed)
    expected = sklearn_metrics.log_loss(labels, probabilities, labels=[0, 1])
    np.testing.assert_allclose(calibration.log_loss(labels, probabilities).value, expected)


def test_certain_mistakes_have_a_finite_loss():
    value = calibration.log_loss(np.array([1, 0]), np.array([0.0, 1.0])).value
    np.testing.assert_allclose(value, -np.log(1e-7))


@given(st.integers(0, 1000), st.floats(0.3, 3))
@settings(deadline=None, max_examples=30)
def test_the_slope_is_that_of_logistic_regression(seed, slope):
    labels, probabilities = sample(80, slope, seed=seed)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    model.fit(calibration.log_odds(probabilities)[:, None], labels)
    value = calibration.slope(labels, probabilities).value
    np.testing.assert_allclose(value, model.coef_[0, 0], rtol=1e-3)


def test_slope_and_intercept_are_those_of_the_truth():
    for slope, shift in ((1, 0), (0.5, 0), (2, 0)):
        labels, probabilities = sample(100_000, slope, shift)
        np.testing.assert_allclose(calibration.slope(labels, probabilities).value, slope, rtol=0.05)
    labels, probabilities = sample(100_000, 1, 0.7)
    np.testing.assert_allclose(calibration.intercept(labels, probabilities).value, 0.7, atol=0.05)
    np.testing.assert_allclose(calibration.slope(labels, probabilities).value, 1, rtol=0.05)


def test_with_the_intercept_the_mean_probability_is_the_share_of_effusions():
    labels, probabilities = sample(60, 0.4, 1.5)
    value = calibration.intercept(labels, probabilities).value
    np.testing.assert_allclose(expit(logit(probabilities) + value).mean(), labels.mean())


@pytest.mark.parametrize("name", ["log_loss", "slope", "intercept"])
def test_influence_is_the_change_by_an_image_more(name):
    labels, probabilities = sample(2000)
    measure = getattr(calibration, name)
    found = measure(labels, probabilities)
    for image in range(5):
        twice = [np.append(array, array[image]) for array in (labels, probabilities)]
        change = measure(*twice).value - found.value
        np.testing.assert_allclose(found.influence[image], change, rtol=0.05, atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "probabilities", "undefined"),
    [
        ([0, 0, 0], [0.1, 0.5, 0.9], {"calibration_slope", "calibration_intercept"}),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], {"calibration_slope"}),
        ([1, 1, 0, 0], [0.1, 0.2, 0.2, 0.9], {"calibration_slope"}),
        ([0, 1, 0, 1], [0.3] * 4, {"calibration_slope"}),
        ([0, 1, 0, 1], [0.0, 0.0, 1.0, 1.0], set()),
    ],
)
def test_undefined_where_there_is_no_solution(labels, probabilities, undefined):
    found = calibration.measures(np.array(labels), np.array(probabilities))
    assert {name for name, estimate in found.items() if np.isnan(estimate.value)} == undefined


def test_intervals_hold_the_truth():
    names = ("log_loss", "calibration_slope", "calibration_intercept")
    truth = {"calibration_slope": 0.6, "calibration_intercept": 0.0}
    truth["log_loss"] = calibration.log_loss(*sample(500_000, 0.6)).value
    held = dict.fromkeys(names, 0)
    for seed in range(200):
        scored = intervals.combine(
            [calibration.measures(*sample(105, 0.6, seed=seed))], np.arange(105)
        )
        for name in names:
            low, high = scored.interval(name)
            held[name] += low <= truth[name] <= high
    assert min(held.values()) >= 180
    assert max(held.values()) < 200


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_undoes_what_made_probabilities_too_extreme(temperature):
    labels, probabilities = sample(50_000, 1 / temperature)
    found = calibration.fit_temperature(labels, probabilities)
    np.testing.assert_allclose(found, temperature, rtol=0.05)
    tempered = calibration.temper(probabilities, found)
    np.testing.assert_allclose(calibration.slope(labels, tempered).value, 1, rtol=0.05)


@given(st.integers(0, 1000), st.floats(0.2, 4))
@settings(deadline=None, max_examples=30)
def test_no_temperature_has_less_loss(seed, slope):
    labels, probabilities = sample(60, slope, seed=seed)

    def loss(temperature):
        tempered = calibration.temper(probabilities, temperature)
        return calibration.log_loss(labels, tempered).value

    best = loss(calibration.fit_temperature(labels, probabilities))
    assert best <= min(loss(other) for other in np.geomspace(0.1, 10, 50)) + 1e-6


@pytest.mark.parametrize(
    ("labels", "probabilities", "expected"),
    [
        ([0, 0, 1, 1], [0.2, 0.4, 0.6, 0.8], 0.1),  # separated
        ([1, 1, 0, 0], [0.2, 0.4, 0.6, 0.8], 10),  # worse than chance
        ([0, 1, 0, 1], [0.5] * 4, 1),
        ([0, 1, 0, 1], [1.0] * 4, 10),
    ],
)
def test_temperatures_are_bounded(labels, probabilities, expected):
    found = calibration.fit_temperature(np.array(labels), np.array(probabilities))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_temperature_keeps_the_order_and_one_half():
    probabilities = np.array([0.0, 0.1, 0.5, 0.7, 1.0])
    assert calibration.temper(probabilities, 3.0)[2] == 0.5
    assert (np.diff(calibration.temper(probabilities, 3.0)) > 0).all()
    np.testing.assert_allclose(calibration.temper(probabilities, 1.0), probabilities, atol=1e-6)
    own = calibration.temper(probabilities, np.array([1, 2, 1, 1, 1]))
    np.testing.assert_allclose(own[1], 0.25)
