import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, cohen_kappa_score, recall_score, roc_auc_score

from cxr import intervals
from cxr.errors import UserError
from cxr.readers import (
    CALLED,
    METRICS,
    RATINGS,
    agreement,
    beside_network,
    fleiss_kappa,
    jackknife,
    read_ratings,
)
from cxr.tables import load_schema

CHANCE = np.random.default_rng(1)


def judged(number=60):
    labels = np.arange(number) % 2
    return pd.DataFrame(
        {
            "id": [f"i{row}" for row in range(number)],
            "label": labels,
            "patient": "",
            "probability": np.clip(
                0.5 + 0.4 * (labels - 0.5) + CHANCE.normal(0, 0.2, number), 0, 1
            ),
            "threshold": 0.4,
        }
    )


def rated(table, noise=1.0, seed=1):
    chance = np.random.default_rng(seed)
    rating = 2 + 2 * table["label"] + chance.normal(0, noise, len(table)).round()
    return table.assign(rating=rating.clip(1, 5).astype(int))


def written(tmp_path, text):
    path = tmp_path / "anna.csv"
    path.write_text(text)
    return path


# --- a reader's file ------------------------------------------------------------------------


def test_ratings_find_their_images_in_any_order(tmp_path):
    path = written(tmp_path, "id,rating\ni3,5\ni0,2\n")
    table = read_ratings(path, "mine", judged())
    assert dict(zip(table["id"], table["rating"], strict=True)) == {"i3": 5, "i0": 2}
    assert {"label", "patient", "probability", "threshold"} <= set(table)


def test_what_a_spreadsheet_makes_of_the_file_is_read(tmp_path):
    path = tmp_path / "anna.csv"
    path.write_text("dataset;id;rating;remark\nmine;i3;5;clear, I think\n", encoding="utf-8-sig")
    assert list(read_ratings(path, "mine", judged())["rating"]) == [5]


