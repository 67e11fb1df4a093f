from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from cxr import metrics


@st.composite
def scored(draw, least=1):
    """Labels with both classes, probabilities with ties, and a generator for more."""
    count = draw(st.integers(2 * least, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = np.concatenate([np.repeat([0, 1], least), rng.integers(0, 2, count - 2 * least)])
    levels = draw(st.sampled_from([3, 10, 10**6]))
    probabilities = (rng.integers(0, levels + 1, count) / levels).astype(np.float32)
    return rng.permutation(labels), probabilities.astype(np.float64), rng


REFERENCES = {
    "auroc": sklearn_metrics.roc_auc_score,
    "auprc": sklearn_metrics.average_precision_score,
    "brier": sklearn_metrics.brier_score_loss,
}


@pytest.mark.parametrize("name", REFERENCES)
@given(scored())
@settings(deadline=None, max_examples=50)
def test_ranking_metrics_are_those_of_scikit_learn(name, case):
    labels, probabilities, _ = case
    value = getattr(metrics, name)(labels, probabilities).value
    np.testing.assert_allclose(value, REFERENCES[name](labels, probabilities), atol=1e-12)


@given(scored(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
@settings(deadline=None, max_examples=50)
def test_metrics_at_a_threshold_are_those_of_scikit_learn(case, threshold):
    labels, probabilities, _ = case
    called = probabilities >= threshold
    nan = {"zero_division": np.nan}
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(labels, called),
        "sensitivity": sklearn_metrics.recall_score(labels, called, **nan),
        "specificity": sklearn_metrics.recall_score(labels, called, pos_label=0, **nan),
        "ppv": sklearn_metrics.precision_score(labels, called, **nan),
        "npv": sklearn_metrics.precision_score(labels, called, pos_label=0, **nan),
    }
    for name, found in metrics.at_threshold(labels, called).items():
        np.testing.assert_allclose(found.value, expected[name], atol=1e-12, err_msg=name)


@given(scored())
@settings(deadline=None, max_examples=50)
def test_expected_calibration_error_is_that_of_a_plain_loop(case):
    labels, probabilities, _ = case
    expected = 0.0
    for low in range(10):
        member = (probabilities >= low / 10) & (probabilities < (low + 1) / 10)
        if low == 9:
            member |= probabilities == 1
        if member.any():
            gap = probabilities[member].mean() - labels[member].mean()
            expected += member.mean() * abs(gap)
    np.testing.assert_allclose(metrics.ece(labels, probabilities).value, expected, atol=1e-9)


WEIGHTED = {
    "auroc": sklearn_metrics.roc_auc_score,
    "auprc": sklearn_metrics.average_precision_score,
    "brier": sklearn_metrics.brier_score_loss,
    "sensitivity": lambda y, p, sample_weight: np.average(
        (p >= 0.5)[y == 1], weights=sample_weight[y == 1]
    ),
    "ppv": lambda y, p, sample_weight: np.average(y[p >= 0.5], weights=sample_weight[p >= 0.5]),
}


@pytest.mark.parametrize("name", WEIGHTED)
@given(scored())
@settings(deadline=None, max_examples=50)
def test_influence_is_the_derivative_by_the_weight_of_an_image(name, case):
    labels, probabilities, rng = case
    probabilities[rng.integers(len(labels))] = 0.9  # one is called an effusion
    found = metrics.estimates(labels, probabilities, 0.5)[name]
    step = 1e-6
    for image in rng.integers(0, len(labels), 5):
        more, less = np.ones((2, len(labels)))
        more[image], less[image] = 1 + step, 1 - step
        up, down = (WEIGHTED[name](labels, probabilities, sample_weight=w) for w in (more, less))
        np.testing.assert_allclose(found.influence[image], (up - down) / (2 * step), atol=1e-8)


@given(scored())
@settings(deadline=None, max_examples=50)
def test_influences_add_up_to_nothing(case):
    labels, probabilities, _ = case
    for name, found in metrics.estimates(labels, probabilities, 0.5).items():
        assert abs(found.influence.sum()) < 1e-9, name


def test_each_image_may_have_its_own_threshold():
    labels, probabilities = np.array([0, 1, 1]), np.array([0.3, 0.3, 0.3])
    found = metrics.estimates(labels, probabilities, np.array([0.5, 0.2, 0.5]))
    assert (found["sensitivity"].value, found["specificity"].value) == (0.5, 1)


@pytest.mark.parametrize(
    ("labels", "probabilities", "undefined"),
    [
        ([0, 0], [0.2, 0.7], {"auroc", "auprc", "sensitivity"}),
        ([1, 1], [0.2, 0.7], {"auroc", "specificity"}),
        ([0, 1], [0.2, 0.3], {"ppv"}),
        ([0, 1], [0.8, 0.9], {"npv"}),
        ([0, 1], [0.2, 0.9], set()),
    ],
)
def test_undefined_is_nan_and_has_a_reason(labels, probabilities, undefined):
    found = metrics.estimates(np.array(labels), np.array(probabilities), 0.5)
    assert {name for name, estimate in found.items() if np.isnan(estimate.value)} == undefined
    assert undefined <= set(metrics.UNDEFINED)


def calls(labels, probabilities, threshold):
    """True positives and true negatives as fractions of their class, exactly."""
    called = probabilities >= threshold
    return (
        Fraction(int((called & (labels == 1)).sum()), int((labels == 1).sum())),
        Fraction(int((~called & (labels == 0)).sum()), int((labels == 0).sum())),
    )


@given(scored())
@settings(deadline=None)
def test_youdens_threshold_is_the_best_and_of_the_best_the_highest(case):
    labels, probabilities, _ = case
    threshold = metrics.youden_threshold(labels, probabilities)
    merits = {cut: sum(calls(labels, probabilities, cut)) for cut in np.unique(probabilities)}
    highest = max(cut for cut, merit in merits.items() if merit == max(merits.values()))
    np.testing.assert_array_equal(probabilities >= threshold, probabilities >= highest)


@given(scored())
@settings(deadline=None)
def test_the_sensitive_threshold_is_the_most_specific_one_that_is_sensitive(case):
    labels, probabilities, _ = case
    threshold = metrics.sensitivity_threshold(labels, probabilities)
    rates = {cut: calls(labels, probabilities, cut) for cut in np.unique(probabilities)}
    enough = {cut: rate[1] for cut, rate in rates.items() if rate[0] >= Fraction(95, 100)}
    highest = max(cut for cut, merit in enough.items() if merit == max(enough.values()))
    np.testing.assert_array_equal(probabilities >= threshold, probabilities >= highest)
    sensitivity, _ = calls(labels, probabilities, threshold)
    assert sensitivity >= Fraction(95, 100)


def test_nineteen_of_twenty_is_a_sensitivity_of_95():
    labels = np.repeat([1, 0], [20, 5])
    probabilities = np.concatenate([[0.1], np.linspace(0.6, 0.9, 19), np.full(5, 0.3)])
    np.testing.assert_allclose(metrics.sensitivity_threshold(labels, probabilities), 0.45)


def test_thresholds_lie_between_probabilities_so_that_rounding_moves_no_image():
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.6, 0.9])
    assert metrics.youden_threshold(labels, probabilities) == 0.5
    assert metrics.youden_threshold(labels[2:].repeat(2) * [0, 1, 0, 1], probabilities) > 0
