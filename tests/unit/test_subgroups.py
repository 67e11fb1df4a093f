import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr import intervals, tables
from cxr.metadata import telling
from cxr.subgroups import BANDS, METRICS, compare_subgroups, memberships, score_part
from subgroups import subgroups

DIFFERENCE = ["difference", "difference_low", "difference_high"]


def images(count=400, seed=0, **columns):
    """Held-out images, two to a patient, told apart somewhat better than by chance."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 2)
    frame = {
        "id": [f"i{row}" for row in range(count)],
        "label": labels,
        "probability": np.clip(0.5 + 0.3 * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1),
        "patient": [f"p{row // 2}" for row in range(count)],
        "age": [str(age) for age in rng.integers(18, 80, count)],
        "sex": rng.choice(["F", "M"], count),
        "view": rng.choice(["PA", "AP"], count),
    }
    return pd.DataFrame(frame).assign(**columns)


def compared(table):
    found = compare_subgroups(table, np.full(len(table), 0.5))
    return found.set_index(["group", "value", "metric"])


# --- subgroups ----------------------------------------------------------------------------


@given(st.floats(0, 120))
def test_every_age_has_one_band(years):
    frame = pd.DataFrame({"age": [str(years), "", "1000"], "sex": "", "view": ""})
    band = memberships(frame)["age"][0]
    starts = {name: start for start, name in BANDS.items()}
    ends = dict(zip(BANDS.values(), [*list(BANDS)[1:], np.inf], strict=True))
    assert starts[band] <= years < ends[band]


def test_what_is_unknown_comes_last():
    frame = pd.DataFrame({"age": ["81", "", "9"], "sex": ["M", "", "F"], "view": ["", "PA", "AP"]})
    found = {name: list(values.cat.categories) for name, values in memberships(frame).items()}
    assert found == {
        "age": ["under 18", "80 and over", "unknown"],
        "sex": ["F", "M", "unknown"],
        "view": ["AP", "PA", "unknown"],
    }


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ({}, ["age", "sex", "view"]),
        ({"age": "", "sex": "F"}, ["view"]),
        ({"age": "", "sex": "", "view": ""}, []),
    ],
    ids=["all", "view alone", "none"],
)
def test_columns_that_tell_something(columns, names):
    assert telling(images(**columns)) == names


# --- metrics ------------------------------------------------------------------------------


def test_each_subgroup_is_scored_as_if_alone():
    table = images()
    found = compared(table)
    for name, part in [*table.groupby("sex"), *table.groupby("view")]:
        group = "sex" if name in ("F", "M") else "view"
        labels, probabilities, patients = (
            part[column].to_numpy() for column in ("label", "probability", "patient")
        )
        alone = intervals.score(labels, probabilities[np.newaxis], np.array([0.5]), patients)
        for metric in METRICS:
            row = found.loc[(group, name, metric)]
            assert row["n"] == len(part)
            assert row["effusions"] == labels.sum()
            assert row["patients"] == len(set(patients))
            np.testing.assert_allclose(row["estimate"], alone.values[metric][0])
            np.testing.assert_allclose(row[["low", "high"]].tolist(), alone.interval(metric))


def test_two_subgroups_differ_by_the_same_in_opposite_directions():
    found = compared(images())
    for metric in METRICS:
        female, male = (found.loc[("sex", value, metric)] for value in ("F", "M"))
        np.testing.assert_allclose(
            female["difference"], female["estimate"] - male["estimate"], atol=1e-12
        )
        np.testing.assert_allclose(
            female[DIFFERENCE].tolist(),
            [-male[name] for name in ("difference", "difference_high", "difference_low")],
        )
        assert female["difference_low"] < female["difference"] < female["difference_high"]


def test_a_subgroup_that_is_served_worse_stands_out():
    table = images()
    worse = table["sex"] == "F"
    random = np.random.default_rng(1).uniform(size=worse.sum())
    table.loc[worse, "probability"] = random
    found = compared(table)
    for metric in METRICS:
        assert found.loc[("sex", "F", metric), "difference_high"] < 0
    assert found.loc[("view", "PA", "auroc"), "difference_low"] < 0
    assert found.loc[("view", "PA", "auroc"), "difference_high"] > 0


def test_intervals_of_differences_hold_the_truth():
    """Patients with both views: in 200 samples without any difference, about 5 % exclude 0."""
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        table = images(120, seed, age="", sex="")
        table["probability"] = (table["probability"] + rng.normal(0, 0.2, 60).repeat(2)).clip(0, 1)
        row = compared(table).loc[("view", "AP", "sensitivity")]
        missed += row["difference_low"] > 0 or row["difference_high"] < 0
    assert missed <= 22  # 5 % of 200 is 10; more than 22 come once in 10,000 times


def test_patients_in_both_parts_are_no_independent_samples():
    """Each patient is X-rayed PA and AP, and what goes wrong goes wrong in both."""
    table = images()
    twin = table[table.index % 2 == 0].assign(view="AP", age="", sex="")
    both = pd.concat([twin, twin.assign(view="PA")])
    together, apart = (
        compared(table).loc[("view", "AP", "sensitivity")]
        for table in (both, both.assign(patient=""))
    )
    assert together["difference"] == 0
    assert together["difference_high"] < 0.2 * apart["difference_high"]


def test_each_image_has_its_own_threshold():
    table = images().assign(threshold=0.5, person=lambda t: intervals.group(t["patient"]))
    table.loc[:199, "threshold"] = 0.0
    inside = np.arange(400) < 200
    assert score_part(table, inside).values["sensitivity"][0] == 1
    assert score_part(table, ~inside).values["sensitivity"][0] < 1


# --- too few ------------------------------------------------------------------------------


def test_small_subgroups_are_named_and_not_judged():
    table = images()
    sick = table.index[table["label"] == 1]
    table.loc[sick[:9], "view"] = "LL"
    table.loc[table.index[table["label"] == 0][:30], "view"] = "LL"
    found = compared(table)
    row = found.loc[("view", "LL", "auroc")]
    patients = table.loc[sick[:9], "patient"].nunique()
    assert row["note"].startswith(f"too few: {patients} patients with effusion, ")
    assert row[["estimate", "low", "high", *DIFFERENCE]].isna().all()
    assert found.loc[("view", "PA", "auroc"), "note"] == ""


def test_ten_images_of_few_patients_are_too_few():
    table = images(patient="")
    table.loc[table.index[:40], "view"] = "LL"
    assert compared(table).loc[("view", "LL", "auroc"), "note"] == ""
    table.loc[table.index[:40], "patient"] = [f"q{row % 9}" for row in range(40)]
    note = compared(table).loc[("view", "LL", "auroc"), "note"]
    assert note.startswith("too few: 9 patients with effusion") or ", 9 without" in note


def test_beside_a_rest_that_is_too_small_there_is_no_difference():
    table = images(view="PA")
    table.loc[:5, "view"] = "AP"
    row = compared(table).loc[("view", "PA", "auroc")]
    assert row["estimate"] > 0.5
    assert row[DIFFERENCE].isna().all()


def test_the_unknown_are_not_part_of_the_rest():
    table = images()
    table.loc[table.index[:100], "sex"] = ""
    known = compared(table[100:])
    for metric in METRICS:
        for value in ("F", "M"):
            np.testing.assert_allclose(
                compared(table).loc[("sex", value, metric), "difference"],
                known.loc[("sex", value, metric), "difference"],
            )


# --- subgroups.csv ------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """predictions.csv, metrics.json and manifest.csv of 400 test and 40 validation images."""
    table = images(440)
    table["subset"] = ["test"] * 400 + ["validation"] * 40
    columns = ["id", "subset", "label", "probability"]
    table.to_csv(tmp_path / "predictions.csv", columns=columns, index=False)
    table[::-1].to_csv(
        tmp_path / "manifest.csv", columns=["id", "patient", "age", "sex", "view"], index=False
    )
    (tmp_path / "metrics.json").write_text(json.dumps({"threshold": 0.4}))
    return tmp_path


def run(folder):
    paths = [folder / name for name in ("predictions.csv", "metrics.json", "manifest.csv")]
    subgroups(*paths, folder / "subgroups.csv", "tiny seed 1")
    return tables.read_table(folder / "subgroups.csv", "subgroups")


def test_the_table_holds_the_test_images_at_the_runs_threshold(files):
    found = run(files)
    expected = compare_subgroups(images(440)[:400], np.full(400, 0.4))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert found["n"][0] == 400


def test_out_of_fold_images_are_judged_at_their_folds_threshold(files):
    table = pd.read_csv(files / "predictions.csv")
    table["fold"] = np.where(np.arange(440) % 2, 1, 2)
    table["subset"] = table["subset"].replace("test", "oof")
    table.to_csv(files / "predictions.csv", index=False)
    scores = {"threshold": 0.5, "thresholds": {"1": 0.0, "2": 1.1}}
    (files / "metrics.json").write_text(json.dumps(scores))
    found = run(files).set_index(["group", "metric"]).loc["all"]
    called = (table["fold"] == 1)[:400]
    sensitivity = called[table["label"][:400] == 1].mean()
    np.testing.assert_allclose(found.loc["sensitivity", "estimate"], sensitivity)


def test_nothing_known_is_an_empty_table(files, capsys):
    manifest = tables.read_csv(files / "manifest.csv").assign(age="", sex="", view="")
    manifest.to_csv(files / "manifest.csv", index=False)
    found = run(files)
    assert list(found.columns) == tables.columns("subgroups")
    assert found.empty
    assert "no subgroups: age, sex and view are unknown" in capsys.readouterr().out
