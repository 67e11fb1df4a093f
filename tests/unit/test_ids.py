import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr.ids import unique_ids


def test_clashing_stems_get_their_class_and_numbers():
    paths = ["e/a.png", "e/b/a.jpg", "e/c d.png", "n/A.png", "n/c_d.png", "n/x.png"]
    classes = ["effusion"] * 3 + ["normal"] * 3
    assert unique_ids(paths, classes) == [
        "effusion-a",
        "effusion-a-2",
        "effusion-c_d",
        "normal-A",
        "normal-c_d",
        "x",
    ]


STEMS = st.text(st.sampled_from("aA_-2 ä."), min_size=1, max_size=4)


@given(st.lists(st.tuples(STEMS, st.sampled_from(["effusion", "normal"])), max_size=30))
def test_ids_are_unique_safe_and_repeatable(rows):
    paths = [f"folder{i}/x{stem}.png" for i, (stem, _) in enumerate(rows)]
    classes = [name for _, name in rows]
    ids = unique_ids(paths, classes)
    assert len({one.lower() for one in ids}) == len(rows)
    assert all(re.fullmatch("[A-Za-z0-9._-]+", one) for one in ids)
    assert ids == unique_ids(paths, classes)


def test_a_hundred_thousand_files_of_one_name_take_no_time():
    """As in CheXpert: patient00001/study1/view1_frontal.jpg."""
    start = time.monotonic()
    ids = unique_ids([f"{i}/view1_frontal.jpg" for i in range(100_000)], ["normal"] * 100_000)
    assert time.monotonic() - start < 5
    assert ids[:2] == ["normal-view1_frontal", "normal-view1_frontal-2"]
    assert ids[-1] == "normal-view1_frontal-100000"


@pytest.mark.parametrize(
    "name", ["肺", "..png", "-rf.png", " .png", "$(x);&|.png", "a\nb", "'\".png"]
)
def test_no_name_makes_an_unsafe_id(name):
    assert re.fullmatch("[A-Za-z0-9._-]+", unique_ids([name], ["normal"])[0])


def test_one_name_in_two_unicode_forms():
    assert len(set(unique_ids(["a/\u00e9.png", "a/e\u0301.png"], ["normal"] * 2))) == 2


def test_ids_that_look_like_made_ones_do_not_collide():
    paths = ["1/a.png", "2/a.png", "effusion-a.png", "effusion-a-2.png"]
    ids = unique_ids(paths, ["effusion"] * 4)
    assert len(set(ids)) == 4
    assert ids[2:] == ["effusion-a", "effusion-a-2"]
