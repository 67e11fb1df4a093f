import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.cases import in_turn


def table_of(rows):
    """Images of (label, subset), called by their class and number."""
    names = [f"{'ne'[label]}{place}" for place, (label, _) in enumerate(rows)]
    labels, subsets = zip(*rows, strict=True)
    return pd.DataFrame({"id": names, "label": labels, "subset": subsets, "row": range(len(rows))})


TABLE = table_of([(0, "test"), (0, "test"), (1, "train"), (1, "test"), (0, "train"), (1, "test")])


def test_an_effusion_comes_first_and_a_normal_image_next():
    assert list(in_turn(TABLE, "test", 4)["id"]) == ["e3", "n0", "e5", "n1"]
    assert list(in_turn(TABLE, "test", 3)["id"]) == ["e3", "n0", "e5"]
    assert list(in_turn(TABLE, "train", 9)["id"]) == ["e2", "n4"]


def test_rows_stay_as_they_are():
    chosen = in_turn(TABLE, "test", 2)
    pd.testing.assert_frame_equal(chosen, TABLE.loc[[3, 0]])


def test_a_subset_without_images_gives_none():
    assert in_turn(TABLE, "validation", 3).empty


ROWS = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["test", "train"])), min_size=1)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.integers(1, 20))
def test_fewer_images_are_the_first_of_more_and_classes_are_balanced(rows, number):
    table = table_of(rows)
    everything = in_turn(table, "test", len(rows))
    assert sorted(everything["id"]) == sorted(table.loc[table["subset"] == "test", "id"])
    chosen = in_turn(table, "test", number)
    pd.testing.assert_frame_equal(chosen, everything[:number])
    for label in (0, 1):
        own = chosen.loc[chosen["label"] == label, "row"]
        assert own.is_monotonic_increasing
        if len(own) < (everything["label"] == label).sum():
            assert len(own) >= number // 2
