import json

import numpy as np
import pandas as pd
import pytest

from compare import compare, compare_runs, run_values
from cxr import tables
from evaluate import evaluate

METRICS = ["auroc", "accuracy", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"]


def predictions(skill, seed=0, count=120):
    """Test predictions; `skill` is how far the classes lie apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return pd.DataFrame(
        {
            "id": [f"i{row}" for row in range(count)],
            "label": labels,
            "probability": np.clip(0.5 + skill * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1),
            "patient": [f"p{row // 3}" for row in range(count)],
        }
    )


def compared(resamples=200, **runs):
    table = compare_runs(
        {name: [(run, 0.5) for run in seeds] for name, seeds in runs.items()}, resamples, 1
    )
    return table.set_index(["experiment", "metric"])


def test_rows_and_columns():
    table = compare_runs({"a": [(predictions(0.2), 0.5)], "b": [(predictions(0.3), 0.5)]}, 100, 1)
    assert list(table.columns) == tables.columns("comparison")
    assert list(table["experiment"]) == ["a"] * 9 + ["b"] * 9
    assert list(table["metric"]) == METRICS * 2
    assert set(table["n"]) == {120}
    assert set(table["seeds"]) == {1}


def test_the_same_predictions_do_not_differ():
    table = compared(a=[predictions(0.2)], b=[predictions(0.2)])
    differences = ["difference", "difference_low", "difference_high"]
    assert (table.loc["b", differences] == 0).all(axis=None)
    assert table.loc["a", differences].isna().all(axis=None)
    values = ["value", "low", "high"]
    pd.testing.assert_frame_equal(table.loc["a", values], table.loc["b", values])


def test_differences_are_to_the_first_and_have_its_sign():
    table = compared(worse=[predictions(0.1)], better=[predictions(0.4)])
    row = table.loc[("better", "auroc")]
    assert row["difference"] == row["value"] - table.loc[("worse", "auroc"), "value"]
    assert 0 < row["difference_low"] < row["difference"] < row["difference_high"]
    other_way = compared(better=[predictions(0.4)], worse=[predictions(0.1)])
    np.testing.assert_allclose(
        other_way.loc[("worse", "auroc"), ["difference_high", "difference", "difference_low"]],
        -row[["difference_low", "difference", "difference_high"]].astype(float),
    )


def test_differences_are_paired():
    """A rival who errs on the same images differs less surely than the two intervals suggest."""
    first = predictions(0.2)
    rival = first.assign(probability=np.clip(first["probability"] + 0.01 * first["label"], 0, 1))
    row = compared(first=[first], rival=[rival]).loc[("rival", "auroc")]
    assert row["difference_high"] - row["difference_low"] < 0.2 * (row["high"] - row["low"])
    assert row["difference_low"] > 0


def test_seeds_are_averaged():
    runs = [predictions(0.2, seed) for seed in (1, 2, 3)]
    table = compared(a=runs, one=runs[:1])
    single = [run_values(run, 0.5, 200, 1) for run in runs]
    for name in METRICS:
        row, values = table.loc[("a", name)], [value[name] for value, _ in single]
        np.testing.assert_allclose(row["value"], np.mean(values))
        np.testing.assert_allclose(row["seed_sd"], np.std(values, ddof=1))
        assert np.isnan(table.loc[("one", name), "seed_sd"])
    low = np.percentile(np.mean([resampled["auroc"] for _, resampled in single], axis=0), 2.5)
    np.testing.assert_allclose(table.loc[("a", "auroc"), "low"], low)
    assert table.loc[("a", "auroc"), "seeds"] == 3


def test_each_run_has_its_own_threshold():
    run = predictions(0.2)
    table = compare_runs({"a": [(run, 0.5)], "b": [(run, 0.0)]}, 100, 1)
    table = table.set_index(["experiment", "metric"])
    assert table.loc[("b", "sensitivity"), "value"] == 1
    assert table.loc[("b", "auroc"), "difference"] == 0
    assert table.loc[("b", "sensitivity"), "difference"] > 0


def test_undefined_is_empty(tmp_path):
    table = compared(a=[predictions(0.2)], b=[predictions(0.2).assign(probability=0.1)])
    row = table.loc[("b", "ppv")]
    columns = ["value", "low", "high", "difference", "difference_low", "difference_high"]
    assert row[columns].isna().all()
    assert table.loc[("b", "npv"), "value"] == 0.5


@pytest.fixture
def runs(tmp_path):
    """Two experiments with two seeds each: their files, and where the comparison goes."""
    manifest = tmp_path / "manifest.csv"
    predictions(0).to_csv(manifest, index=False)
    files = {"experiments": [], "predictions": [], "scores": []}
    for name, skill in (("first", 0.2), ("second", 0.4)):
        for seed in (1, 2):
            table, score = (tmp_path / f"{name}-{seed}.{end}" for end in ("csv", "json"))
            both = pd.concat(
                [
                    predictions(skill, seed).assign(subset="validation", id=predictions(0)["id"]),
                    predictions(skill, seed + 9).assign(subset="test"),
                ]
            ).iloc[60:180]
            both.to_csv(table, columns=["id", "subset", "label", "probability"], index=False)
            evaluate(table, manifest, score, "youden", 200, 1, name)
            files["experiments"].append(name)
            files["predictions"].append(table)
            files["scores"].append(score)
    return files | {"manifest": manifest, "output": tmp_path / "comparison.csv"}


def test_comparison_csv_fits_its_schema_and_metrics_json(runs, capsys):
    compare(resamples=200, seed=1, **runs)
    table = tables.read_table(runs["output"], "comparison").set_index(["experiment", "metric"])
    assert list(table.index.unique("experiment")) == ["first", "second"]
    scores = [json.loads(path.read_text())["test"] for path in runs["scores"]]
    for name in METRICS:
        expected = np.mean([score[name]["value"] for score in scores[2:]])
        np.testing.assert_allclose(table.loc[("second", name), "value"], expected, err_msg=name)
    assert set(table["n"]) == {60}
    assert table["seed_sd"].notna().all()
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("second  test AUROC ")
    assert line.endswith(" beside first, n = 60, seeds: 2")


def test_one_runs_interval_is_that_of_its_metrics_json(runs):
    one = {name: runs[name][:1] for name in ("experiments", "predictions", "scores")}
    compare(resamples=200, seed=1, **runs | one)
    table = tables.read_table(runs["output"], "comparison").set_index("metric")
    score = json.loads(runs["scores"][0].read_text())["test"]
    for name in METRICS:
        np.testing.assert_allclose(table.loc[name, ["low", "high"]], score[name]["ci95"])
        assert np.isnan(table.loc[name, "difference"])
