import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cxr import tables, truth
from cxr.errors import UserError

MASKS = arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def run_lengths(mask):
    """Count runs down the columns, the first of them of zeros."""
    counts, value, run = [], False, 0
    for pixel in mask.ravel(order="F"):
        if pixel != value:
            counts.append(run)
            value, run = pixel, 0
        run += 1
    return [*counts, run]


def compressed(counts):
    """COCO's string, by its definition: two's complement in as few groups of five bits as fit."""
    text = ""
    for place, count in enumerate(counts):
        number = count - counts[place - 2] if place > 2 else count
        groups = 1
        while not -(2 ** (5 * groups - 1)) <= number < 2 ** (5 * groups - 1):
            groups += 1
        number %= 2 ** (5 * groups)
        for group in range(groups):
            more = 32 if group < groups - 1 else 0
            text += chr(48 + more + (number >> 5 * group) % 32)
    return text


def packed(mask, squeeze=True):
    counts = run_lengths(mask)
    return {"size": list(mask.shape), "counts": compressed(counts) if squeeze else counts}


@settings(deadline=None)
@given(MASKS, st.booleans())
def test_masks_come_back_from_their_run_lengths(mask, squeeze):
    decoded = truth.decode_runs(packed(mask, squeeze), "")
    assert decoded.dtype == bool
    np.testing.assert_array_equal(decoded, mask)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=20))
def test_long_runs_come_back_from_their_string(counts):
    assert truth._parse_counts(compressed(counts)) == counts


def disc():
    down, across = np.mgrid[:100, :130]
    return (down - 40) ** 2 + (across - 70) ** 2 < 900


def dotted():
    mask = np.zeros((7, 11), bool)
    mask[2:6, 3:9] = mask[0, 0] = mask[6, 10] = True
    return mask


DISC = (
    "UQ4?b26J6L2M4M2M4M2N2N2N2O0O2N2O0O2N2O000O2O000O2O0000000000000000000000000001N10001N10001N"
    "2N101N2N101N2N2N2N3L3N3L3N4J6Jjl2"
)


@pytest.mark.parametrize(
    ("counts", "mask"),
    [
        ("<", np.zeros((3, 4), bool)),
        ("0<", np.ones((3, 4), bool)),
        ("01f03]O000000000;M", dotted()),
        (DISC, disc()),
    ],
    ids=["none", "all", "dotted", "disc"],
)
def test_strings_are_read_as_pycocotools_writes_them(counts, mask):
    """The strings are those of pycocotools 2.0.11."""
    decoded = truth.decode_runs({"size": list(mask.shape), "counts": counts}, "")
    np.testing.assert_array_equal(decoded, mask)


def test_an_empty_mask_of_chexlocalize_itself():
    """Patient 64541 has no effusion: sample/gt_segmentations_val.json of its repository."""
    decoded = truth.decode_runs({"size": [2320, 2828], "counts": "PVWX6"}, "")
    assert decoded.shape == (2320, 2828)
    assert not decoded.any()


def test_runs_go_down_the_columns_and_begin_with_zeros():
    decoded = truth.decode_runs({"size": [2, 3], "counts": [1, 2, 2, 1]}, "")
    np.testing.assert_array_equal(decoded, [[0, 1, 0], [1, 0, 1]])


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (None, "no size"),
        ([], "no size"),
        ({"counts": [4]}, "no size"),
        ({"size": [2], "counts": [2]}, "no size"),
        ({"size": [2, -2], "counts": [4]}, "no size"),
        ({"size": [2, 2.0], "counts": [4]}, "no size"),
        ({"size": [10**6, 10**6], "counts": [10**12]}, "no size"),
        ({"size": [2, 2]}, "no run lengths"),
        ({"size": [2, 2], "counts": {}}, "no run lengths"),
        ({"size": [2, 2], "counts": [5, -1]}, "no run lengths"),
        ({"size": [2, 2], "counts": [True, 3]}, "no run lengths"),
        ({"size": [2, 2], "counts": "T"}, "no run lengths"),  # more should follow
        ({"size": [2, 2], "counts": "O5"}, "no run lengths"),  # a run of -1
        ({"size": [2, 2], "counts": "4 "}, "no run lengths"),
        ({"size": [2, 2], "counts": "é"}, "no run lengths"),
        ({"size": [2, 2], "counts": []}, "0 pixels"),
        ({"size": [2, 2], "counts": [3]}, "3 pixels"),
        ({"size": [2, 2], "counts": [2, 1, 2]}, "5 pixels"),
        ({"size": [2, 2], "counts": "3"}, "3 pixels"),
    ],
)
def test_damaged_masks_are_refused(runs, message):
    with pytest.raises(UserError, match=rf"masks\.json: e1.*{message}"):
        truth.decode_runs(runs, "masks.json: e1")


@settings(deadline=None)
@given(st.text(max_size=30), st.integers(1, 9), st.integers(1, 9))
def test_any_string_is_a_mask_or_refused(text, height, width):
    try:
        decoded = truth.decode_runs({"size": [height, width], "counts": text}, "")
    except UserError:
        return
    assert decoded.shape == (height, width)


@pytest.fixture
def masks_of(tmp_path):
    """Write a file of masks and read it."""

    def read(content, finding="Pleural Effusion", size=8):
        path = tmp_path / "masks.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return truth.read_chexlocalize(path, finding, size)

    return read


