"""Whether a network uses a mark, and whether maps show it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from cxr import confounding as c
from cxr import means

RNG = np.random.default_rng(0)
N, SIDE = 40, 24
PLACES = np.zeros((N, SIDE, SIDE), bool)
PLACES[:, 2:6, 1:5] = True


def network(reliance, share, count=200, seed=0):
    """Labels, patients, who bears the mark, and probabilities without and with it."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    tied, coins = rng.random(count) < share, rng.random(count) < 0.5
    marked = np.where(tied, labels == 1, coins)
    logit = 1.5 * (labels - 0.5) + rng.normal(size=count)
    patients = np.array([f"p{row // 4}" for row in range(count)], object)
    without, with_mark = (1 / (1 + np.exp(-logit - bonus)) for bonus in (-reliance, reliance))
    return labels, patients, marked, without, with_mark


# --- the network --------------------------------------------------------------------------


def use_table(*drawn):
    return c.use_table(*drawn).set_index(["statistic", "images"])


def test_aurocs_are_those_of_scikit_learn_and_drops_add_up():
    labels, patients, marked, without, with_mark = network(1.0, 0.8)
    table = use_table(labels, patients, marked, without, with_mark)
    rng = np.random.default_rng(1)
    dealt = [
        roc_auc_score(labels, np.where(rng.random(200) < 0.5, with_mark, without))
        for _ in range(800)
    ]
    expected = {
        c.FOLLOWS: roc_auc_score(labels, np.where(labels == 1, with_mark, without)),
        c.AS_DRAWN: roc_auc_score(labels, np.where(marked, with_mark, without)),
        c.REMOVED: roc_auc_score(labels, without),
        c.AGAINST: roc_auc_score(labels, np.where(labels == 1, without, with_mark)),
    }
    auroc, drop = table.loc["auroc"], table.loc["auroc_drop"]
    for name, value in expected.items():
        assert auroc.loc[name, "value"] == pytest.approx(value)
    # an image is never beside itself with another mark, so the two need not agree to the digit
    assert auroc.loc[c.AT_RANDOM, "value"] == pytest.approx(np.mean(dealt), abs=0.003)
    assert list(auroc.index) == list(c.IMAGES)
    lost = auroc.loc[c.FOLLOWS, "value"] - auroc.loc[drop.index, "value"]
    assert drop["value"].to_numpy() == pytest.approx(lost.to_numpy())
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()
    assert (table["n"] == 200).all()


def test_what_the_mark_does_to_probabilities_and_calls():
    without, with_mark = np.array([0.1, 0.4, 0.6, 0.9]), np.array([0.2, 0.5, 0.4, 0.95])
    alone = np.full(4, "", object)
    table = use_table(np.array([0, 1, 0, 1]), alone, np.zeros(4, bool), without, with_mark)
    change, calls = table.loc["probability_change"].iloc[0], table.loc["called_otherwise"].iloc[0]
    assert list(change[["value", "low", "high"]]) == pytest.approx(
        means.mean_interval(with_mark - without)
    )
    assert c.flipped(without, with_mark).tolist() == [False, True, True, False]
    assert calls["value"] == 0.5 and 0 < calls["low"] < 0.5 < calls["high"] < 1


@pytest.mark.parametrize("share", [0, 0.8])
@pytest.mark.parametrize(
    ("reliance", "count", "use"),
    [
        (1.5, 200, c.USES),
        (0.0, 200, c.UNUSED),
        (0.05, 2000, c.USES),  # a little of it
        (-1.5, 200, c.OPEN),
    ],
)
def test_use_of_the_mark_whatever_the_share_of_it(reliance, share, count, use):
    """What a mark does not tell in the images at hand, a network may still use."""
    assert c.use_of_mark(c.use_table(*network(reliance, share, count))) == use


@pytest.mark.parametrize(("jump", "use"), [(0.01, c.UNUSED), (0.3, c.OPEN)])
def test_a_mark_that_moves_images_to_and_fro_is_unused_if_it_moves_them_little(jump, use):
    labels, patients, marked, without, _ = network(0, 0.5, 40)
    jumps = np.random.default_rng(1).normal(scale=jump, size=40)
    table = c.use_table(labels, patients, marked, without, np.clip(without + jumps, 0, 1))
    assert c.use_of_mark(table) == use


def test_a_drop_is_not_known_with_one_class():
    labels, *others = network(1.0, 1.0, 20)
    table = c.use_table(np.ones_like(labels), *others)
    assert table.loc[table["statistic"] == "auroc", "value"].isna().all()
    assert c.use_of_mark(table) == c.OPEN


