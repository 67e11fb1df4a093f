import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from compare import ABOVE, compare, compare_runs, mean_of, verdict
from cxr import metrics, tables
from cxr.comparison import choose_thresholds
from evaluate import evaluate

METRICS = ["auroc", "accuracy", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"]
DIFFERENCE = ["difference", "difference_low", "difference_high"]
RULES = ["0.5", "youden", "sensitivity_95"]


def run(skill, seed=0, held="test", count=120, **columns):
    """As many validation images as held-out ones; `skill` is how far the classes lie apart."""
    rng = np.random.default_rng(seed)
    labels = np.arange(2 * count) // 2 % 2
    noise = rng.normal(0, 0.2, 2 * count)
    frame = {
        "id": [f"i{row}" for row in range(2 * count)],
        "subset": np.repeat(["validation", held], count),
        "label": labels,
        "probability": np.clip(0.5 + skill * (labels - 0.5) + noise, 0, 1),
        "patient": [f"p{row // 2}" for row in range(2 * count)],
        "fold": "",
    }
    return pd.DataFrame(frame).assign(**columns)


def folded(skill, seed=0):
    """A run of two folds, whose second calls everything less likely, and a test subset."""
    table = run(skill, seed, "oof", fold=["1", "2"] * 120)
    table.loc[table["fold"] == "2", "probability"] /= 2
    test = run(skill, seed + 50).iloc[120:].assign(fold="")
    return pd.concat([table, test.assign(id="t" + test["id"])], ignore_index=True)


def compared(experiments, rule="0.5", **baselines):
    table = compare_runs(experiments, baselines, rule)
    return table.set_index(["experiment", "metric"])


def held_out_auroc(table):
    part = table[table["subset"] == "test"]
    return roc_auc_score(part["label"], part["probability"])


def test_rows_are_experiments_then_ensembles_then_baselines():
    runs = {"a": [run(0.2, 1), run(0.2, 2)], "b": [run(0.3, 3), run(0.3, 4)]}
    table = compare_runs(runs, {"frame": run(0, 5), "thumbnail": run(0.1, 6)}, "0.5")
    assert set(table.columns) == set(tables.columns("comparison"))
    names = ["a", "b", "a ensemble", "b ensemble", "frame", "thumbnail"]
    assert list(table["experiment"]) == [name for name in names for _ in METRICS]
    assert list(table["metric"]) == METRICS * 6
    kinds = ["experiment"] * 2 + ["ensemble"] * 2 + ["baseline"] * 2
    assert list(table["kind"][:: len(METRICS)]) == kinds
    assert list(table["seeds"][:: len(METRICS)]) == [2, 2, 1, 1, 1, 1]
    assert set(table["n"]) == {120}
    assert set(table["subset"]) == {"test"}


def test_the_same_predictions_do_not_differ():
    table = compared({"a": [run(0.2)], "b": [run(0.2)]}, thumbnail=run(0.2))
    assert (table.loc["b", "difference"] == 0).all()
    assert (table.loc[("b", "auroc"), DIFFERENCE + ABOVE] == 0).all()
    assert set(table.loc["b", "verdict"]) == {"cannot tell"}
    assert set(table.loc["b", "above_verdict"]) == {"cannot tell"}
    assert table.loc["a", DIFFERENCE].isna().all(axis=None)
    assert set(table.loc["a", "verdict"]) == {""}
    values = ["value", "low", "high"]
    pd.testing.assert_frame_equal(table.loc["a", values], table.loc["b", values])


def test_an_ensemble_is_the_mean_probability_of_the_seeds():
    runs = [run(0.2, seed) for seed in (1, 2, 3)]
    table = compared({"several": runs, "one": runs[:1]})
    mean = runs[0].assign(probability=np.mean([part["probability"] for part in runs], axis=0))
    row = table.loc[("several ensemble", "auroc")]
    np.testing.assert_allclose(row["value"], held_out_auroc(mean))
    assert row["value"] > max(map(held_out_auroc, runs))
    assert np.isnan(row["seed_sd"])
    assert "one ensemble" not in table.index


def test_mean_of_keeps_the_rest():
    runs = [run(0.2, seed) for seed in (1, 2)]
    mean = mean_of(runs)
    expected = (runs[0]["probability"] + runs[1]["probability"]) / 2
    np.testing.assert_allclose(mean["probability"], expected)
    pd.testing.assert_frame_equal(
        mean.drop(columns="probability"), runs[0].drop(columns="probability")
    )


def test_above_the_thumbnail_is_the_paired_difference_to_it():
    runs = {"a": [run(0.2, 1), run(0.2, 2)], "b": [run(0.4, 3)]}
    table = compared(runs, thumbnail=run(0.1, 4), frame=run(0, 5))
    turned = compared({"thumbnail": [run(0.1, 4)], **runs, "frame": [run(0, 5)]})
    for name in ("a", "b", "a ensemble", "frame"):
        np.testing.assert_allclose(table.loc[name, ABOVE], turned.loc[name, DIFFERENCE])
        assert list(table.loc[name, "above_verdict"]) == list(turned.loc[name, "verdict"])
    assert table.loc[("b", "auroc"), "above_verdict"] == "higher"
    assert table.loc["thumbnail", ABOVE].isna().all(axis=None)
    assert set(table.loc["thumbnail", "above_verdict"]) == {""}


def test_without_a_thumbnail_nothing_stands_above_it():
    table = compared({"a": [run(0.2)]}, frame=run(0))
    assert table[ABOVE].isna().all(axis=None)
    assert set(table["above_verdict"]) == {""}


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.01, 0.2, "higher"),
        (-0.2, -0.01, "lower"),
        (-0.1, 0.1, "cannot tell"),
        (0.0, 0.2, "cannot tell"),
        (-0.2, 0.0, "cannot tell"),
        (np.nan, np.nan, ""),
    ],
)
def test_verdict_says_what_the_interval_supports(low, high, word):
    assert verdict(low, high) == word


