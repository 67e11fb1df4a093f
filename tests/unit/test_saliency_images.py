import pandas as pd
import pytest

from cxr import tables
from cxr.errors import UserError
from saliency_images import choose_images, saliency_images


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
    assert list(chosen["image_row"]) == [1, 6, 3, 7, 4, 9]
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


def test_the_table_is_written(tmp_path):
    for table, name in zip(make_tables(), ("manifest", "split"), strict=True):
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    output = tmp_path / "saliency.csv"
    saliency_images(tmp_path / "manifest.csv", tmp_path / "split.csv", 3, ["e0"], output)
    table = tables.read_table(output, "saliency")
    assert list(table["id"]) == ["e1", "n0", "e3", "e0"]
    assert list(table["image_row"]) == [1, 6, 3, 0]
    assert list(table["label"]) == [1, 0, 1, 1]
