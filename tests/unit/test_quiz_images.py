import numpy as np
import pandas as pd
import pytest

from cxr import tables
from quiz_images import choose_questions, quiz_images


def held(effusions, normals, patients=None):
    """A table of test images, effusions first, and as many that train."""
    labels = [1] * effusions + [0] * normals
    table = pd.DataFrame({"id": [f"i{row}" for row in range(2 * len(labels))]})
    table["label"] = labels * 2
    table["subset"] = ["test"] * len(labels) + ["train"] * len(labels)
    return table.assign(patient=patients or "")


def test_held_out_images_are_drawn_once_each():
    table = held(30, 30)
    chosen = choose_questions(table, 10, seed=1)
    assert len(chosen) == 10
    assert chosen["id"].is_unique
    assert set(chosen["subset"]) == {"test"}


def test_the_same_seed_asks_the_same_and_another_seed_something_else():
    table = held(30, 30)
    first = choose_questions(table, 10, seed=1)
    assert list(first["id"]) == list(choose_questions(table, 10, seed=1)["id"])
    assert list(first["id"]) != list(choose_questions(table, 10, seed=2)["id"])


def test_more_questions_begin_as_fewer_do():
    table = held(30, 30)
    few, many = (list(choose_questions(table, number, seed=3)["id"]) for number in (5, 20))
    assert many[:5] == few


def test_the_class_is_a_coin_flip_however_common_it_is():
    table = held(400, 20)
    shares = [choose_questions(table, 10, seed=seed)["label"].mean() for seed in range(200)]
    assert np.mean(shares) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(2000))
    assert np.std(shares) == pytest.approx(0.5 / np.sqrt(10), rel=0.2)  # not half in each quiz


def test_every_image_of_a_class_can_come():
    table = held(5, 5)
    seen = {name for seed in range(60) for name in choose_questions(table, 3, seed)["id"]}
    assert seen == {f"i{row}" for row in range(10)}


def test_no_patient_comes_twice():
    patients = [f"p{row // 3}" for row in range(30)] * 2
    table = held(15, 15, patients)
    chosen = choose_questions(table, 30, seed=1)
    assert sorted(chosen["patient"]) == sorted(set(patients))


def test_a_class_that_has_run_out_leaves_its_turns_to_the_other():
    chosen = choose_questions(held(2, 9), 10, seed=1)
    assert sorted(chosen["label"]) == [0] * 8 + [1] * 2
    assert len(choose_questions(held(2, 9), 100, seed=1)) == 11


def test_the_table_is_one_that_maps_can_be_made_for(tmp_path):
    table = held(6, 6)
    table.to_csv(tmp_path / "manifest.csv", columns=["id", "label", "patient"], index=False)
    table.to_csv(tmp_path / "split.csv", columns=["id", "subset"], index=False)
    output = tmp_path / "quiz.csv"
    quiz_images(tmp_path / "manifest.csv", tmp_path / "split.csv", None, 4, 1, output)
    written = tables.read_table(output, "saliency")
    assert list(written["id"]) == list(choose_questions(table, 4, 1)["id"])
    assert list(written["id"]) == [f"i{row}" for row in written["image_row"]]


def test_of_a_cross_validation_the_folds_own_images_are_asked_about(tmp_path):
    ids = [f"i{row}" for row in range(12)]
    manifest = pd.DataFrame({"id": ids, "label": [0, 1] * 6, "patient": ""})
    split = pd.DataFrame({"id": ids, "subset": "oof", "fold": [1, 1, 2, 2] * 3, "validates": ""})
    manifest.to_csv(tmp_path / "manifest.csv", index=False)
    split.to_csv(tmp_path / "split.csv", index=False)
    quiz_images(tmp_path / "manifest.csv", tmp_path / "split.csv", 2, 20, 1, tmp_path / "quiz.csv")
    written = tables.read_table(tmp_path / "quiz.csv", "saliency")
    assert set(written["id"]) == set(split.loc[split["fold"] == 2, "id"])
    assert set(written["subset"]) == {"oof"}
