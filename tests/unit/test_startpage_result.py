import pandas as pd
import pytest
from docutils import nodes
from test_rst import rendered

from cxr.startpage_result import SHOWN, result


def metric(value, low=0.6, high=0.9, **reason):
    return {"value": value, "ci95": [low, high], **reason}


def scores(threshold=0.5, rule="0.5", patients=40, subset="test", **changes):
    test = {name: metric(0.8) for name in SHOWN} | changes
    test |= {"n": 50, "patients": patients, "confusion": {"tp": 15, "fp": 4, "tn": 26, "fn": 5}}
    return {"threshold": threshold, "threshold_rule": rule, subset: test}


def comparison(names=("lesson", "pleura"), seeds=1, kinds=(), subset="test", **changes):
    """All are experiments but the last, which have the `kinds`."""
    kinds = ["experiment"] * (len(names) - len(kinds)) + list(kinds)
    rows = [
        {"experiment": name, "kind": kind, "subset": subset, "n": 50, "metric": metric}
        | {"seeds": seeds if kind == "experiment" else 1}
        | {"value": 0.8, "low": 0.6, "high": 0.9, "seed_sd": 0.03 if seeds > 1 else None}
        | dict.fromkeys(("difference", "difference_low", "difference_high"), None)
        | ({"difference": 0.1, "difference_low": 0.02, "difference_high": 0.2} if number else {})
        | {"verdict": "higher" if number else "", "above_verdict": ""}
        | dict.fromkeys(("above_thumbnail", "above_thumbnail_low", "above_thumbnail_high"), None)
        | (changes if number else {})
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
        for metric in SHOWN
    ]
    return pd.DataFrame(rows)


def words(text):
    return " ".join(rendered(text).astext().split())


def table(text):
    rows = rendered(text).findall(nodes.row)
    return [[cell.astext() for cell in row] for row in rows]


def test_result_gives_each_number_with_its_interval_and_n():
    text = result(comparison(), {"lesson": [scores()], "pleura": [scores()]})
    cells = ["0.800 (0.600 to 0.900)"] * 4 + ["50", "1"]
    assert table(text)[1:] == [["lesson", *cells], ["pleura", *cells]]
    found = words(text)
    assert "On 50 X-rays (20 with an effusion), which no network saw in training" in found
    assert "95 % intervals over patients" in found
    assert "at a threshold of 0.50" in found
    assert "trained once" in found


@pytest.mark.parametrize(
    ("low", "high", "meaning"),
    [
        (0.02, 0.2, "above zero: on X-rays like these, pleura tells the classes better apart"),
        (-0.2, -0.02, "below zero: on X-rays like these, pleura tells the classes less well"),
        (-0.1, 0.2, "includes zero: these X-rays do not say which"),
        (0.0, 0.2, "includes zero"),
        (None, None, "could not be computed with an interval"),
    ],
)
def test_difference_in_words_that_its_interval_supports(low, high, meaning):
    pairs = comparison(difference_low=low, difference_high=high)
    found = words(result(pairs, {"lesson": [scores()], "pleura": [scores()]}))
    assert "AUROC of pleura minus that of lesson" in found
    assert meaning in found
    if low is not None:
        assert f"+0.100 ({low:+.3f} to {high:+.3f}), paired over the same 50 X-rays" in found


def test_cross_validation_is_called_so():
    runs = [scores(0.4, "youden", subset="oof")]
    runs[0]["thresholds"] = {"1": 0.3, "2": 0.5}
    found = words(result(comparison(["lesson"], subset="oof"), {"lesson": runs}))
    assert "each judged by the one network of a cross-validation that did not see it" in found
    assert "at each network's own threshold (0.30 to 0.50), chosen on the validation" in found