def test_verdicts_are_of_higher_and_lower_classifiers():
    table = compared({"middle": [run(0.2, 1)], "better": [run(0.5, 2)]}, frame=run(0, 3))
    assert table.loc[("better", "auroc"), "verdict"] == "higher"
    assert table.loc[("frame", "auroc"), "verdict"] == "lower"


def test_thresholds_are_chosen_on_validation_alone():
    table = run(0.3)
    part = table[:120]
    expected = metrics.youden_threshold(part["label"].to_numpy(), part["probability"].to_numpy())
    found = choose_thresholds(table, "youden")
    assert list(found["id"]) == list(table["id"][120:])
    assert set(found["threshold"]) == {expected}
    assert expected != 0.5


def test_each_fold_has_its_own_threshold():
    table = folded(0.3)
    found = choose_thresholds(table, "youden")
    assert list(found["id"]) == list(table.loc[table["subset"] == "oof", "id"])
    for fold in ("1", "2"):
        part = table[(table["subset"] == "validation") & (table["fold"] == fold)]
        cut = metrics.youden_threshold(part["label"].to_numpy(), part["probability"].to_numpy())
        assert set(found.loc[found["fold"] == fold, "threshold"]) == {cut}
    assert found["threshold"].nunique() == 2


def test_undefined_is_empty():
    blind = run(0.2).assign(probability=0.1)
    table = compared({"a": [run(0.2)], "b": [blind]}, thumbnail=blind)
    empty = ["value", "low", "high", *DIFFERENCE, *ABOVE]
    assert table.loc[("b", "ppv"), empty].isna().all()
    assert table.loc[("b", "ppv"), "verdict"] == ""
    assert table.loc[("b", "npv"), "value"] == 0.5


def write(folder, experiments, baselines):
    """Write what compare reads, and return its arguments."""
    columns = ["id", "subset", "label", "probability"]
    columns += ["fold"] * ("fold" in experiments["first"][0])
    names, paths = [], []
    for name, runs in experiments.items():
        for seed, table in enumerate(runs):
            paths.append(folder / f"{name}-{seed}.csv")
            table.to_csv(paths[-1], columns=columns, index=False)
            names.append(name)
    joined = pd.concat([table.assign(baseline=name) for name, table in baselines.items()])
    joined.to_csv(folder / "baselines.csv", columns=["baseline", *columns], index=False)
    manifest = experiments["first"][0][["id", "patient"]].drop_duplicates("id")
    manifest[::-1].to_csv(folder / "manifest.csv", index=False)
    return {
        "experiments": names,
        "predictions": paths,
        "baselines": folder / "baselines.csv",
        "manifest": folder / "manifest.csv",
        "output": folder / "comparison.csv",
    }


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("make", "subset"), [(run, "test"), (folded, "oof")], ids=["test", "oof"])
def test_a_run_stands_there_as_in_its_metrics_json(tmp_path, make, subset, rule):
    files = write(tmp_path, {"first": [make(0.2, 1)]}, {"thumbnail": make(0.1, 2)})
    compare(threshold=0.5 if rule == "0.5" else rule, **files)
    table = tables.read_table(files["output"], "comparison").set_index(["experiment", "metric"])
    evaluate(files["predictions"][0], files["manifest"], tmp_path / "m.json", rule, "first")
    scores = json.loads((tmp_path / "m.json").read_text())[subset]
    for name in METRICS:
        row = table.loc[("first", name)]
        np.testing.assert_allclose(row["value"], scores[name]["value"], err_msg=name)
        np.testing.assert_allclose(
            row[["low", "high"]].astype(float), scores[name]["ci95"], err_msg=name
        )
    assert set(table["subset"]) == {subset}
    assert set(table["n"]) == {scores["n"]}


@pytest.mark.parametrize(("make", "subset"), [(run, "test"), (folded, "out-of-fold")])
def test_comparison_csv_fits_its_schema(tmp_path, capsys, make, subset):
    experiments = {"first": [make(0.2, 1), make(0.2, 2)], "second": [make(0.4, 3), make(0.4, 4)]}
    files = write(tmp_path, experiments, {"frame": make(0, 5), "thumbnail": make(0.1, 6)})
    compare(threshold="youden", **files)
    table = tables.read_table(files["output"], "comparison")
    assert list(table.columns) == tables.columns("comparison")
    expected = compare_runs(experiments, {"frame": make(0, 5), "thumbnail": make(0.1, 6)}, "youden")
    pd.testing.assert_frame_equal(table, expected[table.columns], check_dtype=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(f"  {subset} AUROC")[0] for line in lines] == [
        *("first", "second", "first ensemble", "second ensemble", "frame", "thumbnail")
    ]
    assert lines[0].endswith("), n = 120, seeds: 2")
    assert lines[1].endswith(" beside first, n = 120, seeds: 2")
