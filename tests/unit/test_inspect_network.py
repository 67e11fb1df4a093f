import os
import re

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import inspect_network
from cxr.backend import fix_bits
from cxr.network import build_network

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation

OUTPUTS = {
    "summary": "summary.txt",
    "network": "network.png",
    "filters": "filters.png",
    "features": "features.png",
}


def predictions(rows):
    columns = ["id", "subset", "label", "probability", "row"]
    return pd.DataFrame(rows, columns=columns)


def test_the_test_effusion_of_the_highest_probability_is_shown():
    table = predictions(
        [
            ("a", "validation", 1, 0.99, 0),
            ("b", "test", 1, 0.7, 1),
            ("c", "test", 0, 0.9, 2),
            ("d", "test", 1, 0.8, 3),
            ("e", "test", 1, 0.8, 4),
        ]
    )
    assert inspect_network.choose_image(table)["id"] == "d"


@pytest.fixture(autouse=True)
def unchanged_environment(monkeypatch):
    for name in ("COLUMNS", "KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.setenv("COLUMNS", "40")  # of a narrow terminal


def test_the_summary_is_whole_and_plain():
    text = inspect_network.summarise(
        build_network(512, [8] * 9, [3] * 9, activation="leaky_relu", dense=[128, 32])
    )
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= inspect_network.WIDTH
    rows = re.findall(r"^\| (\w+) \((\w+)\) +\| (\(.*?\)) +\| +([\d,]+) \|$", text, re.MULTILINE)
    assert ("leaky_relu_9", "Activation", "(None, 2, 2, 8)", "0") in rows
    assert ("global_average", "GlobalAveragePooling2D", "(None, 8)", "0") in rows
    assert ("conv_2", "Conv2D", "(None, 256, 256, 8)", "584") in rows
    assert len(rows) == 1 + 9 * 3 - 1 + 5
    assert f"Total params: {sum(int(row[3].replace(',', '')) for row in rows):,}" in text


NETWORKS = {
    "two blocks": {"filters": [4, 6], "kernels": [3, 3]},
    "twelve blocks": {"filters": [2] * 12, "kernels": [1] * 12, "pooling": "none"},
    "all at once": {
        **{"filters": [9, 2, 3], "kernels": [5, 3, 1], "batch_norm": True, "dense": [5, 4]},
        **{"pooling": "average", "activation": "tanh", "dropout": 0.5},
    },
}


def write(folder, network, name="e0"):
    """Write a network of 32 pixels a side and its predictions; return the script's arguments."""
    build_network(32, **network).save(folder / "model.keras")
    table = pd.DataFrame({"id": [name, "n0"], "subset": "test", "label": [1, 0]})
    table.assign(probability=0.5).to_csv(folder / "predictions.csv", index=False)
    table[["id"]].assign(patient="").to_csv(folder / "manifest.csv", index=False)
    images = np.random.default_rng(0).normal(size=(2, 64, 64)).astype(np.float32)
    np.save(folder / "images.npy", images)
    return {
        "model": folder / "model.keras",
        "predictions": folder / "predictions.csv",
        "manifest": folder / "manifest.csv",
        "images": folder / "images.npy",
        "outputs": {key: folder / name for key, name in OUTPUTS.items()},
        "threads": THREADS,
        "title": "phantom, small, seed 1",
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_every_output_is_written_whatever_the_network(tmp_path, name):
    arguments = write(tmp_path, NETWORKS[name], "e" * 200)
    inspect_network.inspect_network(**arguments)
    outputs = dict(arguments["outputs"])
    summary = outputs.pop("summary").read_text()
    assert summary.startswith("phantom, small, seed 1\n")
    total = build_network(32, **NETWORKS[name]).count_params()
    assert f"Total params: {total:,} " in summary
    for key, path in outputs.items():
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 150, key
        assert picture.std() > 10, key
    assert not plt.get_fignums()


def test_the_same_bytes_twice(tmp_path):
    arguments = write(tmp_path, NETWORKS["two blocks"])
    texts = []
    for _ in range(2):
        inspect_network.inspect_network(**arguments)
        texts.append([path.read_bytes() for path in arguments["outputs"].values()])
    assert texts[0] == texts[1]
