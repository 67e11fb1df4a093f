import keras
import numpy as np
import pytest

from audit_faithfulness import audit_faithfulness
from audited import ORDER, write_images, write_looker, write_network
from cxr import cams, faithfulness, mapped, tables
from cxr.backend import fix_bits

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
PLACE = (slice(4, 14), slice(16, 28))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Images, brighter at PLACE, and a network that looks there alone."""
    folder = write_images(tmp_path_factory.mktemp("audit"))
    images = np.load(folder / "images.npy")
    images[:, *PLACE] = 4 + images[:, *PLACE] / 4
    np.save(folder / "images.npy", images)
    write_looker(folder / "model.keras", *PLACE)
    return folder


def run(folder, output, **changes):
    arguments = {
        "model": folder / "model.keras",
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "fold": None,
        "methods": ["layercam", "edges", "random"],
        "number": 7,
        "target": "effusion",
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "output": output / "faithfulness.csv",
    }
    audit_faithfulness(**arguments | changes)
    return tables.read_table(output / "faithfulness.csv", "faithfulness")


def verdicts(table, method):
    _, better = faithfulness.from_table(table[table["method"] == method])
    rows = faithfulness.rows(method, better)
    return {row["check"]: row["verdict"] for row in rows if row["statistic"] == "both"}


def test_a_map_of_where_the_network_looks_passes_and_controls_do_not(folder, tmp_path):
    table = run(folder, tmp_path)
    assert list(table["method"].unique()) == ["layercam", "edges", "random"]
    for _, part in table.groupby("method"):
        assert list(part["id"]) == [name for name in ORDER[:7] for _ in range(4)]
    assert verdicts(table, "layercam") == {"deletion": "pass", "insertion": "pass"}
    assert "pass" not in verdicts(table, "random").values()


def test_an_image_scores_the_same_whatever_stands_beside_it(folder, tmp_path):
    whole = run(folder, tmp_path, methods=["layercam"])
    part = run(folder, tmp_path, methods=["random", "layercam"], number=2)
    part = part[part["method"] == "layercam"]
    np.testing.assert_allclose(part["advantage"], whole["advantage"][:8], atol=1e-5)


def test_advantages_are_of_each_images_own_target(folder, tmp_path):
    """The networks' own probabilities, without two logits, give the same."""
    write_network(folder, "small.keras", 0)
    arguments = {"model": folder / "small.keras", "methods": ["edges"], "number": 6}
    table = run(folder, tmp_path, target="predicted", **arguments)
    network = keras.models.load_model(folder / "small.keras")

    def predict(pictures):
        effusion = network.predict_on_batch(pictures[..., None])[:, 0].astype(float)
        return np.stack([1 - effusion, effusion], axis=1)

    ids = list(tables.read_csv(folder / "manifest.csv")["id"])
    rows = [ids.index(name) for name in ORDER[:6]]
    inputs = mapped.read_inputs(np.load(folder / "images.npy"), rows, 16)
    targets = predict(inputs[..., 0]).argmax(axis=1)
    assert len(set(targets)) == 2
    maps, empty = mapped.scale_maps(cams.edges(inputs, targets), 16)
    expected = faithfulness.advantages(predict, inputs[..., 0], targets, maps, empty)
    np.testing.assert_allclose(table["advantage"], expected.ravel(), atol=1e-4)
    effusions = run(folder, tmp_path, target="effusion", **arguments)["advantage"]
    flipped = np.where(np.repeat(targets, 4) == 1, 1, -1)
    np.testing.assert_allclose(table["advantage"] * flipped, effusions, atol=1e-4)


def test_empty_maps_have_no_advantage(folder, tmp_path):
    """For normal, LayerCAM finds nothing where the network looks."""
    table = run(folder, tmp_path, methods=["layercam"], number=2, target="normal")
    assert table["advantage"].isna().all()
    assert len(table) == 8
