import keras
import numpy as np
import pandas as pd
import pytest
from test_training import RECIPE

from cxr import tables
from cxr.errors import UserError
from cxr.model_file import read_facts
from cxr.predictions import read_split
from models import FACTS, train_model
from train import train


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished run on forty images in the manifest's order."""
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    images = random.normal(size=(40, 32, 32)).astype(np.float32)
    images[:20, 16:] += 1
    np.save(folder / "images.npy", images)
    ids = ["NA", "007", *(f"i{row}" for row in range(38))]
    labels = np.repeat([1, 0], 20)
    pd.DataFrame({"id": ids, "label": labels}).to_csv(folder / "manifest.csv", index=False)
    subsets = random.permutation(["train"] * 24 + ["validation"] * 8 + ["test"] * 8)
    order = random.permutation(40)  # as in a split file of the user's
    split = pd.DataFrame({"id": ids, "subset": subsets}).iloc[order]
    split.to_csv(folder / "split.csv", index=False)
    start(folder, folder)
    return folder


def start(folder, outputs, seed=3):
    train(
        images=folder / "images.npy",
        manifest=folder / "manifest.csv",
        split=folder / "split.csv",
        recipe=RECIPE,
        seed=seed,
        backend="tensorflow",
        name="tiny seed 3",
        model=outputs / "model.keras",
        history=outputs / "history.csv",
        predictions=outputs / "predictions.csv",
    )


def test_the_split_finds_each_images_row(run):
    table = read_split(run / "manifest.csv", run / "split.csv")
    manifest = tables.read_csv(run / "manifest.csv")
    assert list(table["id"]) == list(manifest["id"])
    assert list(table["label"]) == [1] * 20 + [0] * 20
    assert list(table["row"]) == list(range(40))
    assert table["subset"].value_counts().to_dict() == {"train": 24, "validation": 8, "test": 8}


def test_predictions_are_those_of_the_saved_network(run):
    table = tables.read_table(run / "predictions.csv", "predictions")
    split = read_split(run / "manifest.csv", run / "split.csv").set_index("id")
    assert list(table.columns) == ["id", "subset", "label", "probability"]
    assert list(table["subset"]) == ["validation"] * 8 + ["test"] * 8
    assert list(table["subset"]) == list(split.loc[table["id"], "subset"])
    assert list(table["label"]) == list(split.loc[table["id"], "label"])
    for _, part in table.groupby("subset"):
        assert split.loc[part["id"], "row"].is_monotonic_increasing

    network = keras.saving.load_model(run / "model.keras")
    images = np.load(run / "images.npy")[split.loc[table["id"], "row"]]
    reduced = images.reshape(-1, 16, 2, 16, 2).mean(axis=(2, 4))[..., np.newaxis]
    expected = network.predict(reduced, verbose=0)[:, 0]
    np.testing.assert_allclose(table["probability"], expected, rtol=1e-5)
    assert table["probability"].nunique() == 16


def test_history_has_a_row_for_each_epoch(run):
    history = tables.read_table(run / "history.csv", "history")
    assert list(history.columns) == tables.columns("history")
    assert list(history["epoch"]) == [1, 2]


def test_a_second_run_writes_the_same_predictions(run, tmp_path):
    start(run, tmp_path)
    assert (run / "predictions.csv").read_bytes() == (tmp_path / "predictions.csv").read_bytes()
    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    first, second = (pd.read_csv(path / "history.csv")[columns] for path in (run, tmp_path))
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    networks = [keras.saving.load_model(path / "model.keras") for path in (run, tmp_path)]
    for one, two in zip(*(network.get_weights() for network in networks), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_model_says_how_its_images_were_prepared(tmp_path):
    model = train_model(tmp_path, RECIPE, 64, "bilinear")
    assert read_facts(model) == {
        "format": 1,
        **FACTS,
        "image": {"size": 64, "resize": "bilinear", "normalise": "image"},
        "input_size": 16,
        "test_flip": False,
        "threads": RECIPE["threads"],
        "classes": ["normal", "effusion"],
    }


def test_features_are_the_means_of_the_last_channels_of_every_image(tmp_path):
    model = train_model(tmp_path, RECIPE, 64)
    network = keras.saving.load_model(model)
    images = np.load(tmp_path / "images.npy").reshape(-1, 16, 4, 16, 4).mean(axis=(2, 4))
    last = keras.Model(network.input, network.get_layer("relu_2").output)
    expected = last.predict(images[..., np.newaxis], verbose=0).mean(axis=(1, 2))
    features = np.load(tmp_path / "features.npy")
    assert features.shape == (40, RECIPE["filters"][-1])
    np.testing.assert_allclose(features, expected, atol=1e-5)


def test_a_network_that_nobody_predicts_with_says_nothing(run):
    with pytest.raises(UserError, match="no network that pleura trained"):
        read_facts(run / "model.keras")
    assert not (run / "features.npy").exists()
