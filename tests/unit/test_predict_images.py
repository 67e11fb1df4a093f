import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from test_training import THREADS

from cxr.config import load
from cxr.errors import UserError
from cxr.tables import read_table
from dicoms import dicom
from models import SUBSETS, train_model
from predict_images import list_images, predict_images
from xrays import draw

ROOT = Path(__file__).resolve().parents[2]
CONFIG = load(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), ROOT)
TESTED = SUBSETS.count("test")


def recipe(experiment, **changes):
    """The experiment of config.yaml, for a moment of training."""
    short = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 8, "threads": THREADS}
    return CONFIG["experiments"][experiment] | short | changes


def predict(source, model, folder, beside=("metrics", "reference")):
    """predictions.csv of the images at `source`, written to a new folder."""
    folder.mkdir()
    given = {name: model.with_name(f"{name}.json") for name in beside}
    predict_images(
        source=str(source),
        model=model,
        metrics=given.get("metrics"),
        reference=given.get("reference"),
        target="effusion",
        layer=None,
        memory=500,
        threads=2,
        output=folder / "predictions.csv",
        xrays=folder / "xrays",
        overlays=folder / "overlays",
    )
    return read_table(folder / "predictions.csv", "predicted")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return train_model(tmp_path_factory.mktemp("model"), recipe("pleura", input_size=32), 64)


# --- the same as in training --------------------------------------------------------------


@pytest.mark.parametrize(
    ("experiment", "size", "resize", "changes"),
    [
        ("lesson", 64, "bilinear", {}),
        ("lesson", 80, "area", {}),
        ("pleura", 64, "area", {"input_size": 32, "test_flip": True}),
        ("pleura", 72, "bilinear", {"input_size": 50, "head": "average_max", "dense": [8]}),
    ],
)
def test_the_test_images_get_the_probabilities_of_training(
    tmp_path, experiment, size, resize, changes
):
    given = train_model(tmp_path / "run", recipe(experiment, **changes), size, resize)
    found = predict(tmp_path / "run", given, tmp_path / "new").set_index("id")
    known = read_table(given.with_name("predictions.csv"), "predictions").set_index("id")
    known = known[known["subset"] == "test"]
    assert len(found) == 40
    assert len(known) == TESTED
    np.testing.assert_allclose(
        found.loc[known.index, "probability"], known["probability"], atol=1e-6
    )
    assert known["probability"].nunique() > 1


def test_a_model_carried_elsewhere_predicts_the_same(model, tmp_path):
    here = predict(model.parent / "normal", model, tmp_path / "here")
    elsewhere = tmp_path / "usb stick"
    elsewhere.mkdir()
    for name in ("model.keras", "metrics.json", "reference.json"):
        shutil.copy(model.with_name(name), elsewhere)
    there = predict(model.parent / "normal", elsewhere / "model.keras", tmp_path / "there")
    assert here.equals(there)


def test_the_threshold_is_that_of_the_metrics(model, tmp_path):
    table = predict(model.parent / "normal", model, tmp_path / "half")
    middle = table["probability"].median()
    moved = tmp_path / "moved"
    shutil.copytree(model.parent, moved, ignore=shutil.ignore_patterns("*.npy", "normal"))
    (moved / "metrics.json").write_text(f'{{"threshold": {middle}}}')
    found = predict(model.parent / "normal", moved / model.name, tmp_path / "found")
    called = np.where(table["probability"] >= middle, "effusion", "normal")
    assert list(found["prediction"]) == list(called)
    assert set(called) == {"effusion", "normal"}
    assert list(table["prediction"]) == list(
        np.where(table["probability"] >= 0.5, "effusion", "normal")
    )


