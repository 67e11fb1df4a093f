import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.errors import UserError
from cxr.subsets import SUBSETS, check_copies, draw_subsets
from cxr.together import groups, kept_together, reunite, split_groups, straddling


def pairs_of(*rows):
    return pd.DataFrame(rows, columns=["first", "second", "kind", "patients"])


@st.composite
def drawn(draw):
    """Labels, a split and groups of 60 to 300 images, a tenth of them in groups of 2 to 4."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(60, 300))
    labels = (rng.random(count) < 0.5).astype(int)
    subsets = rng.choice(SUBSETS, count, p=[0.7, 0.15, 0.15]).astype(object)
    names = np.full(count, "", dtype=object)
    grouped = rng.permutation(count)[: count // 10]
    sizes = draw(st.integers(2, 4))
    names[grouped] = [f"g{place // sizes}" for place in range(len(grouped))]
    return subsets, labels, names


@given(drawn(), st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_reunited_groups_stand_in_one_subset_and_counts_stay(split, seed):
    subsets, labels, names = split
    mended = reunite(subsets, labels, names, SUBSETS, seed)
    spread = pd.Series(mended[names != ""]).groupby(names[names != ""]).nunique()
    assert (spread == 1).all()
    pd.testing.assert_frame_equal(pd.crosstab(mended, labels), pd.crosstab(subsets, labels))
    np.testing.assert_array_equal(mended, reunite(subsets, labels, names, SUBSETS, seed))


def test_only_groups_and_those_they_change_places_with_move():
    subsets = np.array(["train"] * 20 + ["validation"] * 5 + ["test"] * 5, dtype=object)
    labels = np.tile([0, 1], 15)
    names = np.full(30, "", dtype=object)
    names[[1, 29]] = "a"
    names[[22, 28]] = "b"
    mended = reunite(subsets, labels, names, SUBSETS, seed=1)
    assert mended[29] == "train"
    assert mended[28] == "validation"
    moved = np.flatnonzero(mended != subsets)
    assert len(moved) == 4
    assert sorted(labels[moved]) == sorted(labels[[28, 28, 29, 29]])


def test_a_group_moves_alone_where_nobody_can_change_places():
    subsets = np.array(["train", "train", "test"], dtype=object)
    names = np.array(["a", "", "a"], dtype=object)
    mended = reunite(subsets, np.array([1, 0, 1]), names, SUBSETS, seed=1)
    assert list(mended) == ["train", "train", "train"]


def test_no_groups_no_change():
    subsets = np.array(["test", "train", "validation"], dtype=object)
    alone = np.full(3, "", dtype=object)
    np.testing.assert_array_equal(reunite(subsets, np.array([0, 1, 0]), alone, SUBSETS, 1), subsets)


@pytest.mark.parametrize("stratify", [True, False])
def test_the_lessons_counts_stay_when_pairs_are_kept_together(stratify):
    labels, unknown = np.repeat([1, 0], 350), np.full(700, "", dtype=object)
    names = unknown.copy()
    for row in range(0, 60, 2):
        names[[row, 699 - row]] = f" i{row}"
    plain = draw_subsets(labels, unknown, 0.15, 0.15, 42, stratify)
    mended = draw_subsets(labels, unknown, 0.15, 0.15, 42, stratify, names)
    assert [(mended == subset).sum() for subset in SUBSETS] == [505, 90, 105]
    pd.testing.assert_frame_equal(pd.crosstab(mended, labels), pd.crosstab(plain, labels))
    assert pd.Series(mended[names != ""]).groupby(names[names != ""]).nunique().max() == 1


def test_groups_follow_patients_and_pairs_however_indirect():
    ids = np.array(list("abcdefgh"))
    patients = np.array(["p", "", "", "q", "q", "", "", "r"], dtype=object)
    pairs = pairs_of(("a", "b", "", ""), ("b", "c", "", ""), ("f", "g", "", ""))
    assert list(groups(ids, patients, pairs)) == ["p", "p", "p", "q", "q", " f", " f", "r"]
    joined = pd.concat([pairs, pairs_of(("c", "e", "", ""))])
    assert list(groups(ids, patients, joined)) == ["p"] * 5 + [" f", " f", "r"]


def test_without_patients_and_pairs_nobody_is_in_a_group():
    assert set(groups(np.array(["a", "b"]), np.array(["", ""], dtype=object), pairs_of())) == {""}


PAIRS = pairs_of(
    ("a", "b", "identical", "different"),
    ("a", "c", "near-duplicate", "unknown"),
    ("a", "d", "same-person", "unknown"),
    ("a", "e", "same-person", "different"),
    ("a", "f", "resembling", "unknown"),
)


@pytest.mark.parametrize(
    ("together", "expected"),
    [("suspected", "bcd"), ("duplicates", "bc"), ("patients", ""), ("images", "")],
)
def test_the_config_says_which_pairs_are_kept(together, expected):
    assert "".join(kept_together(PAIRS, together)["second"]) == expected


def test_image_by_image_even_patients_are_left_aside():
    manifest = pd.DataFrame({"id": list("abcdef"), "patient": ["p", "p", "", "", "", ""]})
    assert set(split_groups(manifest, PAIRS, "images")) == {""}
    assert list(split_groups(manifest, PAIRS, "patients")) == ["p", "p", "", "", "", ""]


def test_identical_images_in_two_parts_are_refused_and_others_are_not():
    parts = pd.Series(["train", "test", "test", "test", "test", "test"], list("abcdef"))
    assert straddling(PAIRS, parts).all()
    with pytest.raises(UserError, match=r"my split: identical images .* a = b\..*allow_leakage"):
        check_copies(PAIRS, parts, "my split")
    check_copies(PAIRS[1:], parts, "my split")
    check_copies(PAIRS, parts.replace("train", "test"), "my split")
