import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cxr.means import advantage_row, by_patient, joint, joint_row, mean_interval, verdict


def test_mean_interval_is_students():
    values = np.array([0.1, 0.5, -0.3, 0.9])
    mean, low, high = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))


def test_an_interval_ends_where_values_do():
    mean, low, high = mean_interval(np.array([0.2, 1.0]), bound=1)
    assert (mean, low, high) == (pytest.approx(0.6), -1, 1)
    assert mean_interval(np.array([0.2, 1.0]))[2] > 1


def test_one_value_has_no_interval_and_none_no_mean():
    mean, *limits = mean_interval(np.array([0.3]), bound=1)
    assert mean == 0.3
    assert np.isnan(limits).all()
    assert np.isnan(mean_interval(np.array([]))).all()


@pytest.mark.parametrize(
    ("low", "high", "n", "expected"),
    [
        (0.01, 0.3, 10, "pass"),
        (0.001, 0.01, 10, "pass"),
        (0.0, 0.3, 10, "cannot tell"),
        (-0.1, 0.3, 10, "cannot tell"),
        (-0.3, 0.019, 10, "fail"),
        (0.0, 0.0, 10, "cannot tell"),
        (0.3, np.nextafter(0.3, 1), 10, "cannot tell"),
        (-0.3, -0.1, 10, "fail"),
        (0.01, 0.3, 5, "cannot tell"),
        (-0.3, -0.1, 5, "cannot tell"),
        (np.nan, np.nan, 10, "cannot tell"),
    ],
)
def test_verdicts(low, high, n, expected):
    assert verdict(low, high, n) == expected


def test_baselines_that_disagree_cannot_tell():
    assert joint(["pass", "pass"]) == "pass"
    assert joint(["fail", "fail"]) == "fail"
    for pair in (["pass", "fail"], ["fail", "pass"], ["pass", "cannot tell"]):
        assert joint(pair) == "cannot tell"


@settings(deadline=None)
@given(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=12), st.integers(0, 9))
def test_each_patient_counts_once(patients, seed):
    values = np.random.default_rng(seed).normal(size=len(patients))
    means = by_patient(values, np.array(patients))
    expected = [value for value, name in zip(values, patients, strict=True) if not name]
    for name in set(patients) - {""}:
        expected.append(values[np.array(patients) == name].mean())
    assert sorted(means) == pytest.approx(sorted(expected))
    values[0] = np.nan
    assert not np.isnan(by_patient(values, np.array(patients))).any()


def test_a_row_counts_images_and_judges_patients():
    better = np.array([0.1, 0.2, 0.3, 0.4, np.nan, 0.5, 0.6, 0.7])
    row = advantage_row("m", "localisation", "iou above centre", better)
    assert (row["method"], row["check"], row["statistic"]) == (
        "m",
        "localisation",
        "iou above centre",
    )
    assert (row["n"], row["verdict"], row["value"]) == (7, "pass", pytest.approx(0.4))
    assert (row["low"], row["high"]) == mean_interval(better[~np.isnan(better)])[1:]
    patients = np.array(["a", "a", "b", "b", "c", "c", "", ""])
    row = advantage_row("m", "localisation", "iou above centre", better, patients)
    assert (row["n"], row["verdict"]) == (7, "cannot tell")  # five patients, one of them twice ""
    assert row["value"] == pytest.approx(np.mean([0.15, 0.35, 0.5, 0.6, 0.7]))


def test_limits_of_an_advantage_stay_within_it():
    row = advantage_row("m", "c", "s", np.array([-1, 1.0, 1, 1, 1, 1]))
    assert row["high"] == 1 > row["value"]


def test_the_joint_row_is_the_one_that_speaks_least():
    rows = [
        advantage_row("m", "c", name, np.full(9, mean) + np.arange(9) / 100)
        for name, mean in (("a", 0.3), ("b", -0.2), ("c", 0.5))
    ]
    together = joint_row(rows, "all")
    assert [row["verdict"] for row in rows] == ["pass", "fail", "pass"]
    assert together == rows[1] | {"statistic": "all", "verdict": "cannot tell"}
    assert joint_row([rows[0], rows[2]], "all")["verdict"] == "pass"
    wide = advantage_row("m", "c", "d", 0.4 + np.linspace(-1, 1, 9))
    assert joint_row([rows[0], wide], "all")["statistic"] == "all"
    assert joint_row([rows[0], wide], "all")["value"] == pytest.approx(0.4)  # open, though larger
