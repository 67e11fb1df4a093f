import numpy as np
import pandas as pd
import pytest

from cxr import confounding, faithfulness, localisation, means, sanity, tables
from cxr.similarity import MEASURES
from cxr.verdicts import (
    CHECKS,
    GROUPS,
    MEASURED,
    in_short,
    in_words,
    measured,
    memorised,
    standing,
    untested,
)

NONE = {"value": np.nan, "low": np.nan, "high": np.nan, "n": 0, "verdict": "cannot tell"}


def row(method, check, verdict="pass", **changes):
    numbers = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 12, "verdict": verdict}
    statistic = {"statistic": CHECKS[check].statistic if check in CHECKS else "any"}
    return {"method": method, "check": check} | statistic | numbers | changes


def checks(*rows):
    return pd.DataFrame(rows, columns=tables.columns("checks"))


def judged(check, low, high):
    """What the check says of an interval, over plenty of images and far from all being alike."""
    if check == "shortcut":
        return confounding.verdict(low, high, confounding.USES)
    if CHECKS[check].statistic != "spearman_beyond_level":
        return means.verdict(low, high, 40)
    middle = (low + high) / 2
    found = sanity.Difference(0.5, 0.5 - middle, middle, low, high, 40, 40, middle)
    return sanity.RULES[check](found)


@pytest.mark.parametrize("check", CHECKS)
def test_the_limit_over_a_column_is_where_its_check_passes(check):
    _, side, limit, *_ = CHECKS[check].passes.replace("up to", "below").split()
    inside, outside = (0.01, -0.01) if side == "above" else (-0.01, 0.01)
    ends = sorted([float(limit) + inside, float(limit) + 5 * inside])
    assert judged(check, *ends) == "pass"
    ends = sorted([float(limit) + outside, float(limit) + 5 * inside])
    assert judged(check, *ends) == "cannot tell"
    ends = sorted([float(limit) + outside, float(limit) + 5 * outside])
    assert judged(check, *ends) == "fail"


def test_statistics_that_stand_for_checks_are_among_those_written():
    compared = pd.DataFrame(
        [
            {"method": "m", "check": check, "stage": 1, "layers": "", "draw": 0, "row": image}
            | {f"{name}{end}": 0.1 * image for name in MEASURES for end in ("", "_level")}
            for check in ("cascading", "permuted_labels", "target", "noise", "shift", "seeds")
            for image in range(6)
        ]
    )
    nothing = dict.fromkeys(localisation.STATISTICS, np.zeros(6))
    columns = tables.columns("shortcut")
    unmarked = pd.DataFrame(np.zeros((6, len(columns))), columns=columns)
    rows = [
        *sanity.verdict(compared.assign(patient="")).to_dict("records"),
        *faithfulness.rows("m", np.zeros((6, 2, 2))),
        *localisation.rows("m", nothing, nothing, localisation.MEAN),
        *confounding.rows("m", unmarked, np.full(6, ""), confounding.UNUSED),
    ]
    assert list(standing(pd.DataFrame(rows))["check"]) == list(CHECKS)


def test_methods_come_first_then_controls_each_with_its_checks_in_order():
    table = checks(
        row("random", "noise"),
        row("scorecam", "insertion"),
        row("edges", "noise"),
        row("scorecam", "randomisation"),
        row("gradcam", "target"),
    )
    found = standing(table)
    assert list(zip(found["method"], found["check"], strict=True)) == [
        ("scorecam", "randomisation"),
        ("scorecam", "insertion"),
        ("gradcam", "target"),
        ("random", "noise"),
        ("edges", "noise"),
    ]
    assert list(found.index) == list(range(5))


def test_only_the_statistic_that_stands_for_a_check_is_kept():
    table = checks(
        row("gradcam", "deletion", statistic="blur"),
        row("gradcam", "deletion", "fail", statistic="both"),
        row("gradcam", "noise", statistic="ssim_beyond_level"),
        row("gradcam", "localisation", statistic="energy above centre"),
    )
    found = standing(table)
    assert list(found["verdict"]) == ["fail"]
    assert standing(table.drop(index=1)).empty
    assert standing(checks()).empty


