"""The whole workflow, run once on a tiny phantom: what it leaves behind, and that it is done."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxr.tables import columns, read_table
from tiny import TINY, finish

RUNS = [f"{experiment}/seed-1" for experiment in TINY["run"]]
METRICS = [
    *("accuracy", "auroc", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"),
]
FIGURES = ["history", "confusion", "roc", "precision_recall", "calibration", "mistakes"]


@pytest.fixture(scope="module")
def results(finished: Path) -> Path:
    return finished / "results" / "phantom"


def test_each_table_holds_what_its_schema_says(results: Path) -> None:
    tables = [
        *("manifest", "rejected", "boxes", "pairs", "split", "leakage", "leakage_sensitivity"),
        *("label_errors", "label_errors_summary", "baselines", "comparison", "datasheet"),
        *("saliency", "readers", "readers_agreement", "flow", "times"),
    ]
    files = {name: [results / f"{name}.csv"] for name in tables}
    files |= {name: [results / "small" / f"{name}.csv"] for name in ("model_card", "checklists")}
    for name in ("history", "predictions", "subgroups"):
        files[name] = [results / run / f"{name}.csv" for run in RUNS]
    for name, paths in files.items():
        for path in paths:
            table = read_table(path, name)
            of_folds = {"fold", "validates"}
            assert [*table.columns] == [each for each in columns(name) if each not in of_folds], (
                path
            )


def test_manifest_has_every_image_effusions_first(results: Path) -> None:
    manifest = read_table(results / "manifest.csv", "manifest")
    assert [*manifest["label"]] == [1] * 30 + [0] * 30
    assert manifest["id"].is_unique
    assert [*manifest["path"][:2]] == [f"data/phantom/effusion/phantom-e{i}.png" for i in (0, 1)]
    assert (manifest[["patient", "sex", "view", "mask"]] != "").all(axis=None)
    assert (manifest[["width", "height"]] == 96).all(axis=None)
    assert len(read_table(results / "rejected.csv", "rejected")) == 0


def test_images_are_normalised_one_by_one(results: Path) -> None:
    images = np.load(results / "images.npy", mmap_mode="r")
    assert images.shape == (60, 64, 64)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images.mean(axis=(1, 2), dtype=float), 0, atol=1e-5)
    np.testing.assert_allclose(images.std(axis=(1, 2), dtype=float), 1, atol=1e-5)


def test_rows_of_the_array_are_those_of_the_manifest(finished: Path, results: Path) -> None:
    images = np.load(results / "images.npy", mmap_mode="r")
    for row, path in enumerate(read_table(results / "manifest.csv", "manifest")["path"]):
        image = cv2.imread(str(finished / path), cv2.IMREAD_GRAYSCALE)
        small = cv2.resize(image.astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(small.ravel(), images[row].ravel())[0, 1] > 0.9999


def test_patients_stay_in_one_subset(results: Path) -> None:
    manifest = read_table(results / "manifest.csv", "manifest")[["id", "label", "patient"]]
    table = manifest.merge(read_table(results / "split.csv", "split"), on="id")
    assert len(table) == 60
    assert (table.groupby("patient")["subset"].nunique() == 1).all()
    assert (table.groupby("subset")["label"].nunique() == 2).all()


@pytest.mark.parametrize("run", RUNS)
def test_predictions_are_of_every_validation_and_test_image(results: Path, run: str) -> None:
    split = read_table(results / "split.csv", "split")
    held_out = split[split["subset"] != "train"].sort_values("id").reset_index(drop=True)
    predictions = read_table(results / run / "predictions.csv", "predictions")
    found = predictions[["id", "subset"]].sort_values("id").reset_index(drop=True)
    pd.testing.assert_frame_equal(found, held_out)


def test_history_has_a_row_for_each_epoch(results: Path) -> None:
    for run, name in zip(RUNS, TINY["run"], strict=True):
        history = read_table(results / run / "history.csv", "history")
        epochs = TINY["experiments"][name]["epochs"]
        assert [*history["epoch"]] == [*range(1, epochs + 1)]


@pytest.mark.parametrize("run", RUNS)
def test_metrics_follow_from_the_predictions(results: Path, run: str) -> None:
    metrics = json.loads((results / run / "metrics.json").read_text())
    assert metrics["threshold"] == 0.5
    assert set(metrics["operating_points"]) == {"0.5", "youden", "sensitivity_95"}
    predictions = read_table(results / run / "predictions.csv", "predictions")
    for subset in ("validation", "test"):
        part = predictions[predictions["subset"] == subset]
        called, label = part["probability"] >= 0.5, part["label"] == 1
        assert metrics[subset]["n"] == len(part)
        assert metrics[subset]["confusion"] == {
            "tp": (called & label).sum(),
            "fp": (called & ~label).sum(),
            "tn": (~called & ~label).sum(),
            "fn": (~called & label).sum(),
        }
        assert metrics[subset]["accuracy"]["value"] == pytest.approx((called == label).mean())
        for name in METRICS:
            assert _is_whole(metrics[subset][name]), name


def _is_whole(metric: dict) -> bool:
    """A value within its interval, or none of it and the reason why."""
    value, (low, high) = metric["value"], metric["ci95"]
    if value is None or low is None:
        return bool(metric["reason"]) and low is None and high is None
    return 0 <= low <= high <= 1 and 0 <= value <= 1


def test_figures_are_images(results: Path) -> None:
    figures = [results / run / f"{name}.png" for run in RUNS for name in FIGURES]
    for path in [*figures, results / "comparison.png"]:
        image = cv2.imread(str(path))
        assert min(image.shape[:2]) > 300, path
        assert image.std() > 1, path


def test_comparison_sets_the_experiments_side_by_side(results: Path) -> None:
    comparison = read_table(results / "comparison.csv", "comparison")
    auroc = comparison[comparison["metric"] == "auroc"].set_index("experiment")
    baselines = ["statistics", "frame", "thumbnail", "metadata"]
    assert [*auroc.index] == [*TINY["run"], *baselines]
    assert [*auroc["kind"]] == ["experiment"] * 2 + ["baseline"] * 4
    for run, name in zip(RUNS, TINY["run"], strict=True):
        metrics = json.loads((results / run / "metrics.json").read_text())
        assert auroc["value"][name] == pytest.approx(metrics["test"]["auroc"]["value"])


def test_run_record_says_what_was_run(finished: Path, results: Path) -> None:
    record = json.loads((results / "run.json").read_text())
    assert record["dataset"] == "phantom"
    assert record["config"]["experiments"]["small"]["filters"] == [4, 8]
    assert record["config"]["experiments"]["small"]["mixup"] == 0  # a default
    assert {"python", "snakemake", "keras", "numpy"} <= set(record["versions"])
    assert record["hardware"]["cores"] >= 1
    assert record["inputs"]["images"] == 60
    git = ["git", "-C", str(finished), "rev-parse", "HEAD"]
    head = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    assert record["git"]["commit"] == head


def test_models_load_with_plain_keras_and_repeat_their_predictions(results: Path) -> None:
    """In a process that knows nothing of this project, as a reader of the results would."""
    script = """
