import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from test_comparison import run

from cxr import tables
from transfer import transfer


@pytest.fixture
def files(tmp_path):
    """Two experiments with two seeds each, tested on 120 own images and on two other data sets.

    Of `near`, five images are in both data sets and five more of the same patients.
    """
    found = {"experiments": [], "predictions": [], "scores": [], "transferred": []}
    own = run(0).assign(subset="test")
    own.to_csv(tmp_path / "manifest.csv", columns=["id", "patient"], index=False)
    for name in ("near", "far"):
        known = run(0).assign(
            patient="" if name == "far" else [f"n{row // 2}" for row in range(120)]
        )
        known.to_csv(tmp_path / f"{name}.csv", columns=["id", "patient"], index=False)
    overlap = {"near": ["file"] * 5 + ["patient"] * 5 + [""] * 110, "far": [""] * 120}
    runs = [(experiment, seed) for experiment in ("first", "second") for seed in (1, 2)]
    for experiment, seed in runs:
        skill, stem = {"first": 0.2, "second": 0.5}[experiment], f"{experiment}-{seed}"
        table, score = tmp_path / f"{stem}.csv", tmp_path / f"{stem}.json"
        run(skill, seed).assign(subset="test").to_csv(
            table, columns=["id", "subset", "label", "probability"], index=False
        )
        score.write_text(json.dumps({"threshold": 0.4 + seed / 10}))
        found["experiments"].append(experiment)
        found["predictions"].append(table)
        found["scores"].append(score)
    for name in ("near", "far"):
        for experiment, seed in runs:
            skill = {"first": 0.1, "second": 0.3}[experiment] * (2 if name == "near" else 1)
            path = tmp_path / f"{experiment}-{seed}-{name}.csv"
            part = run(skill, seed + 10).assign(overlap=overlap[name])
            tables.write_table(part, path, "transferred")
            found["transferred"].append(path)
    return found | {
        "dataset": "own",
        "others": ["near", "far"],
        "manifest": tmp_path / "manifest.csv",
        "manifests": [tmp_path / "near.csv", tmp_path / "far.csv"],
        "output": tmp_path / "transfer.csv",
    }


@pytest.fixture
def table(files):
    transfer(**files)
    return tables.read_table(files["output"], "transfer")


def test_rows(table):
    heads = table.drop_duplicates(["dataset", "experiment"])
    assert list(heads["dataset"]) == ["own"] * 2 + ["near"] * 2 + ["far"] * 2
    assert list(heads["experiment"]) == ["first", "second"] * 3
    assert list(heads["subset"]) == ["test"] * 2 + ["all"] * 4
    assert list(heads["n"]) == [120] * 2 + [110] * 2 + [120] * 2
    assert list(heads["left_out"]) == [0] * 2 + [10] * 2 + [0] * 2
    assert list(heads["patients"].fillna(0)) == [60] * 2 + [55] * 2 + [0] * 2
    assert set(table["seeds"]) == {2}
    assert len(table) == 6 * table["metric"].nunique()


def test_each_data_set_and_experiment_has_its_own_predictions(table, files):
    found = table[table["metric"] == "auroc"].set_index(["dataset", "experiment"])["value"]
    for number, name in enumerate(("near", "far")):
        for row, experiment in enumerate(("first", "second")):
            start = 4 * number + 2 * row
            runs = [pd.read_csv(path) for path in files["transferred"][start : start + 2]]
            new = [run[run["overlap"].isna()] for run in runs]
            expected = np.mean([roc_auc_score(run["label"], run["probability"]) for run in new])
            np.testing.assert_allclose(found[name, experiment], expected)


def test_thresholds_are_those_of_the_own_validation_images(table, files):
    runs = [pd.read_csv(path) for path in files["transferred"][4:6]]
    sensitivity = [
        (run["probability"] >= threshold)[run["label"] == 1].mean()
        for run, threshold in zip(runs, (0.5, 0.6), strict=True)
    ]
    rows = table.set_index(["dataset", "experiment", "metric"])
    value = rows.loc[("far", "first", "sensitivity"), "value"]
    np.testing.assert_allclose(value, np.mean(sensitivity))


def test_differences_are_to_the_first_experiment_on_the_same_data_set(table):
    rows = table[table["metric"] == "auroc"].set_index(["dataset", "experiment"])
    for name in ("own", "near", "far"):
        assert np.isnan(rows.loc[(name, "first"), "difference"])
        second = rows.loc[(name, "second")]
        gap = second["value"] - rows.loc[(name, "first"), "value"]
        np.testing.assert_allclose(second["difference"], gap)
        assert second["difference_low"] < gap < second["difference_high"]


def test_what_was_left_out_is_noted(table):
    notes = table.groupby("dataset")["note"].unique().map(list)
    assert notes["own"] == [""]
    assert notes["far"] == [""]
    files, patients = notes["near"][0].split("; ")
    assert files == "left out 5 images that both data sets hold"
    assert patients == "left out 5 images of patients in both data sets"


def test_progress(files, capsys):
    transfer(**files)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    assert lines[2].startswith("first on near  AUROC 0.")
    assert lines[2].endswith("), n = 110")
