import pandas as pd
import pytest

from cxr import tables
from cxr.errors import UserError
from cxr.predictions import read_split
from saliency_images import choose_images, saliency_images


@pytest.fixture
def paths(tmp_path):
    """manifest.csv and split.csv: six effusions and four normal images, three of each to test."""
    ids = [f"e{i}" for i in range(6)] + [f"n{i}" for i in range(4)]
    manifest = pd.DataFrame({"id": ids, "label": ["1"] * 6 + ["0"] * 4})
    test = {"e1", "e3", "e4", "n0", "n1", "n3"}
    subset = ["test" if name in test else "train" for name in ids]
    manifest.to_csv(tmp_path / "manifest.csv", index=False)
    pd.DataFrame({"id": ids, "subset": subset}).to_csv(tmp_path / "split.csv", index=False)
    return tmp_path / "manifest.csv", tmp_path / "split.csv"


@pytest.fixture
def table(paths):
    return read_split(*paths)


def test_classes_take_turns_in_the_manifests_order(table):
    chosen = choose_images(table, 6, [])
    assert list(chosen["id"]) == ["e1", "n0", "e3", "n1", "e4", "n3"]
    assert list(chosen["image_row"]) == [1, 6, 3, 7, 4, 9]
    assert list(choose_images(table, 3, [])["id"]) == ["e1", "n0", "e3"]


def test_a_class_that_runs_out_leaves_its_turns_to_the_other(table):
    table.loc[table["id"].isin(["n1", "n3"]), "subset"] = "validation"
    assert list(choose_images(table, 10, [])["id"]) == ["e1", "n0", "e3", "e4"]


def test_asked_for_images_of_any_subset_follow_once(table):
    chosen = choose_images(table, 2, ["n2", "e1", "e0", "n2"])
    assert list(chosen["id"]) == ["e1", "n0", "n2", "e0"]
    assert list(chosen["subset"]) == ["test", "test", "train", "train"]
    assert list(choose_images(table, 0, ["e5"])["id"]) == ["e5"]


def test_an_unknown_id_is_named_with_what_to_do(table):
    with pytest.raises(UserError, match=r"saliency\.ids .*: e9, 13005\nTake them .* quotes"):
        choose_images(table, 2, ["e0", "e9", "13005"])


def test_the_table_is_written(paths, tmp_path):
    output = tmp_path / "saliency.csv"
    saliency_images(*paths, None, 3, ["e0"], output)
    table = tables.read_table(output, "saliency")
    assert list(table["id"]) == ["e1", "n0", "e3", "e0"]
    assert list(table["image_row"]) == [1, 6, 3, 0]
    assert list(table["label"]) == [1, 0, 1, 1]