def test_rows_of_other_data_sets_are_left_out(tmp_path):
    path = written(tmp_path, "dataset,id,rating\nother,x,5\nmine,i1,4\n")
    assert list(read_ratings(path, "mine", judged())["id"]) == ["i1"]
    assert read_ratings(path, "third", judged()).empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,rating\ni1,4\ni2,3\ni1,4\n", r"anna\.csv rates images twice: i1\nKeep one row"),
        ("id,rating\ni1,4\nx9,3\n", r"anna\.csv rates .* not among .* of mine: x9\nTake these"),
        ("id,rating\ni1,6\n", r"row 2, column rating: '6' \(.*whole number from 1 to 5\)"),
        ("id,rating\ni1,\n", r"row 2, column rating: ''"),
        ("id,score\ni1,4\n", r"no column 'rating'"),
        ("", r"the file is empty"),
        ("PK\3\4 a workbook", r"no column 'id'|workbook"),
    ],
)
def test_a_wrong_file_is_refused_with_what_to_do(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_ratings(written(tmp_path, text), "mine", judged())


def test_the_scale_is_the_schemas():
    rating = load_schema("reader")["properties"]["rating"]
    assert (rating["minimum"], rating["maximum"]) == (1, len(RATINGS))
    for number, words in enumerate(RATINGS, start=1):
        assert f"{number} {words}" in rating["description"]
    assert CALLED == 4


# --- beside the network ---------------------------------------------------------------------


def test_metrics_are_those_of_the_ratings_and_of_the_network():
    table = rated(judged())
    found = beside_network(table).set_index("metric")
    assert list(found.index) == list(METRICS)
    assert set(found["n"]) == {60}
    sides = {
        "value": (table["rating"] >= 4, table["rating"]),
        "network": (table["probability"] >= 0.4, table["probability"]),
    }
    for side, (called, scale) in sides.items():
        labels = table["label"]
        expected = {
            "accuracy": accuracy_score(labels, called),
            "sensitivity": recall_score(labels, called),
            "specificity": recall_score(labels, called, pos_label=0),
            "auroc": roc_auc_score(labels, scale),
        }
        for metric, value in expected.items():
            assert found.at[metric, side] == pytest.approx(value)
    assert found["difference"].to_numpy() == pytest.approx(found["value"] - found["network"])
    for name in ("", "network_", "difference_"):
        middle = found[name.rstrip("_") or "value"]
        assert ((found[f"{name}low"] < middle) & (middle < found[f"{name}high"])).all()


def test_intervals_are_over_patients():
    table = rated(judged())
    pairs = table.assign(patient=[f"p{row // 6}" for row in range(len(table))])
    one, other = (beside_network(each).set_index("metric") for each in (table, pairs))
    assert list(one["value"]) == list(other["value"])
    assert (one["high"] - one["low"])["auroc"] != (other["high"] - other["low"])["auroc"]


def test_a_reader_like_the_network_does_not_differ_from_it():
    table = rated(judged())
    same = table.assign(probability=(table["rating"] - 1) / 4, threshold=0.75)
    found = beside_network(same)
    assert (found["difference"] == 0).all()
    assert ((found["difference_low"] <= 0) & (found["difference_high"] >= 0)).all()


def test_what_one_class_alone_cannot_tell_is_empty():
    table = rated(judged()).query("label == 1")
    found = beside_network(table).set_index("metric")
    assert found.loc[["specificity", "auroc"], ["value", "low", "difference"]].isna().all(axis=None)
    assert found.loc[["accuracy", "sensitivity"]].notna().all(axis=None)
    assert beside_network(table.head(1)).set_index("metric").at["accuracy", "value"] in (0, 1)


# --- beside each other ----------------------------------------------------------------------


def test_cohens_kappa_of_each_pair_and_fleiss_kappa_of_all():
    table = judged()
    readers = {name: rated(table, 1.2, seed) for seed, name in enumerate(["anna", "ben", "cleo"])}
    found = agreement(readers).set_index("readers")
    pairs = [", ".join(pair) for pair in itertools.combinations(readers, 2)]
    assert list(found.index) == [*pairs, "anna, ben, cleo"]
    assert list(found["statistic"]) == ["cohen_kappa"] * 3 + ["fleiss_kappa"]
    calls = {name: each["rating"] >= 4 for name, each in readers.items()}
    for pair in itertools.combinations(readers, 2):
        expected = cohen_kappa_score(*(calls[name] for name in pair))
        assert found.at[", ".join(pair), "value"] == pytest.approx(expected)
    assert ((found["low"] < found["value"]) & (found["value"] < found["high"])).all()


def test_readers_agree_on_the_images_that_all_rated():
    table = rated(judged())
    found = agreement({"anna": table.head(40), "ben": table.tail(40)})
    assert list(found["n"]) == [20]
    assert list(found["value"]) == [1]
    apart = agreement({"anna": table.head(10), "ben": table.tail(10)})
    assert list(apart["n"]) == [0]
    assert apart[["value", "low", "high"]].isna().all(axis=None)


def test_a_reader_alone_agrees_with_nobody():
    assert agreement({"anna": rated(judged())}).empty
    assert agreement({}).empty


def by_definition(calls):
    """Fleiss' kappa with each pair of votes counted."""
    pairs = list(itertools.permutations(range(calls.shape[1]), 2))
    observed = np.mean([[row[a] == row[b] for a, b in pairs] for row in calls])
    expected = calls.mean() ** 2 + (1 - calls.mean()) ** 2
    return (observed - expected) / (1 - expected)


@pytest.mark.parametrize("readers", [2, 3, 7])
def test_fleiss_kappa_is_that_of_its_definition(readers):
    calls = CHANCE.random((50, readers)) < 0.2 + 0.6 * (np.arange(50)[:, None] % 2)
    assert fleiss_kappa(calls) == pytest.approx(by_definition(calls))


def test_fleiss_kappa_of_an_example_by_hand():
    """Of three readers' pairs 7 / 9 agree; 10 of the 18 votes are for an effusion."""
    votes = [3, 2, 0, 3, 2, 0]
    calls = np.array([[row < vote for row in range(3)] for vote in votes])
    chance = (10 / 18) ** 2 + (8 / 18) ** 2
    assert fleiss_kappa(calls) == pytest.approx((7 / 9 - chance) / (1 - chance))


def test_kappa_is_undefined_where_all_call_everything_alike():
    assert np.isnan(fleiss_kappa(np.ones((5, 3), bool)))
    table = judged().assign(rating=5)
    found = agreement({"anna": table, "ben": table})
    assert found[["value", "low", "high"]].isna().all(axis=None)


def test_jackknife_of_a_mean_is_students_interval():
    values = CHANCE.random(30)
    low, high = jackknife(np.mean, values, np.arange(30))
    half = 2.045229642 * values.std(ddof=1) / np.sqrt(30)  # t(0.975, 29)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half))


def test_jackknife_leaves_out_whole_patients():
    values = np.repeat(CHANCE.random(15), 2)
    pairs = intervals.group(np.array([f"p{row // 2}" for row in range(30)]))
    low, high = jackknife(np.mean, values, pairs)
    assert (low, high) == pytest.approx(jackknife(np.mean, values[::2], np.arange(15)))


def test_jackknife_of_kappa_covers_the_truth():
    """Readers who see the truth in 80 % of the images: kappa (0.68 - 0.5) / 0.5 = 0.36."""
    chance, held = np.random.default_rng(5), 0
    for _ in range(200):
        truth = chance.random(60) < 0.5
        calls = truth[:, None] ^ (chance.random((60, 2)) < 0.2)
        low, high = jackknife(fleiss_kappa, calls, np.arange(60))
        held += low <= 0.36 <= high
    assert held >= 180
