import numpy as np
import pandas as pd
import pytest

from cxr.sanity import (
    CEILING,
    MARGIN,
    Difference,
    check_rows,
    comparisons,
    difference,
    differs,
    fallen,
    stays,
    summarise,
    verdict,
)
from cxr.similarity import MEASURES, compare


def table_of(alike, level, check="cascading", stage=1, draw=0):
    """A table of comparisons in which SSIM is half of Spearman's correlation."""
    rows = {"spearman": alike, "ssim": np.array(alike) / 2, "spearman_level": level}
    rows |= {"ssim_level": np.array(level) / 2, "row": range(len(alike)), "layers": "conv"}
    return pd.DataFrame(rows).assign(method="m", check=check, stage=stage, draw=draw, patient="")


def found(alike, level, half=0.01, n=40, spread=0.0):
    value = alike - level
    return Difference(alike, level, value, value - half, value + half, n, n, value + spread)


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (found(0.2, 0.5), "pass"),
        (found(0.52, 0.5), "pass"),  # within the margin
        (found(0.2, 0.5, spread=0.3), "pass"),
        (found(0.0, 0.5, spread=1.0), "cannot tell"),  # now as before, now the opposite
        (found(0.7, 0.5), "fail"),
        (found(0.55, 0.5, half=0.04), "cannot tell"),
        (found(0.2, 0.5, half=1), "cannot tell"),
        (found(0.2, 0.5, n=4), "cannot tell"),
        (found(1.0, 0.3), "fail"),
        (found(1.0, 0.995, half=0.001), "fail"),  # an edge detector on images all alike
        (found(0.93, 0.95), "cannot tell"),  # a network that always looks at the same place
        (found(1.0, 0.3, n=2), "cannot tell"),
        (Difference(*[np.nan] * 5, 0, 0, np.nan), "cannot tell"),
    ],
)
def test_verdict_on_maps_that_should_fall(difference, expected):
    assert fallen(difference) == expected
    assert MARGIN == 0.05
    assert CEILING == 0.9


def test_difference_is_of_images_after_the_mean_over_draws():
    alike = [[0.5, 0.7, 0.9], [0.3, 0.7, np.nan]]
    tables = [table_of(values, [0.2, 0.3, 0.1], draw=draw) for draw, values in enumerate(alike)]
    found = difference(pd.concat(tables))
    moves = np.array([0.2, 0.4, 0.8])
    half = 4.302653 * moves.std(ddof=1) / np.sqrt(3)  # Student's t, 2 degrees of freedom
    assert found.n == 3
    assert (found.alike, found.level) == (pytest.approx(2 / 3), pytest.approx(0.2))
    assert found.worst == pytest.approx(0.5)  # of draw 0: 0.7 beyond 0.2
    expected = (moves.mean(), moves.mean() - half, moves.mean() + half)
    assert (found.value, found.low, found.high) == pytest.approx(expected)


def test_images_of_a_patient_count_as_one():
    table = table_of([0.5, 0.7, 0.9, 0.3], [0.2, 0.2, 0.2, 0.2])
    found = difference(table.assign(patient=["a", "a", "b", ""]))
    moves = np.array([0.4, 0.7, 0.1])  # of a: the mean of 0.3 and 0.5
    half = 4.302653 * moves.std(ddof=1) / np.sqrt(3)
    assert (found.n, found.patients) == (4, 3)
    expected = (moves.mean(), moves.mean() - half, moves.mean() + half)
    assert (found.value, found.low, found.high) == pytest.approx(expected)
    few = difference(table_of([1.0] * 6, [0.2, 0.3] * 3).assign(patient=list("aabbcc")))
    assert fallen(few) == "cannot tell"


def test_images_without_a_map_are_left_out_and_counted():
    nan = np.nan
    table = table_of([nan, 0.5, nan, 0.7], [nan, 0.2, 0.2, 0.3])
    assert difference(table).n == 2
    row = summarise(table).iloc[0]
    assert (row["n"], row["empty"]) == (2, 0.5)
    none = table_of([nan] * 6, [0.2] * 6)
    assert verdict(none).loc[0, ["n", "verdict"]].tolist() == [0, "cannot tell"]
    assert summarise(none).loc[0, "n"] == 0


