import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from test_training import RECIPE

from cxr import tables
from cxr.backend import set_backend
from cxr.errors import UserError
from cxr.training import predict

ROOT = Path(__file__).parents[2]
# JAX is among the packages for development; PyTorch, with 3 GB of CUDA, is tried where it is.
INSTALLED = [name for name in ("jax", "torch") if find_spec(name)]

# Keras takes a backend once, when it is imported: each has to be tried by a process of its own.
SCRIPT = """
import json
import os
import sys

folder, backend, cores, recipe = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
os.chdir(folder)
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])

from train import train
from transfer_predictions import transfer_predictions

tables = {"images": "images.npy", "manifest": "manifest.csv"}
made = {"model": "model.keras", "history": "history.csv", "predictions": "predictions.csv"}
settings = {"backend": backend, "name": "tiny"}
train(**tables, **made, **settings, split="split.csv", recipe=recipe, seed=3)
transfer_predictions(
    **tables,
    **settings,
    models=["model.keras"],
    overlap="overlap.csv",
    threads=recipe["threads"],
    flip=False,
    output="transferred.csv",
)
"""


def test_a_backend_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match=r"backend: no_such_backend is set.*pip install") as error:
        set_backend("no_such_backend")
    assert "backend: tensorflow" in str(error.value)
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_the_backend_is_set(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "other")
    set_backend("tensorflow")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_a_job_sees_gpus_only_if_it_was_given_some(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")  # as Slurm sets it
    set_backend("tensorflow", gpus=1)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "2"
    set_backend("tensorflow")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


@pytest.fixture(scope="module", params=INSTALLED)
def backend(request):
    return request.param


def run(folder, backend, cores, recipe=RECIPE):
    """Train a network on forty images, and predict them; what both said, and how it ended."""
    folder.mkdir()
    images = np.random.default_rng(0).normal(size=(40, 32, 32)).astype(np.float32)
    images[:20, 16:] += 1
    np.save(folder / "images.npy", images)
    ids = [f"i{row}" for row in range(40)]
    manifest = pd.DataFrame({"id": ids, "label": np.repeat([1, 0], 20)})
    manifest.to_csv(folder / "manifest.csv", index=False)
    subsets = ["train", "train", "train", "validation", "test"] * 8
    pd.DataFrame({"id": ids, "subset": subsets}).to_csv(folder / "split.csv", index=False)
    pd.DataFrame({"id": ids, "overlap": ""}).to_csv(folder / "overlap.csv", index=False)
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), backend, str(cores), json.dumps(recipe)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def trained(backend, tmp_path_factory):
    """The folder of a run with this backend on two cores."""
    folder = tmp_path_factory.mktemp(backend) / "two"
    ended = run(folder, backend, 2)
    assert ended.returncode == 0, ended.stderr
    return folder


def test_tensorflow_predicts_what_the_backend_that_trained_does(trained):
    network = keras.models.load_model(trained / "model.keras")
    expected = predict(network, np.load(trained / "images.npy"), np.arange(40))
    transferred = tables.read_table(trained / "transferred.csv", "transferred")
    np.testing.assert_allclose(transferred["probability"], expected, atol=1e-5)
    predictions = tables.read_table(trained / "predictions.csv", "predictions")
    rows = predictions["id"].str.removeprefix("i").astype(int)
    np.testing.assert_allclose(predictions["probability"], expected[rows], atol=1e-5)
    assert predictions["probability"].nunique() == 16
    assert len(tables.read_table(trained / "history.csv", "history")) == RECIPE["epochs"]


def test_one_core_gives_the_same_bits_as_two(trained, backend, tmp_path):
    ended = run(tmp_path / "one", backend, 1)
    assert ended.returncode == 0, ended.stderr
    for name in ("predictions.csv", "transferred.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (trained / name).read_bytes()


def test_each_says_that_a_training_diverged(backend, tmp_path):
    ended = run(tmp_path / "far", backend, 2, RECIPE | {"learning_rate": 1e30})
    assert "cxr.errors.UserError: tiny: training diverged" in ended.stderr
    assert not (tmp_path / "far" / "model.keras").exists()
