import keras
import numpy as np
import pandas as pd
import pytest

from cxr import tables
from cxr.backend import fix_bits
from cxr.training import predict
from transfer_predictions import transfer_predictions

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation


@pytest.fixture
def files(tmp_path):
    """Two networks, and six images of another data set, two of them no news."""
    images = np.random.default_rng(0).normal(size=(6, 32, 32)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    rows = {
        "id": ["NA", "007", "c", "d", "e", "f"],
        "label": [1, 1, 1, 0, 0, 0],
    }
    pd.DataFrame(rows).to_csv(tmp_path / "manifest.csv", index=False)
    marked = {"id": rows["id"][::-1], "overlap": ["", "", "", "", "patient", "file"]}
    pd.DataFrame(marked).to_csv(tmp_path / "overlap.csv", index=False)
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        layers = keras.layers.Flatten(), keras.layers.Dense(1, "sigmoid")
        network = keras.Sequential([keras.Input((16, 16, 1)), *layers])
        keras.Model(network.inputs, network.outputs).save(tmp_path / f"{seed}.keras")
    return tmp_path


def start(folder, models=(1, 2), **changes):
    arguments = {
        "models": [folder / f"{seed}.keras" for seed in models],
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "overlap": folder / "overlap.csv",
        "backend": "tensorflow",
        "threads": THREADS,
        "flip": False,
        "output": folder / "other.csv",
        "name": "tiny seed 1 on other",
    }
    transfer_predictions(**arguments | changes)
    return tables.read_table(folder / "other.csv", "transferred")


def test_every_image_is_predicted_in_the_order_of_the_manifest(files, capsys):
    table = start(files)
    assert list(table["id"]) == ["NA", "007", "c", "d", "e", "f"]
    assert list(table["label"]) == [1, 1, 1, 0, 0, 0]
    assert list(table["overlap"]) == ["file", "patient", "", "", "", ""]
    line = capsys.readouterr().out.splitlines()[-1]
    assert line == "tiny seed 1 on other  6 images predicted"


def test_folds_are_averaged(files):
    single = [start(files, models=(seed,))["probability"].to_numpy() for seed in (1, 2)]
    assert (single[0] != single[1]).all()
    np.testing.assert_allclose(start(files)["probability"], np.mean(single, axis=0))


@pytest.mark.parametrize("flip", [False, True])
def test_probabilities_are_those_of_the_network(files, flip):
    network = keras.models.load_model(files / "1.keras")
    expected = predict(network, np.load(files / "images.npy"), np.arange(6), flip)
    found = start(files, models=(1,), flip=flip)["probability"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
