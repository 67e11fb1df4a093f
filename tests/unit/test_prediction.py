import re

import pytest

from cxr.config import SCHEMA
from cxr.config.prediction import check_prediction, named_after, trained_here
from cxr.config.problems import Problems
from cxr.errors import UserError

CONFIG = {"datasets": {"phantom": {}, "mine": {}}, "experiments": {"lesson": {}, "pleura": {}}}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/home/me/X-rays", "x-rays"),
        ("ward 3/Fräulein Ä (2).dcm", "fr-ulein-2"),
        ("xrays/", "xrays"),
        ("scan.tar.gz", "scan-tar"),
        ("/", "images"),
        ("äöü", "images"),
        ("-_-", "images"),
        ("a" * 70, "a" * 64),
        ("a" * 63 + " b", "a" * 63),
    ],
)
def test_a_name_is_made_of_the_path(path, name):
    assert named_after(path) == name
    assert re.search(SCHEMA["properties"]["name"]["pattern"], name)


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("results/phantom/pleura/seed-42/model.keras", True),
        ("results/mine/lesson/seed-1/fold-2/model.keras", True),
        ("results/other/lesson/seed-1/model.keras", False),
        ("results/mine/other/seed-1/model.keras", False),
        ("results/mine/lesson/seed-1/control/model.keras", False),
        ("results/mine/lesson/control/permutation-1/model.keras", False),
        ("../results/mine/lesson/seed-1/model.keras", False),
    ],
)
def test_a_network_that_is_trained_here_need_not_be_there(path, ours):
    assert trained_here(path, CONFIG) == ours


def problems(root, **given):
    found = Problems()
    check_prediction(CONFIG | {"input": None, "model": None} | given, root, found)
    try:
        found.raise_if_any()
    except UserError as error:
        return str(error).splitlines()[1:]
    return []


@pytest.fixture
def xrays(tmp_path):
    folder = tmp_path / "xrays" / "ward"
    folder.mkdir(parents=True)
    (folder / "1.PNG").touch()  # whether it can be read is for the job to say
    return tmp_path / "xrays"


def test_an_image_or_a_folder_that_holds_one_is_fine(tmp_path, xrays):
    assert problems(tmp_path, input="xrays") == []
    assert problems(tmp_path, input=str(xrays / "ward" / "1.PNG")) == []
    (xrays / "ward" / "1.PNG").rename(xrays / "1.jfif")
    assert problems(tmp_path, input=str(xrays / "1.jfif")) == []  # named by the user


@pytest.mark.parametrize("name", ["notes.txt", ".hidden.png", "DICOMDIR", "1.2.840"])
def test_a_folder_without_an_image_is_refused(tmp_path, name):
    (tmp_path / "xrays").mkdir()
    (tmp_path / "xrays" / name).touch()
    (line,) = problems(tmp_path, input="xrays")
    assert line.startswith('  input: found "xrays"; ')
    assert "holds no image; put PNG, JPEG, TIFF, BMP or DICOM files there" in line


@pytest.mark.parametrize("path", ["nowhere", "a\0b", "x" * 5000, "two\nlines"])
def test_a_path_to_nothing_is_refused_in_one_line(tmp_path, path):
    for key in ("input", "model"):
        (line,) = problems(tmp_path, **{key: path})
        assert line.startswith(f"  {key}: found ")


def test_a_model_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "model.keras").write_text("no zip")
    (line,) = problems(tmp_path, model="model.keras")
    assert "is no network that pleura trained" in line
    (tmp_path / "folder").mkdir()
    (line,) = problems(tmp_path, model="folder")
    assert "there is no file" in line


def test_a_network_of_the_workflow_is_not_looked_at(tmp_path):
    assert problems(tmp_path, model="results/mine/lesson/seed-1/model.keras") == []
    assert problems(tmp_path, model=str(tmp_path / "results/mine/lesson/seed-1/model.keras")) == []
