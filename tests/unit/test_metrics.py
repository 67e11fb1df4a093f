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


def once(labels):
    return np.ones((1, len(labels)))


REFERENCES = {
    "auroc": sklearn_metrics.roc_auc_score,
    "auprc": sklearn_metrics.average_precision_score,
    "brier": sklearn_metrics.brier_score_loss,
}


@pytest.mark.parametrize("name", REFERENCES)
@given(scored())
@settings(deadline=None, max_examples=50)
def test_ranking_metrics_are_those_of_scikit_learn(name, case):
    labels, probabilities, rng = case
    weights = rng.integers(0, 4, (3, len(labels))).astype(float)
    weights[:, [np.argmax(labels), np.argmin(labels)]] += 1
    values = getattr(metrics, name)(labels, probabilities, weights)
    expected = [REFERENCES[name](labels, probabilities, sample_weight=row) for row in weights]
    np.testing.assert_allclose(values, expected, atol=1e-12)


@given(scored(), st.sampled_from([0.0, 0.3, 0.5, 1.0]))
@settings(deadline=None, max_examples=50)
def test_metrics_at_a_threshold_are_those_of_scikit_learn(case, threshold):
    labels, probabilities, rng = case
    weights = rng.integers(1, 4, (2, len(labels))).astype(float)
    called = (probabilities >= threshold).astype(int)
    counts = metrics.confusion(labels, probabilities, weights, threshold)
    values = metrics.at_threshold(labels, probabilities, weights, threshold)
    for row, sample_weight in enumerate(weights):
        options = {"sample_weight": sample_weight, "zero_division": np.nan}
        (tn, fp), (fn, tp) = sklearn_metrics.confusion_matrix(
            labels, called, sample_weight=sample_weight, labels=[0, 1]
        )
        assert {name: count[row] for name, count in counts.items()} == {
            "tp": tp,
            "fp": fp,
            "tn": tn,
            "fn": fn,
        }
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(labels, called, sample_weight=sample_weight),
            "sensitivity": sklearn_metrics.recall_score(labels, called, **options),
            "specificity": sklearn_metrics.recall_score(labels, called, pos_label=0, **options),
            "ppv": sklearn_metrics.precision_score(labels, called, **options),
            "npv": sklearn_metrics.precision_score(labels, called, pos_label=0, **options),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(values[name][row], value, atol=1e-12, err_msg=name)


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
    value = metrics.ece(labels, probabilities, once(labels))
    np.testing.assert_allclose(value, [expected], atol=1e-9)


@given(scored())
@settings(deadline=None, max_examples=30)
def test_a_weight_counts_an_image_as_often(case):
    labels, probabilities, rng = case
    counts = rng.integers(0, 4, len(labels)) + 1
    weighted = metrics.all_metrics(labels, probabilities, counts[np.newaxis].astype(float), 0.5)
    repeated = [np.repeat(values, counts) for values in (labels, probabilities)]
    expected = metrics.all_metrics(*repeated, once(repeated[0]), 0.5)
    for name, value in weighted.items():
        np.testing.assert_allclose(value, expected[name], atol=1e-12, err_msg=name)


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
    labels, probabilities = np.array(labels), np.array(probabilities)
    values = metrics.all_metrics(labels, probabilities, once(labels), 0.5)
    assert {name for name, value in values.items() if np.isnan(value[0])} == undefined
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


COHORT = {
    "labels": np.array([1, 0] * 15),
    "probabilities": np.linspace(0, 1, 30),
    "patients": np.repeat([f"p{patient}" for patient in range(10)], 3).astype(object),
}


def bootstrap(threshold=0.5, resamples=50, seed=1, **changes):
    return metrics.bootstrap(
        threshold=threshold, resamples=resamples, seed=seed, **COHORT | changes
    )


def drawn_weights(monkeypatch, **changes):
    """The weights that a bootstrap gives to images, (resamples, n)."""
    seen = []

    def spy(labels, probabilities, weights, threshold):
        seen.append(weights)
        return {"auroc": np.zeros(len(weights))}

    monkeypatch.setattr(metrics, "all_metrics", spy)
    bootstrap(**changes)
    return np.concatenate(seen)


def test_the_bootstrap_draws_whole_patients(monkeypatch):
    weights = drawn_weights(monkeypatch).reshape(50, 10, 3)
    assert (weights == weights[:, :, :1]).all()
    assert (weights[:, :, 0].sum(axis=1) == 10).all()
    assert weights.max() > 1


def test_images_of_unknown_patients_are_drawn_one_by_one(monkeypatch):
    patients = COHORT["patients"].copy()
    patients[:15] = ""
    weights = drawn_weights(monkeypatch, patients=patients)
    assert len(np.unique(weights[:, :15], axis=1).T) == 15
    known = weights[:, 15:].reshape(50, 5, 3)
    assert (known == known[:, :, :1]).all()


def test_the_bootstrap_is_the_same_for_the_same_seed_and_in_parts(monkeypatch):
    whole, again, other = bootstrap(), bootstrap(), bootstrap(seed=2)
    monkeypatch.setattr(metrics, "CHUNK", 7 * 30)
    parts = bootstrap()
    for name, values in whole.items():
        np.testing.assert_allclose(values, parts[name], rtol=1e-12, err_msg=name)
        np.testing.assert_array_equal(values, again[name], err_msg=name)
        assert len(values) == 50
    assert (whole["auroc"] != other["auroc"]).any()


def test_two_classifiers_see_the_same_resamples(monkeypatch):
    first = drawn_weights(monkeypatch)
    second = drawn_weights(monkeypatch, probabilities=np.linspace(1, 0, 30), threshold=0.1)
    np.testing.assert_array_equal(first, second)


def test_intervals():
    values = np.arange(1001.0)
    assert metrics.interval(values) == (25.0, 975.0)
    gaps = values.copy()
    gaps[:50] = np.nan
    low, high = metrics.interval(gaps)
    assert 50 < low < high < 1000
    gaps[:60] = np.nan
    assert metrics.interval(gaps) == (None, None)
    assert metrics.interval(np.full(5, np.nan)) == (None, None)


def test_intervals_cover_the_truth_when_patients_have_many_images():
    """Accuracy 0.7 over patients, each right or wrong on all of five images."""
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(60), 5).astype(str).astype(object)
    covered = {"patient": 0, "image": 0}
    for trial in range(100):
        right = np.repeat(rng.random(60) < 0.7, 5)
        labels = rng.integers(0, 2, 300)
        probabilities = np.where(right, labels, 1 - labels) * 0.8 + 0.1
        for unit, groups in (("patient", patients), ("image", np.full(300, "", dtype=object))):
            values = metrics.bootstrap(labels, probabilities, 0.5, groups, 100, trial)["accuracy"]
            low, high = metrics.interval(values)
            covered[unit] += low <= 0.7 <= high
    assert 0.88 <= covered["patient"] / 100 <= 0.99
    assert covered["image"] / 100 < 0.8