def test_two_rows_for_one_verdict_are_refused():
    with pytest.raises(ValueError, match="two rows"):
        standing(checks(row("gradcam", "noise"), row("gradcam", "noise", "fail")))


def test_in_short():
    table = checks(
        row("gradcam", "noise"),
        row("gradcam", "shift"),
        row("layercam", "noise"),
        row("scorecam", "noise", "cannot tell"),
        row("scorecam", "shift"),
        row("occlusion", "noise", "cannot tell"),
        row("occlusion", "shift", "fail"),
        row("smoothgrad", "noise", "fail"),
        row("smoothgrad", "shift", "fail"),
        row("edges", "noise", "fail"),
    )
    assert in_short(standing(table)) == [
        "Passes all its checks: GradCAM, LayerCAM.",
        "Fails none, but not all can be told: ScoreCAM.",
        "Fails at least one check: Occlusion (A small shift), SmoothGrad (A little noise, A small "
        "shift).",
    ]
    assert in_short(standing(table[-1:])) == []


def test_how_one_method_stands():
    rows = standing(
        checks(
            row("gradcam", "noise"),
            row("gradcam", "shift"),
            row("scorecam", "noise", "fail"),
            row("scorecam", "shift", "cannot tell"),
            row("edges", "noise"),
        )
    )
    assert in_words(rows, "gradcam") == "Passes 2 of 2 checks of the audit."
    assert in_words(rows, "scorecam") == (
        "Passes 0 of 2 checks of the audit; fails: A little noise; cannot be told: A small shift."
    )
    assert in_words(rows, "edges").startswith("A control that knows nothing")
    assert in_words(rows, "edges").endswith("Passes 1 of 1 check of the audit.")
    assert in_words(rows, "occlusion") == "The audit did not test this method."


def test_what_is_measured_and_what_is_not_checked():
    found = standing(checks(row("gradcam", "noise"), row("gradcam", "localisation", **NONE)))
    text = measured(found)
    assert text.startswith("Learned, stable: ")
    assert "; Fluid: " in text
    assert "Faithful" not in text
    titles = [check.title for check in CHECKS.values()]
    assert untested(found) == [
        title for title in titles if title not in ("A little noise", "True place")
    ]
    assert set().union(*(groups for groups, _ in MEASURED.values())) == set(GROUPS)


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        (1.0, "got 100 % of its shuffled training labels right."),
        (0.617, "got 61.7 % of its shuffled training labels right, too few for this check to tell"),
    ],
)
def test_how_well_shuffled_labels_were_learned_is_said(learned, words):
    rows = standing(
        checks(row("gradcam", "noise"), row("gradcam", "permuted_labels", learned=learned))
    )
    (said,) = memorised(rows)
    assert said.startswith("Shuffled labels: ") and words in said
    assert memorised(rows[rows["check"] == "noise"]) == []


def test_checks_are_told_apart_and_asked_as_questions():
    for field in ("title", "question"):
        assert len({getattr(check, field) for check in CHECKS.values()}) == len(CHECKS)
    assert all(check.question.endswith("?") for check in CHECKS.values())
    groups = [check.group for check in CHECKS.values()]
    assert groups == sorted(groups, key=GROUPS.index)


def test_the_schema_tells_of_each_check_and_its_statistic():
    columns = tables.load_schema("checks")["properties"]
    assert set(CHECKS) <= set(columns["check"]["enum"])
    for name, check in CHECKS.items():
        assert f"`{name}`" in columns["check"]["description"]
        assert f"`{check.statistic}`" in columns["check"]["description"]
    assert all(
        f"`{word}`" in columns["verdict"]["description"] for word in columns["verdict"]["enum"]
    )


def test_a_check_without_a_value_is_read_as_it_was_written(tmp_path):
    table = checks(row("gradcam", "noise"), row("gradcam", "localisation", **NONE))
    tables.write_table(table, tmp_path / "checks.csv", "checks")
    found = tables.read_table(tmp_path / "checks.csv", "checks")
    pd.testing.assert_frame_equal(found, table)
