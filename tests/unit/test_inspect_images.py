import os
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import inspect_images
from cxr.errors import UserError
from cxr.images import prepare, read_listed
from xrays import draw

SCRIPTS = Path(__file__).parents[2] / "scripts"
FIGURES = [
    *("examples", "reading", "pixels", "preprocessing", "augmentation", "counts", "activations"),
]
NONE = {"rotation": 0, "shift": 0.0, "flip": False}
SOME = {**NONE, "rotation": 7}
STRANGE = ["$x_1$", "<b>&amp;", "ü" * 100, "\\frac{", "50%", 'n 1\'s "x"']


def write(folder, normal=6, size=64, names=()):
    """Write a data set of six effusions and some normals, and return the script's arguments."""
    random = np.random.default_rng(0)
    labels = [1] * 6 + [0] * normal
    names = [*names, *(f"i{row}" for row in range(len(names), len(labels)))]
    rows, images = [], []
    for row, (label, name) in enumerate(zip(labels, names, strict=True)):
        path = folder / f"{name}.png"
        image = draw(label == 1, size, random)
        cv2.imwrite(str(path), image)
        images.append(prepare(image, 48, "area"))
        rows.append(
            {
                "id": f"i{row}",
                "path": str(path),
                "label": label,
                "class": "effusion" if label else "normal",
                **{"patient": f"p{row // 2}", "age": "", "sex": "", "view": ""},
                **{"width": size, "height": size, "bit_depth": 8, "sha256": "0" * 64},
                **{"mask": "", "subset": ""},
            }
        )
    table = pd.DataFrame(rows)
    table.to_csv(folder / "manifest.csv", index=False)
    subsets = np.resize(["test", "train", "validation"], len(table))
    pd.DataFrame({"id": table["id"], "subset": subsets}).to_csv(folder / "split.csv", index=False)
    np.save(folder / "images.npy", np.stack(images))
    return {
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "images": folder / "images.npy",
        "outputs": {name: folder / f"{name}.figure.png" for name in FIGURES},
        "augmentations": {"lesson": NONE, "small": SOME},
        "resize": "area",
        "dataset": "phantom",
    }


@pytest.mark.parametrize(
    ("names", "size", "normal"), [((), 64, 6), (STRANGE, 33, 1), ((), 600, 60)]
)
def test_every_figure_is_drawn(tmp_path, names, size, normal):
    arguments = write(tmp_path, normal, size, names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        inspect_images.inspect_images(**arguments)
    for name, path in arguments["outputs"].items():
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 300, name
        assert picture.std() > 10, name
    assert not plt.get_fignums()


def test_the_same_bytes_twice(tmp_path):
    arguments = write(tmp_path)
    texts = []
    for _ in range(2):
        inspect_images.inspect_images(**arguments)
        texts.append([path.read_bytes() for path in arguments["outputs"].values()])
    assert texts[0] == texts[1]


def test_only_a_handful_of_images_is_read(tmp_path, monkeypatch):
    arguments = write(tmp_path, normal=100)
    seen = set()
    read = inspect_images.read_listed
    monkeypatch.setattr(inspect_images, "read_listed", lambda path: seen.add(path) or read(path))
    inspect_images.inspect_images(**arguments)
    assert len(seen) == 2 * inspect_images.EXAMPLES + 1
    assert str(tmp_path / "i62.png") in seen  # normal 56, behind six effusions


def test_a_file_that_has_gone_is_named(tmp_path):
    arguments = write(tmp_path)
    (tmp_path / "i0.png").unlink()
    with pytest.raises(UserError, match=r"i0\.png: file not found\. It was fine when"):
        inspect_images.inspect_images(**arguments)


KINDS = {
    "grey": lambda grey: grey,
    "colour": lambda grey: np.dstack([grey] * 3),
    "transparent": lambda grey: np.dstack([grey] * 3 + [np.full_like(grey, 9)]),
    "16-bit": lambda grey: grey.astype(np.uint16) * 200,
    "16-bit colour": lambda grey: np.dstack([grey.astype(np.uint16) * 200] * 3),
}


@pytest.mark.parametrize(
    ("kind", "suffix"), [*((kind, "png") for kind in KINDS), ("grey", "tif"), ("16-bit", "tif")]
)
def test_any_kind_of_file_is_read_in_colour_and_in_grey(tmp_path, kind, suffix):
    grey = draw(True, 40, np.random.default_rng(0))[:30]
    path = tmp_path / f"x.{suffix}"
    cv2.imwrite(str(path), KINDS[kind](grey))
    colour, found = inspect_images.read_colour(path), read_listed(path)
    expected = grey.astype(np.uint16) * 200 if "16" in kind else grey
    assert found.dtype == colour.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(colour, np.dstack([expected] * 3))


def test_colours_come_as_red_green_blue(tmp_path):
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 2] = 200  # OpenCV writes blue, green, red
    cv2.imwrite(str(tmp_path / "x.png"), red)
    assert inspect_images.read_colour(tmp_path / "x.png")[0, 0].tolist() == [200, 0, 0]
    assert read_listed(tmp_path / "x.png")[0, 0] == round(0.299 * 200)


@pytest.mark.parametrize(("count", "rows"), [(1, [0]), (3, [0, 1, 2]), (350, [0, 87, 175, 262])])
def test_examples_are_spread_over_each_class(count, rows):
    table = pd.DataFrame({"class": ["effusion"] * count + ["normal"] * 2})
    chosen = inspect_images.choose_examples(table)
    assert [*chosen["effusion"].index] == rows
    assert [*chosen["normal"].index] == [count, count + 1]


def test_the_first_experiment_that_augments_is_shown():
    words, amounts = inspect_images.choose_augmentation({"lesson": NONE, "a": SOME, "b": {}})
    assert amounts == SOME
    assert words == "as in the experiment a"


def test_the_lessons_exercise_is_shown_where_no_experiment_augments():
    words, amounts = inspect_images.choose_augmentation({"lesson": NONE})
    assert amounts == {"rotation": 20, "shift": 0.2, "zoom": 0.2, "flip": True}
    assert "no experiment of this run augments" in words


def test_variants_are_of_a_training_effusion(tmp_path, monkeypatch):
    arguments = write(tmp_path)
    monkeypatch.setattr(inspect_images.plots, "save", lambda figure, path, dpi: None)
    inspect_images.inspect_images(**arguments)
    figures = [plt.figure(number) for number in plt.get_fignums()]
    (figure,) = [figure for figure in figures if "augmentation" in figure.get_suptitle()]
    original, *variants = [axis.images[0].get_array() for axis in figure.axes]
    np.testing.assert_array_equal(original, np.load(arguments["images"])[1])
    assert len(variants) == 5
    assert all(not np.array_equal(variant, original) for variant in variants)
    assert "rotation ±7°" in figure.get_suptitle()
    plt.close("all")


def test_no_keras_is_needed():
    code = (
        "import sys, inspect_images; "
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & {*sys.modules}"
    )
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
