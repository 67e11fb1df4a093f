import warnings

import cv2
import matplotlib.pyplot as plt
import pandas as pd
import pytest

from card_flow import card_flow
from cxr.flow import ACROSS, REASONS, draw_flow, flow
from cxr.folds import parts_by_id
from cxr.tables import columns, read_table, write_table

HOSTILE = "$x_1^$ {{ 1/0 }} <script>alert(1)</script>\n*a* \\frac"
SPLIT = pd.DataFrame(
    {"id": list("abcdef"), "subset": ["train", "train", "train", "validation", "test", "test"]}
)
NOTHING = pd.DataFrame({"path": [], "reason": []}, dtype=object)


def manifest(patients="pppq r"):
    return pd.DataFrame(
        {
            "id": list("abcdef"),
            "class": ["effusion"] * 3 + ["normal"] * 3,
            "patient": [name.strip() for name in patients],
        }
    )


def pairs(*rows):
    names = ["first", "second", "kind", "patients"]
    table = pd.DataFrame(rows, columns=names, dtype=object)
    return table.assign(likeness=0.9, correlation=0.9, mirrored=0)


def steps(rejected=NOTHING, found=(), split=SPLIT, images=None):
    images = manifest() if images is None else images
    table = flow(images, rejected, parts_by_id(split), pairs(*found))
    return {(row.step, row.name): row for row in table.itertuples(index=False)}


def rejected(*reasons):
    return pd.DataFrame({"path": [f"{n}.png" for n in range(len(reasons))], "reason": reasons})


def test_each_step_counts_its_images():
    found = steps(rejected("empty", "small", "empty"))
    assert found["found", ""].images == 9
    assert [key for key in found if key[0] == "left out"] == [
        ("left out", "empty"),
        ("left out", "small"),
    ]
    assert found["left out", "empty"].images == 2
    used = found["used", ""]
    assert (used.images, used.effusions, used.normals, used.patients) == (6, 3, 3, 3)
    train = found["part", "train"]
    assert (train.images, train.effusions, train.normals, train.patients) == (3, 3, 0, 1)
    test = found["part", "test"]
    assert (test.images, test.effusions, test.normals, test.patients) == (2, 0, 2, 1)


def test_found_is_left_out_and_used_and_used_is_the_parts():
    table = pd.DataFrame(steps(rejected("a", "b")).values())
    sums = table.groupby("step")["images"].sum()
    assert sums["found"] == sums["left out"] + sums["used"]
    assert sums["used"] == sums["part"]


def test_relatives_are_counted_once_and_those_that_the_split_parts():
    found = steps(
        found=[
            ("a", "b", "identical", "same"),
            ("a", "c", "identical", "same"),
            ("d", "e", "identical", "unknown"),
            ("a", "f", "same-person", "different"),
        ]
    )
    identical = found["alike", "identical"]
    assert (identical.images, identical.effusions, identical.parted) == (5, 3, 2)
    assert found["alike", "same-person"].images == 0  # known to be two persons


def test_unknown_patients_are_not_counted():
    found = steps(images=manifest(" " * 6))
    assert pd.isna(found["used", ""].patients)


def texts(figure):
    (axis,) = figure.axes
    return [text.get_text() for text in axis.texts if text.get_text()]


def drawn(**changes):
    """The figure, and its texts."""
    table = pd.DataFrame(steps(**changes).values())
    figure = draw_flow(table, "title")
    figure.canvas.draw()
    return figure, texts(figure)


def test_the_diagram_says_what_the_table_says():
    figure, said = drawn(
        rejected=rejected("empty", "small", "empty"), found=[("d", "e", "identical", "unknown")]
    )
    for line in (
        *("9 images found", "3 images left out", "2: empty", "1: small", "6 images used"),
        *("3 effusion, 3 normal", "2 identical to another, 2 parted by the split"),
        *("0 resembling another", "train: 3", "validation: 1", "test: 2", "1 patient"),
    ):
        assert line in said
    assert figure.axes[0].texts  # and nothing runs out of the picture
    plt.close(figure)


def test_unknown_patients_are_said_to_be_so():
    figure, said = drawn(images=manifest(" " * 6))
    assert said.count("patients not known") == 4
    assert "0 images left out" in said
    plt.close(figure)


def test_many_reasons_are_cut_short():
    reasons = [f"reason {n}" for n in range(REASONS + 2) for _ in range(20 - n)]
    figure, said = drawn(rejected=rejected(*reasons))
    assert f"{20 - REASONS + 20 - REASONS - 1}: 2 other reasons" in said
    assert f"{20 - REASONS + 1}: reason {REASONS - 1}" in said
    assert f"{20 - REASONS}: reason {REASONS}" not in said
    plt.close(figure)


def boxes_overlap(figure):
    """Whether any two boxes lie over each other."""
    (axis,) = figure.axes
    boxes = [patch.get_bbox() for patch in axis.patches if hasattr(patch, "get_bbox")]
    boxes = [box for box in boxes if box.width > 1]
    pairs = [(one, other) for i, one in enumerate(boxes) for other in boxes[:i]]
    return any(one.overlaps(other) for one, other in pairs)


@pytest.mark.parametrize("folds", [2, 5, 9])
def test_all_folds_are_drawn(folds):
    ids = [f"i{n}" for n in range(4 * folds)]
    images = pd.DataFrame({"id": ids, "class": "normal", "patient": ""})
    split = pd.DataFrame(
        {"id": ids, "subset": "oof", "fold": [str(n % folds + 1) for n in range(4 * folds)]}
    )
    figure, said = drawn(images=images, split=split)
    assert [f"fold {n}: 4" for n in range(1, folds + 1)] == [s for s in said if "fold" in s]
    assert folds <= ACROSS or figure.get_figwidth() < 12
    assert not boxes_overlap(figure)
    plt.close(figure)


def test_text_of_others_stays_text_and_in_its_box():
    figure, said = drawn(rejected=rejected(HOSTILE * 9, HOSTILE))
    assert f"1: {' '.join(HOSTILE.split())}" in said
    (axis,) = figure.axes
    right = axis.get_window_extent().x1
    assert all(text.get_window_extent().x1 <= right for text in axis.texts)
    plt.close(figure)


def test_files(tmp_path):
    image = {"path": "x.png", "label": "1", "width": "9", "height": "9", "bit_depth": "8"}
    image |= {"sha256": "0" * 64} | dict.fromkeys(("age", "sex", "view", "mask"), "")
    manifest().assign(**image).to_csv(tmp_path / "manifest.csv", index=False)
    SPLIT.to_csv(tmp_path / "split.csv", index=False)
    rejected("empty").assign(row="").to_csv(tmp_path / "rejected.csv", index=False)
    write_table(pairs(("d", "e", "identical", "unknown")), tmp_path / "pairs.csv", "pairs")
    names = ("manifest", "rejected", "split", "pairs")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        card_flow(
            name="phantom: $ and _",
            **{name: tmp_path / f"{name}.csv" for name in names},
            table=tmp_path / "flow.csv",
            figure=tmp_path / "flow.png",
        )
    assert not plt.get_fignums()
    table = read_table(tmp_path / "flow.csv", "flow")
    assert [*table.columns] == columns("flow")
    assert table["images"].iloc[0] == 7
    height, width, _ = cv2.imread(str(tmp_path / "flow.png")).shape
    assert width > height / 2 > 200
