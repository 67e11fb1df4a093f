import json

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from cxr import intervals
from cxr.comparison import read_run, score_runs, side_by_side


def run(skill, seed=0, count=120, **columns):
    """What a run says of the same images, two to a patient; `skill` parts the classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) // 2 % 2
    frame = {
        "id": [f"i{row}" for row in range(count)],
        "label": labels,
        "patient": [f"p{row // 2}" for row in range(count)],
        "probability": np.clip(0.5 + skill * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1),
        "threshold": 0.5,
    }
    return pd.DataFrame(frame).assign(**columns)


def beside(**runs):
    scored = {name: score_runs(tables) for name, tables in runs.items()}
    return side_by_side(scored).set_index(["experiment", "metric"])


def test_values_are_means_over_runs_with_their_spread():
    runs = [run(0.2, seed) for seed in (1, 2, 3)]
    single = [roc_auc_score(table["label"], table["probability"]) for table in runs]
    row = beside(a=runs).loc[("a", "auroc")]
    assert row["seeds"] == 3
    np.testing.assert_allclose(row["value"], np.mean(single))
    np.testing.assert_allclose(row["seed_sd"], np.std(single, ddof=1))
    assert row["low"] < row["value"] < row["high"]
    assert np.isnan(beside(a=runs[:1]).loc[("a", "auroc"), "seed_sd"])


def test_differences_are_to_the_first():
    table = beside(worse=[run(0.1, 1)], better=[run(0.4, 2)])
    differences = ["difference", "difference_low", "difference_high"]
    assert table.loc["worse", differences].isna().all(axis=None)
    row = table.loc[("better", "auroc")]
    gap = row["value"] - table.loc[("worse", "auroc"), "value"]
    np.testing.assert_allclose(row["difference"], gap)
    assert 0 < row["difference_low"] < row["difference"] < row["difference_high"]


def test_each_image_has_its_own_threshold():
    table = run(0.2).assign(threshold=np.repeat([0.0, 1.1], 60))
    expected = table["label"][:60].sum() / table["label"].sum()
    assert beside(a=[table]).loc[("a", "sensitivity"), "value"] == expected


def test_patients_widen_intervals():
    """The two images of a patient say the same."""
    table = run(0.2)
    table["probability"] = table["probability"][::2].repeat(2).to_numpy()
    known = beside(a=[table]).loc[("a", "auroc")]
    unknown = beside(a=[table.assign(patient="")]).loc[("a", "auroc")]
    assert known["high"] - known["low"] > 1.3 * (unknown["high"] - unknown["low"])


def test_the_intervals_are_those_of_cxr_intervals():
    tables = [run(0.2, seed) for seed in (1, 2)]
    probabilities = np.stack([table["probability"] for table in tables])
    columns = (tables[0][name].to_numpy() for name in ("label", "patient"))
    labels, patients = columns
    scored = intervals.score(labels, probabilities, np.array([0.5, 0.5]), patients)
    table = beside(a=tables)
    for metric in scored.values:
        np.testing.assert_allclose(
            table.loc[("a", metric), ["low", "high"]].tolist(), scored.interval(metric)
        )


def test_held_out_images_have_the_threshold_of_their_fold(tmp_path):
    table = run(0.2)
    table["subset"] = ["oof"] * 80 + ["validation"] * 20 + ["test"] * 20
    table["fold"] = ["1", "2"] * 50 + [""] * 20
    columns = ["id", "subset", "label", "probability", "fold"]
    table.to_csv(tmp_path / "predictions.csv", columns=columns, index=False)
    table[::-1].to_csv(tmp_path / "manifest.csv", columns=["id", "patient"], index=False)
    scores = {"threshold": 0.5, "thresholds": {"1": 0.3, "2": 0.7}}
    (tmp_path / "metrics.json").write_text(json.dumps(scores))
    paths = [tmp_path / name for name in ("predictions.csv", "metrics.json", "manifest.csv")]
    found = read_run(*paths)
    assert list(found["id"]) == list(table["id"][:80])
    assert list(found["threshold"]) == [0.3, 0.7] * 40
    assert list(found["patient"]) == list(table["patient"][:80])

    table[80:].drop(columns="fold").to_csv(tmp_path / "predictions.csv", index=False)
    found = read_run(*paths)
    assert list(found["id"]) == list(table["id"][100:])
    assert set(found["threshold"]) == {0.5}