# --- which images -------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path):
    """Images of each kind, whole and broken, in folders, with names as people give them."""
    folder = tmp_path / "mixed"
    random = np.random.default_rng(1)
    for name in ("10.png", "9.jpg", "a/x.tif", "b/x.bmp", "b/c/Ärger <b>.png", ".hidden.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(path.suffix, draw(True, 96, random))[1].tobytes())
    pixels = draw(False, 96, random)
    (folder / "1.2.840.113619").write_bytes(dicom(pixels))
    (folder / "side.dcm").write_bytes(dicom(pixels, ViewPosition="LL"))
    (folder / "broken.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes()[:-30])
    (folder / "constant.png").write_bytes(cv2.imencode(".png", 0 * pixels)[1].tobytes())
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("no image")
    (folder / "line\nbreak.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return folder


def test_every_image_is_a_row_and_broken_ones_say_why(model, mixed, tmp_path):
    table = predict(mixed, model, tmp_path / "new").set_index("image")
    assert list(table.index) == [
        "1.2.840.113619",
        "9.jpg",
        "10.png",
        "a/x.tif",
        "b/c/Ärger <b>.png",
        "b/x.bmp",
        "broken.png",
        "constant.png",
        "empty.jpg",
        "line\\x0abreak.png",
        "side.dcm",
    ]
    unused = table[table["prediction"] == ""]
    assert list(unused.index) == ["broken.png", "constant.png", "empty.jpg"]
    assert unused["probability"].isna().all()
    assert unused["distance"].isna().all()
    assert unused["warning"].str.startswith("cannot be read: ").all()
    used = table.drop(unused.index)
    assert used["probability"].between(0, 1).all()
    assert used["distance"].gt(0).all()
    assert "a lateral view" in table.loc["side.dcm", "warning"]


def test_pictures_bear_the_ids_of_their_images(model, mixed, tmp_path):
    table = predict(mixed, model, tmp_path / "new")
    assert table["id"].is_unique
    assert all(re.fullmatch("[A-Za-z0-9._-]+", name) for name in table["id"])
    used = table[table["prediction"] != ""]
    found = {path.stem for path in (tmp_path / "new/xrays").iterdir()}
    assert found == {*used["id"]}
    over = {path.stem for path in (tmp_path / "new/overlays").iterdir()}
    assert over
    assert over <= found
    for name in over:
        one = cv2.imread(str(tmp_path / "new/xrays" / f"{name}.png"))
        other = cv2.imread(str(tmp_path / "new/overlays" / f"{name}.png"))
        assert one.shape == other.shape
        assert (one != other).any()


def test_a_single_image_is_a_row(model, tmp_path):
    table = predict(model.parent / "normal" / "n3.png", model, tmp_path / "new")
    assert list(table["image"]) == ["n3.png"]


def test_an_image_that_has_gone_is_a_row(model, tmp_path):
    table = predict(tmp_path / "gone.png", model, tmp_path / "new")
    assert list(table["warning"]) == ["cannot be read: file not found"]


def test_more_images_than_are_seen_at_a_time_keep_their_order(model, tmp_path):
    """40 images and 32 at a time, of which every other one is broken."""
    folder = tmp_path / "many"
    shutil.copytree(model.parent / "normal", folder)
    for i in range(20):
        (folder / f"x{i}.png").touch()
        shutil.copy(model.parent / "effusion" / f"e{i}.png", folder / f"y{i}.png")
    alone = predict(model.parent / "effusion", model, tmp_path / "alone")
    table = predict(folder, model, tmp_path / "new")
    assert list(table["id"]) == [f"{kind}{i}" for kind in "nxy" for i in range(20)]
    np.testing.assert_allclose(table["probability"][40:], alone["probability"], atol=1e-6)
    assert table["probability"][20:40].isna().all()


def test_names_that_clash_get_their_folders(tmp_path):
    for name in ("a b/1.png", "c/1.png", "c/2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list(list_images(str(tmp_path))["id"]) == ["a_b-1", "c-1", "2"]


# --- what is said -------------------------------------------------------------------------


def test_unrelated_pictures_are_flagged(model, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (96, 96), dtype=np.uint8)
    colours = random.integers(0, 256, (96, 200, 3), dtype=np.uint8)
    page = np.full((96, 96), 255, np.uint8)
    cv2.putText(page, "text", (5, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 2)
    for name, pixels in {"noise": noise, "colours": colours, "page": page}.items():
        cv2.imwrite(str(folder / f"{name}.png"), pixels)
    cv2.imwrite(str(folder / "tiny.png"), noise[:20, :20])
    said = predict(folder, model, tmp_path / "new").set_index("id")["warning"]
    assert said["noise"] == said["page"] == "does not look like a whole frontal chest X-ray"
    assert said["colours"].split("; ")[:2] == [
        "in colour, as X-rays are not",
        "unusual shape: 200 x 96 pixels, squeezed into a square",
    ]
    assert said["tiny"].startswith("too small: 20 x 20 pixels, the network sees 32 x 32; ")


def test_without_a_reference_each_row_says_that_nobody_checked(model, tmp_path):
    checked = predict(model.parent / "normal", model, tmp_path / "checked")
    table = predict(model.parent / "normal", model, tmp_path / "new", beside=["metrics"])
    assert table["warning"].str.startswith("not checked: ").all()
    assert table["distance"].isna().all()
    assert table["probability"].equals(checked["probability"])


def test_a_foreign_model_is_refused_before_anything_is_written(model, tmp_path):
    shutil.copy(model.with_name("images.npy"), tmp_path / "model.keras")
    with pytest.raises(UserError, match="no network that pleura trained"):
        predict(model.parent / "normal", tmp_path / "model.keras", tmp_path / "new")
    assert not [*(tmp_path / "new").iterdir()]