def test_intervals_of_the_drop_hold_the_truth():
    """95 % of them, about: 150 draws, and the truth from a very large one."""

    def drop(count, seed):
        drawn = network(0.7, 0.6, count, seed)
        return use_table(drawn[0], np.full(count, "", object), *drawn[2:]).loc[
            ("auroc_drop", c.AT_RANDOM)
        ]

    truth = drop(8000, 99)["value"]
    rows = [drop(100, seed) for seed in range(150)]
    assert sum(row["low"] <= truth <= row["high"] for row in rows) >= 135


def test_a_share_has_an_interval_where_all_are_alike():
    alone = np.full(40, "", object)
    value, low, high = c.share(np.zeros(40, bool), alone)
    assert (value, low) == (0, 0) and 0.05 < high < 0.12
    assert c.share(np.zeros(40, bool), np.full(40, "one", object))[1:] == (None, None)
    twice = np.repeat([f"p{i}" for i in range(40)], 2).astype(object)
    once = c.share(np.arange(40) % 4 == 0, alone)
    # each patient's two images are alike: no narrower than with one each
    assert c.share(np.arange(80) // 2 % 4 == 0, twice) == pytest.approx(once, abs=1e-3)


# --- the maps -----------------------------------------------------------------------------


def as_published(cam, place):
    """Confounder sensitivity step by step, for maps without ties."""
    order = np.argsort(cam.ravel())[::-1][: int(0.1 * cam.size)]
    top = set(order.tolist())
    pixels = set(np.flatnonzero(place.ravel()).tolist())
    return len(top & pixels) / len(pixels)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_confounder_sensitivity_is_the_published_one_where_nothing_ties(seed):
    rng = np.random.default_rng(seed)
    maps = rng.permutation(400).reshape(1, 20, 20).astype(np.float32)
    maps[:, :6, :6] += rng.integers(300)  # may tie with others: left to the next test
    place = np.zeros((1, 20, 20), bool)
    place[0, 1:5, 1:5] = True
    value = c.confounder_sensitivity(maps, place)[0]
    if len(np.unique(maps)) == 400:
        assert value == pytest.approx(as_published(maps[0], place[0]))
    assert 0 <= value <= 1


def test_ties_share_the_places_that_are_left():
    cam = np.zeros((1, 10, 10))
    cam[0, 0, :4] = 1  # four of ten places are taken, six are left for 96 pixels
    place = np.zeros((1, 10, 10), bool)
    place[0, 0, :8] = True
    assert c.confounder_sensitivity(cam, place)[0] == pytest.approx((4 + 4 * 6 / 96) / 8)
    assert c.confounder_sensitivity(np.ones((1, 10, 10)), place)[0] == pytest.approx(0.1)


def test_a_random_map_finds_a_tenth_and_a_perfect_one_all():
    maps = RNG.random((400, SIDE, SIDE))
    places = np.repeat(PLACES[:1], 400, axis=0)
    assert c.confounder_sensitivity(maps, places).mean() == pytest.approx(0.1, abs=0.02)
    assert (c.confounder_sensitivity(places.astype(float), places) == 1).all()


def test_a_mark_that_is_nowhere_or_everywhere_has_no_place():
    places = np.stack([np.zeros((SIDE, SIDE), bool), np.ones((SIDE, SIDE), bool)])
    assert np.isnan(c.confounder_sensitivity(RNG.random((2, SIDE, SIDE)), places)).all()
    assert c.confounder_sensitivity(np.empty((0, 4, 4)), np.empty((0, 4, 4), bool)).shape == (0,)


def test_ncc_is_pearsons_correlation_whatever_the_scale():
    a, b = RNG.random((2, 5, SIDE, SIDE)).astype(np.float32)
    expected = [np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, b, strict=True)]
    assert c.explanation_ncc(a, b) == pytest.approx(expected, abs=1e-6)
    assert c.explanation_ncc(3 * a + 1, a) == pytest.approx(1)
    assert c.explanation_ncc(-a, a) == pytest.approx(-1)
    assert np.isnan(c.explanation_ncc(np.full_like(a, 0.1), a)).all()


# --- verdicts -----------------------------------------------------------------------------


def table_of(with_mark, without, places=PLACES, otherwise=None):
    """What shortcut.csv says of a method's maps."""
    return pd.DataFrame(
        {
            "called_otherwise": np.ones(len(places), int) if otherwise is None else otherwise,
            "sensitivity_without": c.confounder_sensitivity(without, places),
            "sensitivity_marked": c.confounder_sensitivity(with_mark, places),
            "explanation_ncc": c.explanation_ncc(with_mark, without),
        }
    )


def judged(table, use):
    found = c.rows("method", table, np.full(len(table), "", object), use)
    assert {(row["method"], row["check"]) for row in found} == {("method", "shortcut")}
    return {row["statistic"]: row for row in found}


def verdicts(table, use):
    return {name: row["verdict"] for name, row in judged(table, use).items()}


