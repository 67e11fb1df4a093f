import keras
import numpy as np
import pandas as pd
import pytest

from cxr import tables
from cxr.backend import fix_bits
from cxr.batches import reduce_image
from cxr.network import build_network
from explore_network import explore_network

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
SIZE, SIDE, COUNT = 32, 16, 12
SUBSETS = ["train", "test", "train", "validation"] * 3
METHODS = ["gradcam", "edges"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The inputs of the stage, for a network with an input half as large as the images."""
    folder = tmp_path_factory.mktemp("run")
    images = np.random.default_rng(0).normal(size=(COUNT, SIZE, SIZE)).astype(np.float32)
    np.save(folder / "images.npy", images)
    keras.utils.set_random_seed(1)
    build_network(SIDE, [4, 6], [3, 3]).save(folder / "model.keras")
    manifest = pd.DataFrame({"id": [f"i{row}" for row in range(COUNT)]})
    manifest = manifest.assign(label=np.arange(COUNT) % 2, patient="", path="x.png", mask="")
    manifest = manifest.assign(age="", sex="", view="", width=9, height=9, bit_depth=8)
    manifest["class"], manifest["sha256"] = "normal", "0" * 64
    tables.write_table(manifest, folder / "manifest.csv", "manifest")
    split = manifest.assign(subset=SUBSETS)[::-1]  # in another order than the manifest
    tables.write_table(split, folder / "split.csv", "split")
    known = split[split["subset"] != "train"].assign(probability=0.125)
    tables.write_table(known, folder / "predictions.csv", "predictions")
    return folder


def run(folder, out, **changes):
    """Run the stage's script into the folder `out`."""
    arguments = {
        "model": folder / "model.keras",
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "fold": None,
        "predictions": folder / "predictions.csv",
        "flip": False,
        "methods": METHODS,
        "target": "effusion",
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "asked": out / "predictions.csv",
        "maps": [out / f"{method}.npy" for method in METHODS],
        "table": out / "maps.csv",
    }
    explore_network(**arguments | changes)
    return tables.read_table(out / "predictions.csv", "predictions")


def seen(folder, mirrored=False):
    images = np.load(folder / "images.npy")
    inputs = np.stack([reduce_image(image, SIDE) for image in images])[..., None]
    return inputs[:, :, ::-1] if mirrored else inputs


def test_training_images_are_predicted_and_others_as_they_were(folder, tmp_path):
    asked = run(folder, tmp_path)
    assert [*asked["id"]] == [f"i{row}" for row in range(COUNT)]
    assert [*asked["subset"]] == SUBSETS
    learned = asked["subset"] == "train"
    assert (asked.loc[~learned, "probability"] == 0.125).all()
    expected = keras.models.load_model(folder / "model.keras")(seen(folder)).numpy()[learned, 0]
    assert asked.loc[learned, "probability"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_training_images_are_mirrored_as_the_others_were(folder, tmp_path):
    asked = run(folder, tmp_path, flip=True)
    network = keras.models.load_model(folder / "model.keras")
    both = np.mean([network(seen(folder, side)).numpy()[:, 0] for side in (False, True)], axis=0)
    learned = asked["subset"] == "train"
    found = asked.loc[learned, "probability"].to_numpy()
    assert found == pytest.approx(both[learned], abs=1e-6)


def test_held_out_images_alone_are_mapped(folder, tmp_path):
    run(folder, tmp_path)
    table = tables.read_table(tmp_path / "maps.csv", "maps")
    assert set(table["subset"]) == {"test"}
    assert [*table.loc[table["method"] == "edges", "id"]] == ["i1", "i5", "i9"]
    assert [*table.loc[table["method"] == "edges", "row"]] == [0, 1, 2]
    assert np.load(tmp_path / "gradcam.npy").shape == (3, SIZE, SIZE)


def test_with_cross_validation_the_fold_says_who_is_held_out(folder, tmp_path):
    split = tables.read_table(folder / "manifest.csv", "manifest").assign(subset="oof")
    split["fold"] = [1 + row % 3 for row in range(COUNT)]
    split["validates"] = [
        "2" if fold != 2 and row % 2 else "" for row, fold in enumerate(split["fold"])
    ]
    tables.write_table(split, tmp_path / "split.csv", "split")
    of_fold = split.assign(probability=0.25)
    tables.write_table(of_fold, tmp_path / "known.csv", "predictions")
    changes = {"split": tmp_path / "split.csv", "fold": 2, "predictions": tmp_path / "known.csv"}
    asked = run(folder, tmp_path, **changes)
    held = {f"i{row}" for row in range(COUNT) if row % 3 == 1}
    assert set(asked.loc[asked["subset"] == "oof", "id"]) == held
    assert set(tables.read_table(tmp_path / "maps.csv", "maps")["id"]) == held
    assert (asked.loc[asked["subset"] != "train", "probability"] == 0.25).all()
    assert (asked.loc[asked["subset"] == "train", "probability"] != 0.25).all()


def test_the_same_inputs_give_the_same_bits(folder, tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        run(folder, tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()