def test_chexlocalize_is_read_by_image_without_those_that_lack_the_finding(masks_of):
    left = np.zeros((20, 40), bool)
    left[10:, :20] = True
    masks = masks_of(
        {
            "patient1_study1_view1_frontal": {
                "Edema": packed(~left),
                "Pleural Effusion": packed(left),
            },
            "patient2_study1_view1_frontal": {"Pleural Effusion": packed(np.zeros((9, 9), bool))},
            "patient3_study1_view1_frontal": {"Edema": packed(left)},
        }
    )
    assert list(masks) == ["patient1_study1_view1_frontal"]
    expected = np.zeros((8, 8), bool)
    expected[4:, :4] = True
    np.testing.assert_array_equal(masks["patient1_study1_view1_frontal"], expected)
    path = "data/CheXpert-v1.0/valid/patient1/study1/view1_frontal.jpg"
    assert truth.chexlocalize_id(path) in masks


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not a JSON file"),
        ('{"a": ', "not a JSON file"),
        ("[]", "by image and finding"),
        ('{"a": 1}', "by image and finding"),
        ("{}", "no finding 'Pleural Effusion'. It has: none"),
        ({"a": {"Edema": packed(disc())}}, "no finding 'Pleural Effusion'. It has: Edema"),
        ({"a": {"Pleural Effusion": 1}}, "masks.json: a, Pleural Effusion: no size"),
    ],
)
def test_files_that_are_not_chexlocalizes_are_refused(masks_of, content, message):
    with pytest.raises(UserError, match=message):
        masks_of(content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"gone\.json: it cannot be opened"):
        truth.read_chexlocalize(tmp_path / "gone.json", "Pleural Effusion", 8)


@settings(deadline=None)
@given(arrays(np.uint8, (8, 8), elements=st.sampled_from([0, 255])), st.integers(1, 5))
def test_an_enlarged_mask_comes_back(mask, factor):
    large = np.repeat(np.repeat(mask, factor, axis=0), factor, axis=1)
    np.testing.assert_array_equal(truth.resize_mask(large, 8), mask > 0)


def test_half_a_pixel_is_enough_and_less_is_not():
    mask = np.zeros((40, 20), np.uint8)  # pixels of 4 by 2
    mask[4:6, 4:8] = mask[20:21, 4:8] = 1
    expected = np.zeros((10, 10), bool)
    expected[1, 2:4] = True
    np.testing.assert_array_equal(truth.resize_mask(mask, 10), expected)


def test_the_smallest_truth_does_not_get_lost():
    mask = np.zeros((1000, 1000), np.uint8)
    mask[503, 777] = 255
    small = truth.resize_mask(mask, 10)
    assert np.argwhere(small).tolist() == [[5, 7]]
    assert not truth.resize_mask(np.zeros((1000, 1000), np.uint8), 10).any()


def boxes(*rows):
    columns = tables.columns("boxes")
    return pd.DataFrame([("e1", "Effusion", *row) for row in rows], columns=columns)


def drawn(rows, size):
    """The boxes drawn on the image they refer to, ten times as large, and reduced."""
    _, _, _, _, width, height = rows[0]
    canvas = np.zeros((height * 10, width * 10), np.uint8)
    for x, y, w, h, *_ in rows:
        left, top, right, bottom = (max(0, round(v * 10)) for v in (x, y, x + w, y + h))
        canvas[top:bottom, left:right] = 1
    return truth.resize_mask(canvas, size)


@settings(deadline=None, max_examples=50)
@given(
    st.tuples(st.integers(20, 60), st.integers(20, 60)),
    st.lists(
        st.tuples(*[st.integers(0, 59)] * 2, *[st.integers(1, 59)] * 2), min_size=1, max_size=1
    ),
    st.sampled_from([10, 20]),
)
def test_a_box_covers_what_its_drawing_does(reference, rows, size):
    rows = [(x, y, w, h, *reference) for x, y, w, h in rows]
    if rows[0][0] >= reference[0] or rows[0][1] >= reference[1]:
        assert not truth.box_mask(boxes(*rows), size).any()
        return
    mask = truth.box_mask(boxes(*rows), size)
    assert (mask != drawn(rows, size)).mean() <= 0.01  # shares of just a half may be rounded


def test_several_boxes_are_one_truth_and_each_axis_has_its_scale():
    rows = [(0, 0, 100, 25, 400, 100), (300, 50, 200, 80, 400, 100)]  # the latter beyond two edges
    expected = np.zeros((8, 8), bool)
    expected[:2, :2] = expected[4:, 6:] = True
    np.testing.assert_array_equal(truth.box_mask(boxes(*rows), 8), expected)


def test_no_boxes_and_boxes_outside_are_no_truth():
    assert not truth.box_mask(boxes(), 8).any()
    assert not truth.box_mask(boxes((400, 0, 10, 10, 400, 100)), 8).any()


def test_a_box_smaller_than_half_a_pixel_is_where_it_is():
    mask = truth.box_mask(boxes((100.2, 900.7, 3, 2, 1024, 1024)), 64)
    assert np.argwhere(mask).tolist() == [[56, 6]]


def test_the_boxes_of_nih_refer_to_1024_pixels():
    """A row of BBox_List_2017.csv (00013118_008.png, Atelectasis), at our 64 pixels a side."""
    row = (225.08474576271, 547.019217763771, 86.7796610169492, 79.1864406779661, 1024, 1024)
    mask = truth.box_mask(boxes(row), 64)
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max()) == (14, 18)
    assert (rows.min(), rows.max()) == (34, 38)