def maps(kind, seed=0):
    """Maps with and without the mark."""
    rng = np.random.default_rng(seed)
    lung = rng.random((N, SIDE, SIDE)) + 3 * (np.arange(SIDE) > 14)
    token = 9.0 * PLACES
    return {
        "sees it": (lung / 9 + token, lung),
        "lungs only": (lung, lung),
        "always the corner": (lung + token, lung + token),
        "random": (rng.random(lung.shape), rng.random(lung.shape)),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "shown", "place", "ncc"),
    [
        ("sees it", "pass", "pass", "pass"),
        ("lungs only", "fail", "fail", "fail"),
        ("always the corner", "fail", "pass", "fail"),
        ("random", "fail", "fail", "pass"),
    ],
)
def test_what_passes_with_a_network_that_uses_the_mark_alarms_falsely_with_another(
    kind, shown, place, ncc
):
    other = {"pass": "fail", "fail": "pass"}
    expected = {"mark_shown": shown, "confounder_sensitivity": place, "explanation_ncc": ncc}
    table = table_of(*maps(kind))
    assert verdicts(table, c.USES) == expected
    assert verdicts(table, c.UNUSED) == {name: other[said] for name, said in expected.items()}
    assert set(verdicts(table, c.OPEN).values()) == {c.OPEN}


def test_maps_of_images_that_the_mark_decides_are_judged_where_it_is_used():
    seen, lungs = maps("sees it"), maps("lungs only")
    decided = np.arange(N) < 30
    mixed = [np.where(decided[:, None, None], *pair) for pair in zip(seen, lungs, strict=True)]
    table = table_of(*mixed, otherwise=decided.astype(int))
    used, unused = judged(table, c.USES), judged(table, c.UNUSED)
    assert (used["mark_shown"]["value"], used["mark_shown"]["n"]) == (1, 30)
    assert (unused["mark_shown"]["value"], unused["mark_shown"]["n"]) == (0.75, N)
    none = judged(table.assign(called_otherwise=0), c.USES)
    assert {(row["n"], row["verdict"]) for row in none.values()} == {(0, c.OPEN)}


def test_a_mark_is_shown_where_its_place_is_highlighted_with_it_and_not_without():
    table = pd.DataFrame(
        {
            "called_otherwise": 1,
            "sensitivity_without": [0.0, 0.49, 0.5, 0.9, 0.0],
            "sensitivity_marked": [0.5, 1.0, 1.0, 1.0, 0.49],
            "explanation_ncc": [0.1, 0.11, 0.12, 0.13, 0.14],
        }
    )
    found = judged(table, c.USES)
    assert {row["verdict"] for row in found.values()} == {"cannot tell"}  # too few
    assert found["mark_shown"]["value"] == pytest.approx(2 / 5)
    shown = table["sensitivity_marked"].to_numpy()
    numbers = [found["confounder_sensitivity"][name] for name in ("value", "low", "high")]
    assert numbers == pytest.approx(c.share(shown, np.full(5, "", object)))
    assert numbers[0] == pytest.approx(shown.mean()) and 0 < numbers[1] < numbers[2] <= 1
    numbers = [found["explanation_ncc"][name] for name in ("value", "low", "high")]
    assert numbers == pytest.approx(means.mean_interval(table["explanation_ncc"].to_numpy()))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.51, 0.9, "pass"),
        (0.1, 0.49, "fail"),
        (0.4, 0.6, "cannot tell"),
        (None, None, "cannot tell"),
        (np.nan, np.nan, "cannot tell"),
    ],
)
def test_verdicts_by_interval(low, high, said):
    other = {"pass": "fail", "fail": "pass"}
    assert c.verdict(low, high, c.USES) == said
    assert c.verdict(low, high, c.UNUSED) == other.get(said, said)
    assert c.verdict(low, high, c.OPEN) == "cannot tell"


def test_a_mark_without_a_place_and_empty_maps_cannot_tell():
    told = judged(table_of(*maps("sees it"), np.ones_like(PLACES)), c.USES)
    for statistic in ("mark_shown", "confounder_sensitivity"):
        assert (told[statistic]["n"], told[statistic]["verdict"]) == (0, c.OPEN)
    assert told["explanation_ncc"]["verdict"] == "pass"
    nothing = np.zeros((N, SIDE, SIDE), np.float32)
    told = judged(table_of(nothing, nothing), c.USES)
    assert told["confounder_sensitivity"]["value"] == pytest.approx(0.1, abs=0.001)
    assert (told["mark_shown"]["value"], told["mark_shown"]["verdict"]) == (0, "fail")
    assert (told["explanation_ncc"]["n"], told["explanation_ncc"]["verdict"]) == (0, c.OPEN)