import sys
import keras, numpy, pandas
rows = pandas.read_csv("manifest.csv").reset_index().set_index("id")["index"]
predictions = pandas.read_csv("lesson/seed-1/predictions.csv")
model = keras.models.load_model("lesson/seed-1/model.keras")
images = numpy.load("images.npy")[rows[predictions["id"]]]
found = model.predict(images[..., None], verbose=0)[:, 0]
numpy.testing.assert_allclose(found, predictions["probability"], atol=1e-5)
print(keras.models.load_model("small/seed-1/model.keras").input_shape)
assert not any(name.partition(".")[0] == "cxr" for name in sys.modules)
"""
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=results, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "(None, 32, 32, 1)"


def test_second_run_has_nothing_to_do(finished: Path) -> None:
    assert "Nothing to be done" in finish(finished)


def test_nothing_lands_outside_the_folders_for_it(finished: Path) -> None:
    git = ["git", "-C", str(finished), "status", "--porcelain", "--untracked-files=all"]
    status = subprocess.run(git, capture_output=True, text=True, check=True)
    assert status.stdout.split() == ["??", "mine.yaml"]


def test_nothing_half_done_is_left(results: Path) -> None:
    data = results.parents[1] / "data"
    assert [path.name for path in data.iterdir() if path.name != "README.md"] == ["phantom"]
    assert not list(results.rglob("*.part*"))
    assert not (results / "shards").exists()
