import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from cxr import tables
from cxr.errors import UserError
from cxr.subsets import SUBSETS, check_subsets, draw_subsets, shorten
from split import split

TARGET = dict(zip(SUBSETS, (0.85 * 0.85, 0.85 * 0.15, 0.15), strict=True))
NIH = Path(__file__).parents[3] / "shared/real/nih/Data_Entry_2017.csv"


def draw(labels, patients=None, seed=42, stratify=True, test=0.15, validation=0.15):
    patients = np.full(len(labels), "", dtype=object) if patients is None else patients
    return draw_subsets(labels, patients, test, validation, seed, stratify)


def worst_share(subsets, labels):
    """Largest distance of a subset's share of a class from what was asked for."""
    return max(
        abs((subsets[labels == label] == subset).mean() - share)
        for label in (0, 1)
        for subset, share in TARGET.items()
    )


def spread(subsets, patients):
    """Largest number of subsets that one patient stands in."""
    known = patients != ""
    return pd.Series(subsets[known]).groupby(patients[known]).nunique().max()


@pytest.fixture
def lesson_labels():
    return np.repeat([1, 0], 350)


def test_without_stratification_the_split_is_the_lessons(lesson_labels):
    subsets = draw(lesson_labels, stratify=False)
    rows = np.arange(700)
    rest, test = train_test_split(rows, test_size=0.15, random_state=42)
    train, validation = train_test_split(rest, test_size=0.15, random_state=42)
    for subset, expected in (("train", train), ("validation", validation), ("test", test)):
        np.testing.assert_array_equal(np.flatnonzero(subsets == subset), np.sort(expected))
    assert [(subsets == subset).sum() for subset in SUBSETS] == [505, 90, 105]
    assert lesson_labels[subsets == "test"].sum() == 60


@pytest.mark.parametrize("seed", [1, 42])
def test_stratified_subsets_hold_half_of_each(lesson_labels, seed):
    subsets = draw(lesson_labels, seed=seed)
    assert [(subsets == subset).sum() for subset in SUBSETS] == [505, 90, 105]
    for subset in SUBSETS:
        assert abs(lesson_labels[subsets == subset].mean() - 0.5) < 0.01


