import html
import json
import re

import numpy as np
import pandas as pd
import pytest

from cxr.tables import read_table
from explore import columns, flags, mapped
from explorers import (
    COUNT,
    DOUBTED,
    FEATURES,
    LABELS,
    PROBABILITIES,
    SUBSETS,
    draw_explorer,
    write_explorer,
    write_explorer_files,
)
from quizzes import HOSTILE


def held(page):
    """The data within the page."""
    return json.loads(re.search(r'<script id="data" [^>]*>(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    files = write_explorer_files(tmp_path_factory.mktemp("explore") / "files")
    draw_explorer(files)
    return files


@pytest.fixture(scope="module")
def page(folder):
    return write_explorer(folder, "phantom").read_text()


def test_the_page_holds_every_image_with_what_is_known_of_it(page, folder):
    data = held(page)
    manifest = read_table(folder / "manifest.csv", "manifest")
    for name in ("id", "path", "label", "patient", "sex", "view", "width", "sha256"):
        assert data["images"][name] == [*manifest[name]]
    assert data["images"]["age"] == [None if np.isnan(age) else age for age in manifest["age"]]
    assert data["images"]["probability"] == [*PROBABILITIES]
    assert data["images"]["subset"] == [*np.resize(SUBSETS, COUNT)]
    assert data["images"]["prescribed_subset"] == [""] * COUNT
    assert data["threshold"] == 0.5
    assert data["held"] == "test"
    assert data["subsets"] == {"train": "training", "validation": "validation", "test": "test"}


def test_probabilities_are_joined_by_id(folder):
    manifest = read_table(folder / "manifest.csv", "manifest")
    asked = read_table(folder / "predictions.csv", "predictions")[::-1]
    assert columns(manifest, asked)["probability"] == [*PROBABILITIES]


def test_the_nearest_images_are_named_with_their_distance(page):
    data = held(page)
    scaled = FEATURES / FEATURES.std(axis=0)
    between = np.linalg.norm(scaled[:, None] - scaled[None], axis=2)
    np.fill_diagonal(between, np.inf)
    assert data["neighbours"] == np.argsort(between, axis=1)[:, :6].tolist()
    ratio = np.array(data["distances"]) / np.sort(between, axis=1)[:, :6]
    assert ratio.std() / ratio.mean() < 0.02  # one unit for all, but for rounding


def test_flags_say_what_to_look_at(page):
    assert held(page)["flags"] == {
        "label doubted": [int(name[1:]) for name in DOUBTED],
        "likely copy": [3, 5],
        "suspected same person": [6, 7],  # not 8 and 9, who are known to be one
        "burned in": [12],
        "lateral": [12],
    }
    assert [pair[:3] for pair in held(page)["pairs"]] == [
        [3, 5, "near-duplicate"],
        [6, 7, "same-person"],
        [8, 9, "same-person"],
    ]


def test_a_flag_that_no_image_has_is_left_out():
    manifest = pd.DataFrame({"id": ["a"]})
    pairs = pd.DataFrame(columns=["first", "second", "kind", "patients"])
    assert flags(manifest, [], pairs, {"a": 0}) == {}


def test_maps_are_told_with_their_target_and_empty_ones_without(page):
    tested = [row for row in range(COUNT) if SUBSETS[row % 6] == "test"]
    expected = {str(row): "" if row == 3 else "effusion" for row in tested}
    assert held(page)["maps"] == {"gradcam": expected, "edges": expected}


def test_methods_have_maps_of_their_own():
    table = pd.DataFrame({"id": ["b", "a"], "method": ["x", "y"], "target": "normal", "empty": 0})
    found = mapped(table, ["x", "y"], {"a": 0, "b": 1})
    assert found == {"x": {1: "normal"}, "y": {0: "normal"}}


def test_known_effusions_can_be_outlined(page):
    assert held(page)["outlined"] == [row for row in range(COUNT) if LABELS[row]]


def test_each_method_comes_with_its_verdict(page):
    gradcam, edges = held(page)["methods"]
    assert gradcam["verdict"].startswith("Passes 1 of 3 checks of the audit; fails:")
    assert edges["verdict"].startswith("A control that knows nothing of the network")


def test_the_page_says_what_it_must(page, tmp_path):
    assert "Research and teaching only: not a medical device." in page
    assert "<strong>Phantoms</strong>" in page
    files = write_explorer_files(tmp_path / "other")
    draw_explorer(files)
    assert "Phantoms" not in write_explorer(files).read_text()


def test_the_page_takes_pictures_from_its_folder_and_asks_for_nothing_else(page):
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', page)[1])
    assert "default-src 'none'; img-src 'self' file:;" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert not re.search(r"<link|<script [^>]*src=|@import", page)


def test_the_same_files_make_the_same_page(folder, page):
    assert write_explorer(folder, "phantom").read_text() == page


def test_hostile_names_do_not_end_the_data(tmp_path):
    files = write_explorer_files(tmp_path / "files", HOSTILE, "</script><b>{}")
    draw_explorer(files)
    page = write_explorer(files).read_text()
    assert HOSTILE in held(page)["images"]["path"][0]
    assert held(page)["images"]["patient"][2] == "</script><b>1"
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img src=x" not in page