def test_only_the_last_cascading_stage_decides():
    tables = [table_of([0.9] * 6, [0.1] * 6, stage=stage) for stage in (1, 2)]
    tables += [table_of([0.1, 0.2] * 3, [0.4] * 6, stage=3)]
    tables += [table_of([0.9] * 6, [0.1] * 6, "independent", stage=3)]
    rows = verdict(pd.concat(tables))
    assert list(rows) == ["method", "check", "statistic", "value", "low", "high", "n", "verdict"]
    assert len(rows) == 1
    assert rows["verdict"][0] == "pass"
    assert rows["statistic"][0] == "spearman_beyond_level"
    assert verdict(pd.concat(tables), "ssim")["value"][0] == pytest.approx(rows["value"][0] / 2)


def test_summary_gives_spread_over_draws():
    tables = [
        table_of(values, [0.1, 0.3], draw=d) for d, values in enumerate([[0.2, 0.4], [0.6, 1]])
    ]
    row = summarise(pd.concat(tables)).iloc[0]
    assert row["spearman"] == pytest.approx(0.55)
    assert row["spearman_draws"] == pytest.approx(np.std([0.3, 0.8], ddof=1))
    assert row["ssim"] == pytest.approx(0.275)
    assert row["spearman_level"] == pytest.approx(0.2)
    assert -1 <= row["spearman_low"] < 0.55 < row["spearman_high"] == 1


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (found(0.9, 0.5), "pass"),
        (found(0.53, 0.5), "fail"),
        (found(0.55, 0.5), "cannot tell"),
        (found(0.9, 0.5, n=4), "cannot tell"),
        (found(0.99, 0.98), "cannot tell"),
        (found(0.3, 0.95), "cannot tell"),
        (found(0.999, 0.93), "pass"),
        (Difference(*[np.nan] * 5, 0, 0, np.nan), "cannot tell"),
    ],
)
def test_verdict_on_maps_that_should_stay(difference, expected):
    assert stays(difference) == expected


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (found(-0.5, 1.0), "pass"),
        (found(0.97, 1.0), "fail"),
        (found(0.94, 1.0, half=0.03), "cannot tell"),
        (found(-0.5, 1.0, n=3), "cannot tell"),
        (found(1.0, 0.6), "fail"),
    ],
)
def test_verdict_on_maps_that_should_differ(difference, expected):
    assert differs(difference) == expected


def test_comparisons_hold_both_similarities_and_what_they_are_set_against():
    rng = np.random.default_rng(0)
    maps, others = rng.random((2, 3, 16, 16))
    others[1] = 0
    level = pd.DataFrame({"spearman": [0.1, 0.2, 0.3], "ssim": [0.4, 0.5, 0.6]})
    table = comparisons("m", "noise", maps, others, level, stage=2, layers="conv_1", draw=4)
    facts = ["method", "check", "stage", "layers", "draw", "row"]
    assert list(table) == [*facts, "spearman", "ssim", "spearman_level", "ssim_level"]
    assert table[facts[:5]].drop_duplicates().values.tolist() == [["m", "noise", 2, "conv_1", 4]]
    assert list(table["row"]) == [0, 1, 2]
    pd.testing.assert_frame_equal(table[list(MEASURES)], compare(maps, others))
    assert table["spearman"].isna().tolist() == [False, True, False]
    assert list(table["spearman_level"]) == [0.1, 0.2, 0.3]
    assert list(table["ssim_level"]) == [0.4, 0.5, 0.6]


def test_each_check_has_its_own_rule():
    """The same similarities: much more alike than the level."""
    checks = ("cascading", "permuted_labels", "target", "noise", "shift", "seeds")
    alike = [0.8, 0.7, 0.8, 0.9, 0.8, 0.7]
    table = pd.concat([table_of(alike, [0.1] * 6, check=check) for check in checks])
    found = verdict(table).set_index("check")["verdict"].to_dict()
    failed = dict.fromkeys(["randomisation", "permuted_labels", "target"], "fail")
    assert found == failed | dict.fromkeys(["noise", "shift", "seeds"], "pass")


def test_limits_of_a_difference_stay_within_it():
    found = difference(table_of([1.0, -1, 1, -1], [-1.0, 1, -1, 1]))
    assert (found.low, found.value, found.high) == (-2, 0, 2)


def test_rows_of_each_method_and_check():
    tables = [table_of([0.5] * 6, [0.4, 0.3] * 3).assign(method=name) for name in "ba"]
    rows = check_rows(pd.concat(tables), stays, "ssim")
    assert list(rows["method"]) == ["b", "a"]
    assert set(rows["statistic"]) == {"ssim_beyond_level"}
    assert list(rows["value"]) == pytest.approx([0.075] * 2)
    assert list(rows["n"]) == [6, 6]
