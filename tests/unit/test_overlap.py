import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from cxr.overlap import in_both, overlap_note

CELLS = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2", "3"]))
MANIFESTS = st.lists(CELLS, min_size=1, max_size=8)


NONE = pd.DataFrame({"second": [], "kind": []})


def manifest(cells):
    table = pd.DataFrame(cells, columns=["sha256", "patient"])
    return table.assign(id=[f"i{row}" for row in table.index])


@given(MANIFESTS, MANIFESTS, st.booleans())
def test_what_is_left_shares_no_file_and_no_patient(own, other, same):
    first, second = manifest(own), manifest(other)
    why = in_both(first, second, same, NONE)
    new, old = second[why == ""], second[why != ""]
    assert not set(new["sha256"]) & set(first["sha256"])
    if same:
        assert not set(new["patient"]) & set(first["patient"]) - {""}
    copied = second[second["sha256"].isin(first["sha256"])]
    assert not set(new["patient"]) & set(copied["patient"]) - {""}
    reasons = set(copied["patient"]) | (set(first["patient"]) if same else set())
    for row in old.itertuples():
        assert row.sha256 in set(first["sha256"]) or row.patient in reasons - {""}


def test_a_patient_who_is_known_by_a_file_is_left_out_everywhere():
    other = manifest([("a", "7"), ("x", "7"), ("y", "8"), ("z", ""), ("b", "")])
    own = manifest([("a", "1"), ("b", "2"), ("c", "8")])
    assert list(in_both(own, other, False, NONE)) == ["file", "patient", "", "", "file"]
    assert list(in_both(own, other, True, NONE)) == ["file", "patient", "patient", "", "file"]


def test_a_copy_or_a_look_alike_takes_its_patient_along():
    other = manifest([("a", "7"), ("b", "7"), ("c", "8"), ("d", "8"), ("e", ""), ("f", "")])
    own = manifest([("z", "")])
    kinds = ["near-duplicate", "same-person", "same-person", "identical"]
    pairs = pd.DataFrame({"second": ["i0", "i2", "i4", "i5"], "kind": kinds})
    expected = ["copy", "patient", "person", "patient", "person", "copy"]
    assert list(in_both(own, other, False, pairs)) == expected


def test_each_reason_is_noted():
    why = ["file", "copy", "person", "patient", ""]
    note = overlap_note(pd.DataFrame({"overlap": why, "patient": ""}), pd.Series([""]))
    assert note == (
        "left out 2 images that both data sets hold; "
        "left out 1 image of what seem to be persons in both data sets; "
        "left out 1 image of patients in both data sets"
    )


def test_patients_of_the_same_number_are_noted():
    table = pd.DataFrame({"overlap": ["", "", "patient", ""], "patient": ["1", "1", "2", ""]})
    note = overlap_note(table, pd.Series(["1", "2", ""]))
    assert note == (
        "left out 1 image of patients in both data sets; "
        "1 patient of the same number in both, taken for different people"
    )
