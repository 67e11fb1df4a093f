import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_auc_score

from cxr import intervals, metrics

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
import interval_coverage as simulated

METRICS = ["auroc", "accuracy", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"]


def cohort(count=105, patients=None, runs=1, seed=0, skill=1.5):
    """Labels, probabilities (runs, count), thresholds and patients of a classifier."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    scores = skill * (labels - 0.5) + 0.5 * rng.normal(size=(runs, count)) + rng.normal(size=count)
    owners = np.arange(count) // (count // patients if patients else 1)
    names = np.array([f"p{owner}" if patients else "" for owner in owners], object)
    return labels, 1 / (1 + np.exp(-scores)), np.full(runs, 0.5), names


@st.composite
def cohorts(draw):
    labels, probabilities, thresholds, patients = cohort(
        draw(st.integers(4, 60)),
        draw(st.sampled_from([None, 2, 3])),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.sampled_from([0, 1.5, 20])),
    )
    return labels, np.round(probabilities, draw(st.sampled_from([1, 2, 9]))), thresholds, patients


@given(cohorts())
@settings(deadline=None, max_examples=100)
def test_an_interval_holds_the_value_and_lies_between_0_and_1(case):
    scored = intervals.score(*case)
    assert list(scored.values) == METRICS
    for name, values in scored.values.items():
        low, high = scored.interval(name)
        if low is None:
            assert high is None
        else:
            assert 0 <= low <= values.mean() + 1e-12, name
            assert values.mean() - 1e-12 <= high <= 1, name


@given(cohorts(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_the_order_of_images_and_the_names_of_patients_do_not_matter(case, seed):
    labels, probabilities, thresholds, patients = case
    order = np.random.default_rng(seed).permutation(len(labels))
    renamed = np.array([name and f"other {name}" for name in patients], object)
    first = intervals.score(*case)
    second = intervals.score(labels[order], probabilities[:, order], thresholds, renamed[order])
    for name in METRICS:
        np.testing.assert_allclose(
            np.array(first.interval(name), float), np.array(second.interval(name), float)
        )


@pytest.mark.parametrize("right", [0, 3, 52, 97, 105])
def test_a_proportions_interval_is_wilsons_with_students_t(right):
    labels = np.ones(105, int)
    probabilities = (np.arange(105) < right).astype(float)[None]
    scored = intervals.score(labels, probabilities, np.array([0.5]), np.full(105, "", object))
    level = 1 - 2 * stats.norm.sf(stats.t.ppf(0.975, 104))
    wilson = stats.binomtest(right, 105).proportion_ci(level, method="wilson")
    found = scored.interval("sensitivity")
    # n - 1 images' worth, as the variance is that of a sample; n where all are alike
    np.testing.assert_allclose(found, [wilson.low, wilson.high], atol=0.002)
    assert found[1] - found[0] > 0.03


def test_an_aurocs_variance_is_delongs():
    labels, probabilities, thresholds, patients = cohort()
    effusions, normals = probabilities[0][labels == 1], probabilities[0][labels == 0]
    wins = (effusions[:, None] > normals).astype(float)
    variance = wins.mean(axis=1).var(ddof=1) / len(effusions)
    variance += wins.mean(axis=0).var(ddof=1) / len(normals)
    moves = intervals.score(labels, probabilities, thresholds, patients).means["auroc"].moves
    np.testing.assert_allclose(moves @ moves, variance, rtol=0.03)


@pytest.mark.parametrize("name", ["auroc", "auprc", "accuracy", "ppv", "brier"])
@pytest.mark.parametrize("patients", [None, 15])
def test_moves_are_those_of_leaving_out_each_patient(name, patients):
    case = cohort(patients=patients)
    labels, probabilities, thresholds, names = case
    scored = intervals.score(*case)
    left_out = []
    groups = intervals.group(names)
    for patient in range(groups.max() + 1):
        kept = groups != patient
        without = metrics.estimates(labels[kept], probabilities[0][kept], thresholds[0])
        left_out.append(scored.values[name][0] - without[name].value)
    error, expected = (np.sqrt(np.sum(np.square(m))) for m in (scored.means[name].moves, left_out))
    np.testing.assert_allclose(error, expected, rtol={"auprc": 0.08}.get(name, 0.02))


@pytest.mark.parametrize(
    ("name", "statistic"), [("auroc", roc_auc_score), ("brier", brier_score_loss)]
)
def test_intervals_are_near_the_bootstrap_of_scipy(name, statistic):
    case = cohort(400)
    found = stats.bootstrap(
        (case[0], case[1][0]),
        statistic,
        paired=True,
        vectorized=False,
        n_resamples=1000,
        method="BCa",
        rng=np.random.default_rng(0),
    ).confidence_interval
    np.testing.assert_allclose(intervals.score(*case).interval(name), found, atol=0.008)


def test_images_of_one_patient_widen_intervals():
    labels, probabilities, thresholds, _ = cohort(60)
    five = [np.repeat(array, 5, axis=-1) for array in (labels, probabilities)]
    patients = np.repeat([f"p{patient}" for patient in range(60)], 5).astype(object)
    once = intervals.score(labels, probabilities, thresholds, np.full(60, "", object))
    together = intervals.score(*five, thresholds, patients)
    apart = intervals.score(*five, thresholds, np.full(300, "", object))
    for name in ("auroc", "auprc", "accuracy", "sensitivity", "ppv", "brier"):
        low, high = together.interval(name)
        np.testing.assert_allclose((low, high), once.interval(name), atol=1e-9, err_msg=name)
        assert high - low > 1.8 * np.diff(apart.interval(name))[0], name


def test_a_mean_over_runs_is_surer_than_one_run_and_no_surer_than_copies_of_it():
    labels, probabilities, thresholds, patients = cohort(runs=8)
    eight = intervals.score(labels, probabilities, thresholds, patients)
    one = intervals.score(labels, probabilities[:1], thresholds[:1], patients)
    copies = intervals.score(labels, probabilities[[0] * 8], thresholds, patients)
    assert np.ptp(eight.interval("accuracy")) < np.ptp(one.interval("accuracy"))
    for name in METRICS:
        np.testing.assert_allclose(copies.interval(name), one.interval(name), err_msg=name)
        assert len(eight.values[name]) == 8


def test_a_threshold_may_be_one_per_image():
    labels, probabilities, thresholds, patients = cohort(runs=2)
    first = intervals.score(labels, probabilities, thresholds, patients)
    second = intervals.score(labels, probabilities, np.full(probabilities.shape, 0.5), patients)
    for name in METRICS:
        assert first.interval(name) == second.interval(name)


def test_undefined_metrics_have_no_interval():
    labels, patients = np.zeros(6, int), np.full(6, "", object)
    scored = intervals.score(labels, np.full((1, 6), 0.2), np.array([0.5]), patients)
    for name in ("auroc", "auprc", "sensitivity", "ppv"):
        assert np.isnan(scored.values[name]).all()
        assert scored.interval(name) == (None, None)
        gap, low, high = intervals.difference(scored, scored, name)
        assert np.isnan(gap)
        assert low is high is None


def test_one_patient_has_no_interval():
    labels, probabilities, thresholds, _ = cohort(10)
    scored = intervals.score(labels, probabilities, thresholds, np.full(10, "p", object))
    assert scored.values["accuracy"][0] > 0
    assert scored.interval("accuracy") == (None, None)
    both = np.where(labels == 1, "p", "").astype(object)  # the effusions are all of one patient
    scored = intervals.score(labels, probabilities, thresholds, both)
    assert scored.interval("auroc") == scored.interval("sensitivity") == (None, None)
    assert None not in scored.interval("specificity")


def test_a_perfect_classifier_is_not_taken_to_be_perfect():
    labels, probabilities, thresholds, patients = cohort(skill=50)
    scored = intervals.score(labels, probabilities, thresholds, patients)
    for name in ("auroc", "auprc", "sensitivity", "npv"):
        low, high = scored.interval(name)
        assert scored.values[name][0] == high == 1
        assert 0.9 < low < 0.99, name


def test_a_calibrated_classifiers_calibration_error_may_be_0():
    rng = np.random.default_rng(0)
    lows, errors = [], []
    for _ in range(100):
        probabilities = rng.random(105)
        labels = (rng.random(105) < probabilities).astype(int)
        scored = intervals.score(
            labels, probabilities[None], np.array([0.5]), np.full(105, "", object)
        )
        lows.append(scored.interval("ece")[0])
        errors.append(scored.values["ece"][0])
    assert np.mean(np.array(lows) == 0) >= 0.93
    assert np.mean(errors) > 0.08


def test_the_bias_of_the_calibration_error_is_that_of_resampling():
    labels, probabilities, _, patients = cohort(105)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, 105, 105) for _ in range(2000)]
    resampled = [metrics.ece(labels[rows], probabilities[0][rows]).value for rows in drawn]
    bias = np.mean(resampled) - metrics.ece(labels, probabilities[0]).value
    found, _ = intervals.ece_by_chance(labels, probabilities[0], intervals.group(patients))
    np.testing.assert_allclose(found, bias, atol=0.005)
    assert found > 0.02


def test_a_difference_is_that_of_the_means_and_turns_its_sign_with_the_order():
    labels, probabilities, thresholds, patients = cohort(runs=5)
    first = intervals.score(labels, probabilities[:2], thresholds[:2], patients)
    second = intervals.score(labels, probabilities[2:], thresholds[2:], patients)
    for name in METRICS:
        gap, low, high = intervals.difference(first, second, name)
        assert gap == first.values[name].mean() - second.values[name].mean()
        assert low <= gap <= high
        back = intervals.difference(second, first, name)
        np.testing.assert_allclose([-back[0], -back[2], -back[1]], [gap, low, high], atol=1e-12)


def test_a_classifier_does_not_differ_from_its_copy():
    scored = intervals.score(*cohort())
    for name in METRICS:
        gap, low, high = intervals.difference(scored, scored, name)
        assert gap == 0
        if name in intervals.DISCORDANT:  # on the next image they might
            assert -0.06 < low < 0 < high < 0.06
        else:
            assert low == high == 0


def test_differences_are_paired():
    """A rival who errs on the same images differs less surely than the two intervals suggest."""
    labels, probabilities, thresholds, patients = cohort()
    shifted = np.clip(probabilities + 0.02 * labels, 0, 1)
    first, rival = (
        intervals.score(labels, rows, thresholds, patients) for rows in (probabilities, shifted)
    )
    _, low, high = intervals.difference(rival, first, "auroc")
    assert low > 0
    assert high - low < 0.25 * np.ptp(first.interval("auroc"))


@pytest.mark.parametrize("clustered", [False, True], ids=["single", "clustered"])
def test_intervals_hold_the_truth_where_the_percentile_bootstrap_does_not(monkeypatch, clustered):
    """A short run of benchmarks/interval_coverage.py."""
    monkeypatch.setattr(simulated, "RESAMPLES", 200)
    table = simulated.coverage(0.95, clustered, 200).set_index("metric")
    assert (table[["one run", "three runs", "difference"]] >= 91).all(axis=None)
    assert table.loc["auroc", "bootstrap"] < 93
    assert table.loc["ece", "bootstrap"] < 50
