import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from cxr.overlap import in_both, overlap_note

CELLS = st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2", "3"]))
MANIFESTS = st.lists(CELLS, min_size=1, max_size=8)


def manifest(cells):
    return pd.DataFrame(cells, columns=["sha256", "patient"])


@given(MANIFESTS, MANIFESTS, st.booleans())
def test_what_is_left_shares_no_file_and_no_patient(own, other, same):
    first, second = manifest(own), manifest(other)
    why = in_both(first, second, same)
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
    assert list(in_both(own, other, False)) == ["file", "patient", "", "", "file"]
    assert list(in_both(own, other, True)) == ["file", "patient", "patient", "", "file"]


def test_patients_of_the_same_number_are_noted():
    table = pd.DataFrame({"overlap": ["", "", "patient", ""], "patient": ["1", "1", "2", ""]})
    note = overlap_note(table, pd.Series(["1", "2", ""]))
    assert note == (
        "left out 1 image of patients in both data sets; "
        "1 patient of the same number in both, taken for different people"
    )
