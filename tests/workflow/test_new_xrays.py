"""Predicting new X-rays: the door, what stands at it, and what comes out."""

import shutil
from pathlib import Path

import pytest

from cxr.tables import read_table
from tiny import call, configure, finish, plan, refuse, rules
from xrays import write_folder

PREDICTION = {"predict_images", "predict_overview"}
FILES = {"predictions.csv", "predictions.html", "xrays", "overlays"}


@pytest.fixture
def xrays(tmp_path: Path) -> Path:
    """A folder of new X-rays, outside the project."""
    return write_folder(tmp_path / "New {name} X-rays (2)", effusion=3, normal=2, size=96)


def predict(root: Path, *settings: str) -> None:
    finish(root, "predict", "--config", *settings)


def predictions(root: Path, name: str):
    return read_table(root / f"results/predict/{name}/predictions.csv", "predicted")


def test_a_folder_is_predicted_by_a_command_of_one_line(project: Path, xrays: Path) -> None:
    jobs = rules(plan(project, "predict", "--config", f"input={xrays}"))
    assert jobs == PREDICTION  # the network is there, and its reference
    predict(project, f"input={xrays}")
    folder = project / "results/predict/new-name-x-rays-2"
    assert {path.name for path in folder.iterdir()} >= FILES
    table = predictions(project, "new-name-x-rays-2")
    assert list(table["image"]) == [
        *(f"effusion/e{i}.png" for i in range(3)),
        *(f"normal/n{i}.png" for i in range(2)),
    ]
    assert table["probability"].between(0, 1).all()
    assert not plan(project, "predict", "--config", f"input={xrays}")
    assert not plan(project)  # what was there before stands

    write_folder(xrays, effusion=4, normal=0, size=96)
    jobs = rules(plan(project, "predict", "--config", f"input={xrays}"))
    assert jobs == PREDICTION
    predict(project, f"input={xrays}")
    assert len(predictions(project, "new-name-x-rays-2")) == 6


def test_the_network_is_trained_if_it_is_missing(fresh: Path, xrays: Path) -> None:
    jobs = rules(plan(fresh, "predict", "--config", f"input={xrays}"))
    assert PREDICTION | {"train_network", "evaluate_predictions", "predict_reference"} <= jobs
    lesson = "results/phantom/lesson/seed-1/model.keras"
    jobs = plan(fresh, "predict", "--config", f"input={xrays}", f"model={lesson}")
    trained = [job.output for job in jobs if job.rule == "train_network"]
    assert [output.split(", ")[0] for output in trained] == [lesson]


def test_a_fold_predicts_with_its_own_reference(fresh: Path, xrays: Path) -> None:
    configure(fresh, {"split": {"folds": 3, "test": 0}})
    jobs = plan(fresh, "predict", "--config", f"input={xrays}")
    asked = next(job for job in jobs if job.rule == "predict_images")
    folder = "results/phantom/small/seed-1"
    beside = [f"{folder}/{name}" for name in ("metrics.json", "fold-1/reference.json")]
    assert {f"{folder}/fold-1/model.keras", *beside} <= {*asked.inputs}


def test_a_model_carried_elsewhere_says_what_it_lacks(
    project: Path, xrays: Path, tmp_path: Path
) -> None:
    predict(project, f"input={xrays}", "name=here")
    stick = tmp_path / "stick"
    stick.mkdir()
    shutil.copy(project / "results/phantom/small/seed-1/model.keras", stick)
    shutil.rmtree(project / "results/phantom")
    predict(project, f"input={xrays}", f"model={stick / 'model.keras'}", "name=there")
    here, there = (predictions(project, name) for name in ("here", "there"))
    assert here["probability"].equals(there["probability"])
    assert there["warning"].str.startswith("not checked").all()
    assert "no metrics.json" in (project / "results/predict/there/predictions.html").read_text()


def test_without_xrays_the_target_says_what_to_give(fresh: Path) -> None:
    text = refuse(fresh, "predict")
    assert "predict: which X-rays?" in text
    assert "snakemake --cores 4 predict --config input=/path/to/xrays" in text


def test_all_mistakes_are_told_at_once(fresh: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("no image")
    (tmp_path / "weights.keras").write_text("no zip")
    settings = [f"input={empty}", f"model={tmp_path / 'weights.keras'}", "name=A/B", "seeds=1"]
    text = refuse(fresh, "predict", "--config", *settings)
    assert "The configuration has 4 problems" in text
    assert f'input: found "{empty}"; {empty} holds no image' in text
    assert "weights.keras is no network that pleura trained" in text
    assert 'name: found "A/B", allowed: lower-case letters' in text
    text = refuse(fresh, "predict", "--config", "input=nowhere", "model=nowhere.keras")
    assert 'input: found "nowhere"; there is no file or folder' in text
    assert 'model: found "nowhere.keras"; there is no file' in text


def test_a_failed_prediction_leaves_nothing_that_looks_whole(project: Path, xrays: Path) -> None:
    predict(project, f"input={xrays}", "name=new")
    stick = project / "stick"
    stick.mkdir()
    for name in ("model.keras", "reference.json"):
        shutil.copy(project / "results/phantom/small/seed-1" / name, stick)
    text = (stick / "reference.json").read_text()
    (stick / "reference.json").write_text(text.replace('"format": 1', '"format": 7'))
    settings = [f"input={xrays}", "name=new", "model=stick/model.keras"]
    run = call(project, "predict", "--config", *settings)
    assert run.status == 1
    assert "reference.json does not hold what it should" in run.text
    assert not (project / "results/predict/new/predictions.csv").exists()
    assert not (project / "results/predict/new/xrays").exists()
