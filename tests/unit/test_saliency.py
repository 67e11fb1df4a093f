import keras
import numpy as np
import pandas as pd
import pytest

from cxr import cams, tables
from cxr.backend import fix_bits
from cxr.batches import reduce_image
from cxr.errors import UserError
from cxr.network import build_network
from saliency import choose_images, resolve_targets, saliency

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
SIZE = 32


def make_tables():
    """Six effusions and four normal images, three of each in the test subset."""
    ids = [f"e{i}" for i in range(6)] + [f"n{i}" for i in range(4)]
    manifest = pd.DataFrame({"id": ids, "label": ["1"] * 6 + ["0"] * 4})
    test = {"e1", "e3", "e4", "n0", "n1", "n3"}
    subset = ["test" if name in test else "train" for name in ids]
    return manifest, pd.DataFrame({"id": ids, "subset": subset})


def test_classes_take_turns_in_the_manifests_order():
    chosen = choose_images(*make_tables(), 6, [])
    assert list(chosen["id"]) == ["e1", "n0", "e3", "n1", "e4", "n3"]
    assert list(chosen["row"]) == [1, 6, 3, 7, 4, 9]
    assert list(choose_images(*make_tables(), 3, [])["id"]) == ["e1", "n0", "e3"]


def test_a_class_that_runs_out_leaves_its_turns_to_the_other():
    manifest, split = make_tables()
    split.loc[split["id"].isin(["n1", "n3"]), "subset"] = "validation"
    assert list(choose_images(manifest, split, 10, [])["id"]) == ["e1", "n0", "e3", "e4"]


def test_asked_for_images_of_any_subset_follow_once():
    chosen = choose_images(*make_tables(), 2, ["n2", "e1", "e0", "n2"])
    assert list(chosen["id"]) == ["e1", "n0", "n2", "e0"]
    assert list(chosen["subset"]) == ["test", "test", "train", "train"]
    assert list(choose_images(*make_tables(), 0, ["e5"])["id"]) == ["e5"]


def test_an_unknown_id_is_named_with_what_to_do():
    with pytest.raises(UserError, match=r"saliency\.ids .*: e9, 13005\nTake them .* quotes"):
        choose_images(*make_tables(), 2, ["e0", "e9", "13005"])


def test_targets():
    probabilities = np.array([0.2, 0.5, 0.9])
    assert list(resolve_targets("effusion", probabilities)) == [1, 1, 1]
    assert list(resolve_targets("normal", probabilities)) == [0, 0, 0]
    assert list(resolve_targets("predicted", probabilities)) == [0, 1, 1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The inputs of the stage, for a network with an input half as large as the images."""
    folder = tmp_path_factory.mktemp("run")
    manifest, split = make_tables()
    manifest.to_csv(folder / "manifest.csv", index=False)
    split.to_csv(folder / "split.csv", index=False)
    images = np.random.default_rng(0).normal(size=(10, SIZE, SIZE)).astype(np.float32)
    images[::2, 16:] += 1.5
    np.save(folder / "images.npy", images)
    keras.utils.set_random_seed(1)
    network = build_network(16, [4, 6], [3, 3], batch_norm=True)
    kernel, _ = network.layers[-1].get_weights()
    z = keras.Model(network.input, network.layers[-1].input)(inputs(folder, range(10))).numpy()
    z = z @ kernel
    network.layers[-1].set_weights([kernel / z.std(), -z.mean(axis=0) / z.std()])
    network.save(folder / "model.keras")
    return folder


def inputs(folder, rows):
    images = np.load(folder / "images.npy")
    return np.stack([reduce_image(images[row], 16) for row in rows])[..., None]


def run(folder, out, **changes):
    """Run the stage's script into the folder `out`; returns the maps and their table."""
    arguments = {
        "model": folder / "model.keras",
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "method": "scorecam",
        "target": "predicted",
        "test_images": 6,
        "ids": ["e0"],
        "threads": THREADS,
        "maps": out / "maps.npy",
        "table": out / "maps.csv",
    }
    saliency(**arguments | changes)
    return np.load(out / "maps.npy"), tables.read_table(out / "maps.csv", "maps")


@pytest.mark.parametrize("method", cams.METHODS)
def test_maps_are_scaled_to_the_images_and_named(method, folder, tmp_path):
    maps, table = run(folder, tmp_path, method=method)
    assert (maps.shape, maps.dtype) == ((7, SIZE, SIZE), np.float32)
    assert list(table["row"]) == list(range(7))
    assert list(table["id"]) == ["e1", "n0", "e3", "n1", "e4", "n3", "e0"]
    assert set(table["method"]) == {method}
    assert set(table["layer"]) == {"relu_2"}
    network = keras.models.load_model(folder / "model.keras")
    expected = network.predict(inputs(folder, [1, 6, 3, 7, 4, 9, 0]), verbose=0)[:, 0]
    np.testing.assert_allclose(table["probability"], expected, atol=1e-5)
    called = np.where(expected >= 0.5, "effusion", "normal")
    assert list(table["target"]) == list(called)
    assert len(set(called)) == 2
    for row, empty in zip(maps, table["empty"], strict=True):
        assert (row.min(), row.max()) == ((0, 0) if empty else (0, 1))
    assert (table["peak"] >= 0).all()


def test_maps_are_those_of_the_method_on_the_networks_own_input(folder, tmp_path):
    maps, table = run(folder, tmp_path, target="normal", test_images=2, ids=[])
    network = keras.models.load_model(folder / "model.keras")
    raw = cams.scorecam(
        cams.two_logits(network), inputs(folder, [1, 6]), np.zeros(2, int), "relu_2"
    )
    for number in range(2):
        np.testing.assert_allclose(maps[number], cams.scale(raw[number], SIZE)[0], atol=1e-4)
        assert table["peak"][number] == pytest.approx(raw[number].max(), rel=1e-4)


@pytest.mark.parametrize("method", cams.METHODS)
def test_batches_change_nothing(method, folder, tmp_path, monkeypatch):
    whole, table = run(folder, tmp_path, method=method)
    monkeypatch.setattr(cams, "MASKED_BYTES", 2 * 16 * 16 * 6 * 4)  # two images at a time
    parts, again = run(folder, tmp_path, method=method)
    np.testing.assert_allclose(parts, whole, atol=1e-4)
    assert list(again["target"]) == list(table["target"])


def test_the_same_run_gives_the_same_bits(folder, tmp_path):
    first, table = run(folder, tmp_path, method="gradcam_plus_plus")
    second, again = run(folder, tmp_path, method="gradcam_plus_plus")
    np.testing.assert_array_equal(first, second)
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_empty_maps_are_reported(folder, tmp_path):
    network = keras.models.load_model(folder / "model.keras")
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([-np.abs(kernel), bias])  # nothing speaks for an effusion
    network.save(tmp_path / "model.keras")
    changes = {"model": tmp_path / "model.keras", "method": "gradcam_plus_plus"}
    maps, table = run(folder, tmp_path, target="effusion", **changes)
    assert not maps.any()
    assert (table["empty"] == 1).all()
    maps, table = run(folder, tmp_path, target="normal", **changes)
    assert (table["empty"] == 0).all()
