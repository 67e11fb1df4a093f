import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.folds import draw_folds, draw_validation, parts, subsets_in


@st.composite
def cohorts(draw):
    """Labels and groups of 100 to 300 images, three to a group at most, and a number of folds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(100, 300))
    labels = rng.permutation(np.arange(count) % 2)
    groups = rng.integers(0, count // 2, count).astype(str).astype(object)
    return labels, groups, draw(st.integers(2, 6))


@given(cohorts(), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_folds_are_of_like_size_and_part_no_group(cohort, seed):
    labels, groups, count = cohort
    fold = draw_folds(labels, groups, count, seed, stratify=True)
    assert set(fold) == set(range(1, count + 1))
    assert pd.Series(fold).groupby(groups).nunique().max() == 1
    for label in (0, 1):
        sizes = np.bincount(fold[labels == label], minlength=count + 1)[1:]
        assert np.ptp(sizes) <= 6


@given(cohorts(), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_each_fold_validates_on_what_it_may_learn_from(cohort, seed):
    labels, groups, count = cohort
    fold = draw_folds(labels, groups, count, seed, stratify=True)
    validates = draw_validation(labels, groups, fold, 0.15, seed, stratify=True)
    for number in range(1, count + 1):
        used = subsets_in(np.full(len(labels), "oof"), fold.astype(str), validates, number)
        np.testing.assert_array_equal(used == "oof", fold == number)
        assert pd.Series(used).groupby(groups).nunique().max() == 1
        rest = used != "oof"
        assert abs((used == "validation").sum() / rest.sum() - 0.15) < 0.06
        assert set(labels[used == "validation"]) == {0, 1}


def test_test_images_are_of_no_fold():
    subset = np.array(["test", "oof", "oof"], dtype=object)
    used = subsets_in(subset, np.array(["", "1", "2"]), np.array(["", "2", "10"]), 1)
    assert list(used) == ["test", "oof", "train"]


def test_parts_are_subsets_or_folds_in_order():
    subsets = pd.DataFrame({"subset": ["test", "train", "train"]})
    assert list(parts(subsets).cat.categories) == ["train", "validation", "test"]
    folds = pd.DataFrame({"subset": ["oof", "test", "oof"], "fold": ["10", "", "2"]})
    assert list(parts(folds)) == ["fold 10", "test", "fold 2"]
    assert list(parts(folds).cat.categories) == ["fold 2", "fold 10", "test"]
    assert list(parts(folds[::2]).cat.categories) == ["fold 2", "fold 10"]
