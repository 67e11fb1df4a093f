import numpy as np
import pandas as pd
import pytest
import yaml

from cxr.backend import fix_bits
from cxr.config import load
from cxr.network import build_network
from cxr.permuted import FITTED, accuracy, fit_in_words, memorising, permute_labels
from cxr.training import ARCHITECTURE, fit, predict
from workspace import ROOT

fix_bits(0, 2)  # TensorFlow takes the number of threads once, before its first operation
TABLE = pd.DataFrame(
    {
        "label": [0, 1] * 15,
        "subset": ["train"] * 16 + ["validation"] * 8 + ["test"] * 6,
        "row": range(30),
    }
)


@pytest.fixture(scope="module")
def recipes():
    """The experiments of config.yaml, with all their keys."""
    return load(yaml.safe_load((ROOT / "config.yaml").read_text()), ROOT)["experiments"]


def test_labels_are_permuted_within_training_and_within_validation():
    first, again, other = (permute_labels(TABLE, number) for number in ("1", "1", "2"))
    pd.testing.assert_frame_equal(first, again)
    for subset, part in TABLE.groupby("subset"):
        labels = [found.loc[part.index, "label"] for found in (first, other)]
        assert all(label.sum() == part["label"].sum() for label in labels)
        same = [(label == part["label"]).all() for label in labels]
        assert same == [subset == "test"] * 2
    assert (first["label"] != other["label"]).any()


def test_accuracy_is_that_of_a_subset():
    table = TABLE.assign(probability=np.where(TABLE.index % 4 == 0, 0.7, 0.5))
    assert accuracy(table, "train") == 0.5
    assert accuracy(table.assign(probability=table["label"]), "train") == 1
    assert accuracy(table.assign(probability=table["label"] * 0.4), "test") == 0.5


@pytest.mark.parametrize(
    ("accuracy", "word"), [(0.599, "no"), (0.6, "partly"), (0.899, "partly"), (0.9, "yes")]
)
def test_the_limits_of_fitted(accuracy, word):
    assert fit_in_words(accuracy) == word


@pytest.mark.parametrize("name", ["lesson", "pleura"])
def test_a_memorising_network_has_the_same_form(name, recipes):
    recipe = recipes[name]
    forms = [
        build_network(128, **{key: chosen[key] for key in ARCHITECTURE})
        for chosen in (recipe, memorising(recipe))
    ]
    shapes = [[weights.shape for weights in network.get_weights()] for network in forms]
    assert shapes[0] == shapes[1]
    assert memorising(recipe).keys() == recipe.keys()


def test_noise_with_random_labels_is_memorised(recipes):
    """By a small network, from a recipe that does what it can to hinder it."""
    small = {"filters": [16, 32], "kernels": [3, 3], "strides": None, "input_size": None}
    hindered = {"label_smoothing": 0.2, "ema": 0.9, "epochs": 1, "threads": 2, "batch_size": 4}
    recipe = recipes["pleura"] | small | hindered
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 16, 16)).astype(np.float32)
    labels = np.arange(40) % 2
    both = (np.arange(32), labels[:32]), (np.arange(32, 40), labels[32:])
    network, rows = fit(images, *both, memorising(recipe), 0, "small")
    assert len(rows) == memorising(recipe)["epochs"]
    right = (predict(network, images, np.arange(32)) >= 0.5) == labels[:32]
    assert right.mean() >= FITTED
