import keras
import numpy as np
import pandas as pd
import pytest

from cxr import cams, tables
from cxr.backend import fix_bits
from cxr.batches import reduce_image
from cxr.errors import UserError
from cxr.methods import CAMS, NAMES
from cxr.network import build_network
from saliency import saliency

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
SIZE = 32


IDS, ROWS = ["e1", "n0", "e3", "n1", "e4", "n3", "e0"], [1, 6, 3, 7, 4, 9, 0]


def write_chosen(path, count):
    """saliency.csv with the first of these images."""
    chosen = pd.DataFrame({"id": IDS, "image_row": ROWS})[:count]
    chosen["subset"] = ["train" if name == "e0" else "test" for name in chosen["id"]]
    chosen["label"] = chosen["id"].str.startswith("e").astype(int)
    tables.write_table(chosen, path, "saliency")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The inputs of the stage, for a network with an input half as large as the images."""
    folder = tmp_path_factory.mktemp("run")
    write_chosen(folder / "saliency.csv", 7)
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


def run(folder, out, method="scorecam", **changes):
    """Run the stage's script into the folder `out`; returns the maps and their table."""
    arguments = {
        "model": folder / "model.keras",
        "images": folder / "images.npy",
        "chosen": folder / "saliency.csv",
        "methods": [method],
        "target": "predicted",
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "maps": [out / "maps.npy"],
        "table": out / "maps.csv",
    }
    saliency(**arguments | changes)
    return np.load(out / "maps.npy"), tables.read_table(out / "maps.csv", "maps")


@pytest.mark.parametrize("method", NAMES)
def test_maps_are_scaled_to_the_images_and_named(method, folder, tmp_path):
    maps, table = run(folder, tmp_path, method=method)
    assert (maps.shape, maps.dtype) == ((7, SIZE, SIZE), np.float32)
    assert list(table["row"]) == list(range(7))
    assert list(table["id"]) == IDS
    assert set(table["method"]) == {method}
    assert set(table["layer"]) == {"relu_2" if method in CAMS else "image"}
    network = keras.models.load_model(folder / "model.keras")
    expected = network.predict(inputs(folder, ROWS), verbose=0)[:, 0]
    np.testing.assert_allclose(table["probability"], expected, atol=1e-5)
    called = np.where(expected >= 0.5, "effusion", "normal")
    assert list(table["target"]) == list(called)
    assert len(set(called)) == 2
    for row, empty in zip(maps, table["empty"], strict=True):
        assert (row.min(), row.max()) == ((0, 0) if empty else (0, 1))
    assert (table["peak"] >= 0).all()


def test_methods_stand_one_below_the_other(folder, tmp_path):
    methods = ["occlusion", "gradcam"]
    paths = [tmp_path / f"{method}.npy" for method in methods]
    np.save(tmp_path / "maps.npy", 0)
    _, table = run(folder, tmp_path, methods=methods, maps=paths)
    assert list(table["method"]) == ["occlusion"] * 7 + ["gradcam"] * 7
    assert list(table["layer"]) == ["image"] * 7 + ["relu_2"] * 7
    assert list(table["row"]) == [*range(7)] * 2
    for method, path in zip(methods, paths, strict=True):
        expected, _ = run(folder, tmp_path, method=method)
        np.testing.assert_array_equal(np.load(path), expected)


def test_maps_are_those_of_the_method_on_the_networks_own_input(folder, tmp_path):
    maps, table = run(
        folder, tmp_path, target="normal", chosen=write_chosen(tmp_path / "two.csv", 2)
    )
    network = keras.models.load_model(folder / "model.keras")
    mapper = cams.mapper("scorecam", cams.two_logits(network), "relu_2")
    raw = mapper(inputs(folder, [1, 6]), np.zeros(2, int))
    for number in range(2):
        np.testing.assert_allclose(maps[number], cams.scale(raw[number], SIZE)[0], atol=1e-4)
        assert table["peak"][number] == pytest.approx(raw[number].max(), rel=1e-4)


@pytest.mark.parametrize("memory", [0.001, 0.04], ids=["one image", "two images"])
@pytest.mark.parametrize("method", NAMES)
def test_memory_changes_nothing(method, memory, folder, tmp_path):
    whole, table = run(folder, tmp_path, method=method)
    parts, again = run(folder, tmp_path, method=method, memory=memory)
    np.testing.assert_allclose(parts, whole, atol=1e-4)
    assert list(again["target"]) == list(table["target"])


def test_the_same_run_gives_the_same_bits(folder, tmp_path):
    first, table = run(folder, tmp_path, method="gradcam_plus_plus")
    second, again = run(folder, tmp_path, method="gradcam_plus_plus")
    np.testing.assert_array_equal(first, second)
    pd.testing.assert_frame_equal(table, again, check_exact=True)


def test_a_layer_may_be_named(folder, tmp_path):
    last, _ = run(folder, tmp_path, method="layercam")
    maps, table = run(folder, tmp_path, method="layercam", layer="relu_1")
    assert set(table["layer"]) == {"relu_1"}
    network = keras.models.load_model(folder / "model.keras")
    mapper = cams.mapper("layercam", cams.two_logits(network), "relu_1")
    raw = mapper(inputs(folder, ROWS[:1]), (table["target"][:1] == "effusion").to_numpy())
    np.testing.assert_allclose(maps[0], cams.scale(raw[0], SIZE)[0], atol=1e-4)
    assert np.abs(maps - last).max() > 0.1


def test_an_unknown_layer_is_explained(folder, tmp_path):
    with pytest.raises(UserError, match=r"dense_9 is no layer.*conv_1, norm_1, relu_1, pool_1"):
        run(folder, tmp_path, layer="dense_9")


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


def test_a_layer_of_a_single_place_is_explained(folder, tmp_path, capsys):
    keras.utils.set_random_seed(1)
    build_network(16, [4, 4, 4, 4, 6], [3] * 5).save(tmp_path / "model.keras")
    _, table = run(folder, tmp_path, model=tmp_path / "model.keras")
    assert (table["empty"] == 1).all()
    assert "relu_5 has a single place" in capsys.readouterr().out