def test_networks_that_do_not_beat_the_thumbnail_are_named():
    names = ["winner", "even", "loser", "winner ensemble", "frame", "thumbnail"]
    pairs = comparison(names, seeds=2, kinds=["ensemble", "baseline", "baseline"])
    above = {
        "winner": (0.1, 0.02, 0.2, "higher"),
        "even": (0.05, -0.1, 0.2, "cannot tell"),
        "loser": (-0.1, -0.2, -0.02, "lower"),
        "winner ensemble": (0.12, 0.03, 0.2, "higher"),
        "frame": (-0.3, -0.4, -0.2, "lower"),
    }
    columns = ["above_thumbnail", "above_thumbnail_low", "above_thumbnail_high", "above_verdict"]
    for name, cells in above.items():
        pairs.loc[pairs["experiment"] == name, columns] = cells
    runs = {name: [scores(), scores()] for name in names[:3]}
    text = result(pairs, runs)
    found = words(text)
    assert [row[0] for row in table(text)[1:]] == names
    assert "winner: +0.100 (+0.020 to +0.200), so it beats the thumbnail" in found
    assert "even: +0.050 (-0.100 to +0.200), so it is not shown to beat the thumbnail" in found
    assert "loser: -0.100 (-0.200 to -0.020), so it is worse than the thumbnail" in found
    assert "winner ensemble: +0.120 (+0.030 to +0.200), so it beats the thumbnail" in found
    assert "frame: " not in found
    assert "AUROC of winner ensemble minus that of winner" in found
    assert "AUROC of frame minus" not in found
    assert "These are 3 differences" in found
    assert "over 2 seeds: winner 0.030, even 0.030, loser 0.030." in found


def test_rows_with_a_threshold_of_their_own_are_said_to_have_one():
    names = ["lesson", "thumbnail"]
    pairs = comparison(names, kinds=["baseline"])
    said = "ensembles and baselines have their own, chosen alike"
    assert said in words(result(pairs, {"lesson": [scores(0.31, "youden")]}))
    assert said not in words(result(pairs, {"lesson": [scores()]}))
    alone = comparison(["lesson"])
    assert said not in words(result(alone, {"lesson": [scores(0.31, "youden")]}))


def test_one_experiment_is_compared_to_nothing():
    found = words(result(comparison(["lesson"]), {"lesson": [scores()]}))
    assert "minus" not in found


def test_several_seeds_come_with_their_spread():
    runs = {name: [scores(threshold=cut) for cut in (0.3, 0.4)] for name in ("lesson", "pleura")}
    found = words(result(comparison(seeds=2), runs))
    assert "mean over the seeds" in found
    assert "over 2 seeds: lesson 0.030, pleura 0.030" in found
    assert "each network's own threshold (0.30 to 0.40)" in found


def test_a_network_that_calls_all_the_same_is_named():
    usual, runs = scores(), [scores(), scores()]
    runs[1]["test"]["confusion"] = {"tp": 0, "fp": 0, "tn": 30, "fn": 20}
    pairs = comparison(seeds=2)
    found = words(result(pairs, {"lesson": runs, "pleura": [usual, usual]}))
    assert "lesson (2. seed) calls every held-out X-ray normal" in found
    assert found.count("calls every held-out X-ray") == 1


def test_several_differences_come_with_a_word_on_chance():
    names = ["lesson", "pleura", "third"]
    found = words(result(comparison(names), {name: [scores()] for name in names}))
    assert "of twenty such intervals, one excludes zero by chance" in found
    two = words(result(comparison(), {name: [scores()] for name in names[:2]}))
    assert "by chance" not in two


def test_rule_of_the_threshold_is_named():
    run = scores(threshold=0.31, rule="sensitivity_95")
    found = words(result(comparison(["lesson"]), {"lesson": [run]}))
    assert "0.31, chosen on the validation X-rays by the rule sensitivity_95" in found


def test_undefined_metrics_say_why():
    reasons = {
        "auroc": metric(None, None, None, reason="needs images of both classes"),
        "specificity": metric(1.0, None, None, reason="no interval: too few"),
    }
    runs = comparison(["lesson"])
    runs.loc[runs["metric"] == "auroc", ["value", "low", "high"]] = None
    runs.loc[runs["metric"] == "specificity", ["low", "high"]] = None
    text = result(runs, {"lesson": [scores(patients=None, **reasons)]})
    assert table(text)[1][1:5] == [
        "undefined",
        *["0.800 (0.600 to 0.900)"] * 2,
        "0.800 (no interval)",
    ]
    assert "AUROC of lesson: needs images of both classes" in words(text)
    assert "specificity of lesson: no interval: too few" in words(text)
    assert "95 % intervals over images" in words(text)
