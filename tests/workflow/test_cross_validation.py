"""A tiny run with cross-validation instead of one split."""

import json
from pathlib import Path

import pandas as pd

from cxr.tables import read_table
from tiny import configure, finish


def test_a_run_with_two_folds(fresh: Path) -> None:
    configure(fresh, {"split": {"folds": 2, "test": 0}, "run": ["small"]})
    finish(fresh)
    results = fresh / "results" / "phantom"
    split = read_table(results / "split.csv", "split")
    assert set(split["subset"]) == {"oof"}
    runs = sorted(path.parent.name for path in results.glob("small/seed-1/*/model.keras"))
    assert runs == ["fold-1", "fold-2"]

    pooled = read_table(results / "small/seed-1/predictions.csv", "predictions")
    held_out = pooled[pooled["subset"] == "oof"].set_index("id")
    assert list(held_out.index) == list(split["id"])
    assert list(held_out["fold"]) == list(split["fold"])
    for number in ("1", "2"):
        own = read_table(results / f"small/seed-1/fold-{number}/predictions.csv", "predictions")
        own = own[own["subset"] == "oof"].set_index("id")["probability"]
        pd.testing.assert_series_equal(
            own, held_out.loc[held_out["fold"] == number, "probability"], rtol=1e-12
        )

    scores = json.loads((results / "small/seed-1/metrics.json").read_text())
    assert scores["oof"]["n"] == len(split)
    assert "test" not in scores
    comparison = read_table(results / "comparison.csv", "comparison").set_index("metric")
    small = comparison[comparison["experiment"] == "small"]
    assert small.loc["auroc", "value"] == scores["oof"]["auroc"]["value"]
    assert set(comparison["subset"]) == {"oof"}
    assert (results / "small/seed-1/fold-1/saliency/maps.png").is_file()
    asked = read_table(results / "quiz.csv", "saliency")["id"]
    assert set(held_out.loc[asked, "fold"]) == {"1"}  # as the maps, by the network of this fold
    assert (results / "quiz.html").is_file()
    mapped = read_table(results / "small/seed-1/fold-1/explore/maps.csv", "maps")["id"]
    assert set(mapped) == set(held_out.index[held_out["fold"] == "1"])
    assert (results / "explore.html").is_file()
    assert (results / "report.html").is_file()
    assert "Nothing to be done" in finish(fresh)