def test_the_seed_decides(lesson_labels):
    patients = np.array([f"p{row // 2}" for row in range(700)], dtype=object)
    for known in (None, patients):
        first, again, other = (draw(lesson_labels, known, seed=seed) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()


@st.composite
def cohorts(draw_value):
    """Labels and patients of 400 to 900 images, at least half of the patients with one image."""
    rng = np.random.default_rng(draw_value(st.integers(0, 2**32 - 1)))
    singles = draw_value(st.integers(200, 400))
    sizes = draw_value(st.lists(st.integers(2, 8), min_size=40, max_size=100))
    sick = draw_value(st.floats(0.3, 0.7))
    mixed = draw_value(st.booleans())
    patients = np.repeat(np.arange(singles + len(sizes)), [1] * singles + sizes)
    labels = rng.random(len(patients)) < sick
    if not mixed:
        labels = (rng.random(singles + len(sizes)) < sick)[patients]
    order = rng.permutation(len(patients))
    return labels[order].astype(int), patients[order].astype(str).astype(object)


@given(cohorts(), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_patients_stay_together_and_shares_hold(cohort, seed):
    labels, patients = cohort
    subsets = draw(labels, patients, seed)
    assert spread(subsets, patients) == 1
    assert worst_share(subsets, labels) <= 0.02


@given(cohorts())
@settings(max_examples=10, deadline=None)
def test_without_stratification_subsets_still_have_their_size(cohort):
    labels, patients = cohort
    subsets = draw(labels, patients, stratify=False)
    assert spread(subsets, patients) == 1
    for subset, share in TARGET.items():
        assert abs((subsets == subset).mean() - share) <= 0.02


def test_an_unknown_patient_is_one_of_their_own(lesson_labels):
    patients = np.full(700, "", dtype=object)
    patients[:40] = "one"
    subsets = draw(lesson_labels, patients)
    assert spread(subsets, patients) == 1
    assert worst_share(subsets, lesson_labels) <= 0.02


@pytest.mark.skipif(not NIH.exists(), reason="needs the real table ../shared/real/nih")
@pytest.mark.parametrize("seed", [1, 2, 42])
def test_real_patients_stay_together_and_shares_hold(seed):
    with NIH.open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    labelled = [
        (int("Effusion" in row[1].split("|")), row[3])
        for row in rows
        if "Effusion" in row[1].split("|") or row[1] == "No Finding"
    ]
    labels, patients = (np.array(column, dtype=object) for column in zip(*labelled, strict=True))
    labels = labels.astype(int)
    subsets = draw(labels, patients, seed)
    assert len(set(patients)) > 100
    assert spread(subsets, patients) == 1
    assert worst_share(subsets, labels) <= 0.02


def manifest(folder, count=40, patient="", **columns):
    """Write manifest.csv with `count` images, half of them effusions, and return its path."""
    labels = np.repeat([1, 0], count // 2)
    table = pd.DataFrame(
        {
            "id": [f"{'ne'[label]}{row}" for row, label in enumerate(labels)],
            "label": labels,
            "class": np.where(labels == 1, "effusion", "normal"),
            "patient": patient,
        }
    ).assign(**columns)
    table.to_csv(folder / "manifest.csv", index=False)
    return folder / "manifest.csv"


def divide(folder, table, likely=(), **options):
    """Write split.csv and return it, by id; `likely` are rows of pairs.csv."""
    output, pairs = folder / "split.csv", folder / "pairs.csv"
    names = tables.columns("pairs")
    pd.DataFrame([dict.fromkeys(names, "") | row for row in likely], columns=names).to_csv(
        pairs, index=False
    )
    arguments = {"test": 0.2, "validation": 0.25, "seed": 42, "stratify": True} | options
    split(manifest=table, pairs=pairs, output=output, **arguments)
    return pd.read_csv(output, dtype=str, keep_default_na=False).set_index("id")


def run(folder, table, **options):
    """Write split.csv and return it as a series of subsets by id."""
    return divide(folder, table, **options)["subset"]


def own_split(folder, table, change=lambda subsets: subsets):
    """Write a correct split file, after a change to its series of subsets by id."""
    ids = pd.read_csv(table, dtype=str, keep_default_na=False)["id"]
    subsets = pd.Series([SUBSETS[row % 3] for row in range(len(ids))], ids, name="subset")
    path = folder / "mine.csv"
    change(subsets).rename_axis("id").to_csv(path)
    return path


def test_split_csv_names_each_image_once_in_the_manifests_order(tmp_path, capsys):
    table = manifest(tmp_path, id=["NA", "null", *(f"i{row:03}" for row in range(38))])
    subsets = run(tmp_path, table)
    assert list(subsets.index[:3]) == ["NA", "null", "i000"]
    assert subsets.value_counts().to_dict() == {"train": 24, "validation": 8, "test": 8}
    assert "test: 8 images, 4 with effusion" in capsys.readouterr().out


def test_patients_of_the_manifest_are_kept_together(tmp_path):
    patients = [f"p{row % 20}" for row in range(40)]
    subsets = run(tmp_path, manifest(tmp_path, patient=patients))
    assert spread(subsets.to_numpy(), np.array(patients, dtype=object)) == 1


def test_an_own_split_file_is_followed_whatever_its_order(tmp_path):
    table = manifest(tmp_path)
    path = own_split(tmp_path, table, lambda subsets: subsets[::-1])
    subsets = run(tmp_path, table, file=path)
    assert list(subsets) == [SUBSETS[row % 3] for row in range(40)]


def test_the_data_sets_own_subsets_are_followed(tmp_path):
    column = [SUBSETS[row % 3] for row in range(40)]
    assert list(run(tmp_path, manifest(tmp_path, subset=column))) == column


@pytest.mark.parametrize("stratify", [True, False])
def test_validation_is_drawn_by_patient_where_a_given_split_has_none(tmp_path, stratify):
    column = ["test" if row % 4 == 0 else "train" for row in range(40)]
    patients = [f"p{row % 4}{row // 8}" for row in range(40)]  # two images each
    table = manifest(tmp_path, subset=column, patient=patients)
    subsets = run(tmp_path, table, validation=0.2, stratify=stratify)
    assert subsets.value_counts().to_dict() == {"train": 24, "test": 10, "validation": 6}
    assert list(subsets == "test") == [name == "test" for name in column]
    assert subsets.groupby(patients).nunique().max() == 1
    other = run(tmp_path, table, validation=0.2, stratify=stratify, seed=1)
    assert list(other) != list(subsets)
    assert list(other == "test") == list(subsets == "test")


def test_a_given_split_without_training_images_is_refused(tmp_path):
    with pytest.raises(UserError, match="train has no effusion image"):
        run(tmp_path, manifest(tmp_path, subset=["test"] * 40))


def test_empty_subset_column_is_no_split(tmp_path):
    assert set(run(tmp_path, manifest(tmp_path, subset=""))) == set(SUBSETS)


def test_partly_filled_subset_column_is_refused(tmp_path):
    column = [SUBSETS[row % 3] if row > 6 else "" for row in range(40)]
    with pytest.raises(UserError) as error:
        run(tmp_path, manifest(tmp_path, subset=column))
    assert "the subset column of the data set" in str(error.value)
    assert "images without a subset: e0, e1, e2, e3, e4 and 2 more" in str(error.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: s.rename("part"), "no column 'subset'"),
        (lambda s: pd.concat([s, s[:2]]), "ids named twice: e0, e1"),
        (lambda s: s.rename({"e3": "x3"}), "ids that manifest.csv lacks: x3"),
        (lambda s: s[:-1], "images without a subset: n39"),
        (lambda s: s.replace("test", "Test"), "column subset: 'Test' (allowed: train,"),
        (lambda s: s.replace("test", ""), "column subset: ''"),
        (lambda s: s.replace("test", "train"), "test has no effusion image; test has no normal"),
    ],
)
def test_mistakes_in_an_own_split_file_are_named(tmp_path, change, expected):
    table = manifest(tmp_path)
    path = own_split(tmp_path, table, change)
    with pytest.raises(UserError) as error:
        run(tmp_path, table, file=path)
    assert expected in str(error.value)
    assert f"split.file: {path}" in str(error.value)
    assert not (tmp_path / "split.csv").exists()


def test_all_mistakes_in_an_own_split_file_are_named_at_once(tmp_path):
    table = manifest(tmp_path)
    path = own_split(tmp_path, table, lambda s: pd.concat([s[:-1], s[:1]]).rename({"e3": "x3"}))
    with pytest.raises(UserError) as error:
        run(tmp_path, table, file=path)
    assert all(word in str(error.value) for word in ("named twice: e0", "lacks: x3", "e3, n39"))


def test_an_empty_split_file_is_named(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("")
    with pytest.raises(UserError, match="the file is empty"):
        run(tmp_path, manifest(tmp_path), file=path)


def test_an_own_split_that_shares_a_patient_is_refused(tmp_path):
    table = manifest(tmp_path, patient=["p7", "p7", *(f"q{row}" for row in range(38))])
    with pytest.raises(UserError, match=r"more than one subset: p7 \(train, validation\)\."):
        run(tmp_path, table, file=own_split(tmp_path, table))


def test_too_few_images_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"2 images are too few to draw split\.test 0\.2"):
        run(tmp_path, manifest(tmp_path, count=2))


def test_a_drawn_subset_without_both_classes_is_refused(tmp_path):
    table = manifest(tmp_path, count=40, patient=["p1"] * 20 + ["p2"] * 20)
    with pytest.raises(UserError, match=r"the drawn split: .*has no .* image") as error:
        run(tmp_path, table)
    assert "40 images in all" in str(error.value)


def test_sound_subsets_pass():
    table = pd.DataFrame({"class": ["effusion", "normal"] * 3, "patient": ["", "", *"aabb"]})
    check_subsets(table, np.repeat(np.array(SUBSETS, dtype=object), 2), "the split")


@pytest.mark.parametrize(("count", "text"), [(1, "0"), (3, "0, 1, 2"), (5, "0, 1, 2 and 2 more")])
def test_long_lists_are_cut(count, text):
    assert shorten([str(value) for value in range(count)], limit=3) == text


# --- cross-validation -----------------------------------------------------------------------


def test_without_a_test_subset_every_image_is_held_out_once(tmp_path):
    table = divide(tmp_path, manifest(tmp_path), test=0, folds=4)
    assert set(table["subset"]) == {"oof"}
    assert table["fold"].value_counts().to_dict() == dict.fromkeys("1234", 10)


def test_the_test_subset_is_that_of_the_hold_out_split(tmp_path):
    held_out = run(tmp_path, manifest(tmp_path))
    table = divide(tmp_path, manifest(tmp_path), folds=4)
    np.testing.assert_array_equal(held_out == "test", table["subset"] == "test")
    tested = table["subset"] == "test"
    assert set(table.loc[tested, "fold"]) == set(table.loc[tested, "validates"]) == {""}
    assert set(table.loc[~tested, "fold"]) == set("1234")


def test_folds_keep_patients_and_suspected_persons_together(tmp_path):
    patients = [f"p{row // 2}" if row % 4 < 2 else "" for row in range(40)]
    likely = [
        {"first": "e2", "second": "n30", "kind": "same-person", "patients": "unknown"},
        {"first": "n30", "second": "n31", "kind": "near-duplicate", "patients": "unknown"},
    ]
    likely = [row | {"likeness": 0.9, "correlation": 0.9, "mirrored": 0} for row in likely]
    table = divide(tmp_path, manifest(tmp_path, patient=patients), likely, test=0, folds=4)
    known = np.array(patients, dtype=object)
    assert spread(table["fold"].to_numpy(), known) == 1
    assert table.loc[["e2", "n30", "n31"], "fold"].nunique() == 1
    assert table.loc[["e2", "n30", "n31"], "validates"].nunique() == 1


def test_an_own_files_folds_are_followed(tmp_path):
    table = manifest(tmp_path)
    ids = pd.read_csv(table)["id"]
    own = pd.DataFrame({"id": ids, "subset": "oof", "fold": ["1", "2"] * 20})
    own.loc[own["id"] == "e0", ["subset", "fold"]] = ["test", ""]
    own.loc[own["id"] == "n20", ["subset", "fold"]] = ["test", ""]
    own.to_csv(tmp_path / "mine.csv", index=False)
    found = divide(tmp_path, table, file=tmp_path / "mine.csv", folds=2)
    assert list(found["fold"]) == list(own["fold"])
    assert list(found["subset"]) == list(own["subset"])
    with pytest.raises(UserError, match=r"its folds are 1, 2, those of split\.folds are 1 to 3"):
        divide(tmp_path, table, file=tmp_path / "mine.csv", folds=3)
    with pytest.raises(UserError, match=r"set split\.folds in the config"):
        divide(tmp_path, table, file=tmp_path / "mine.csv")


def test_a_fold_without_both_classes_is_refused(tmp_path):
    patients = ["p1"] * 20 + [f"q{row}" for row in range(20)]
    with pytest.raises(UserError, match=r"the drawn split: fold \d has no effusion image"):
        divide(tmp_path, manifest(tmp_path, patient=patients), test=0, folds=4)


def test_identical_images_in_two_subsets_are_refused(tmp_path):
    table = manifest(tmp_path)
    copies = {"first": "e0", "second": "e1", "kind": "identical", "patients": "unknown"}
    copies |= {"likeness": 1, "correlation": 1, "mirrored": 0}
    path = own_split(tmp_path, table)
    with pytest.raises(UserError, match=r"identical images in different subsets: e0 = e1"):
        divide(tmp_path, table, [copies], file=path)
    found = divide(tmp_path, table, [copies], file=path, allow_leakage=True)
    assert list(found["subset"][:2]) == ["train", "validation"]
