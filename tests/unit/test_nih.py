import os
from pathlib import Path

import pandas as pd
import pytest

from cxr import sources
from cxr.errors import UserError
from nih import HEADER, label_table, nih_set

ROWS = [
    ("1_000", "Cardiomegaly|Effusion", "058Y", "PA"),
    ("1_001", "No Finding", "058Y", "PA"),
    ("2_000", "Pneumonia", "41", "PA"),
    ("3_000", "Effusion", "411", "PA"),
    ("4_000", "Effusion", "50", "PA"),  # its image is not there
    ("5_000", "Mass", "17", "AP"),
    ("6_000", "No Finding", "18", "AP"),
    ("7_000", "No Finding", "16", "AP"),
]


@pytest.fixture
def release(tmp_path):
    """A release with the images of ROWS, all but one, in two folders."""
    folder = tmp_path / "nih"
    for number, (name, *_) in enumerate(ROWS):
        path = folder / f"images/images_00{1 + number // 4}/images/{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != "4_000":
            path.write_bytes(b"")
    (folder / "Data_Entry_2017.csv").write_text(label_table(*ROWS))
    return folder


def listed(dataset, root):
    return sources.list_images("mine", dataset, root / "data/mine", root)


def names(images):
    return [Path(path).stem for path in images["path"]]


def message(dataset, root):
    with pytest.raises(UserError) as error:
        listed(dataset, root)
    return str(error.value)


def test_findings_and_facts(release, tmp_path, capsys):
    images = listed(nih_set(release), tmp_path)
    assert names(images) == ["1_000", "3_000", "1_001", "6_000", "7_000"]
    assert list(images["label"]) == ["1", "1", "0", "0", "0"]
    assert list(images["patient"]) == ["1", "3", "1", "6", "7"]
    assert list(images["age"]) == ["58", "", "58", "18", "16"]
    assert list(images["view"]) == ["PA", "PA", "PA", "AP", "AP"]
    assert set(images["sex"]) == {"F"}
    assert set(images["subset"]) == {""}
    assert capsys.readouterr().out.splitlines() == [
        "age: 1 cell without a meaning, such as '411': left empty",
        f"{release}/Data_Entry_2017.csv: 5 of 8 rows are used; the others are",
        "  2 with other findings",
        f"  1 whose image is not in {release}/images",
    ]


def test_the_later_edition_of_the_table(release, tmp_path):
    text = label_table(*ROWS).replace("Patient Gender", "Patient Sex")
    (release / "Data_Entry_2017.csv").write_text(text)
    assert len(listed(nih_set(release), tmp_path)) == 5


def test_images_from_archives_lie_in_the_data_folder(release, tmp_path):
    (tmp_path / "data").mkdir()
    (release / "images").rename(tmp_path / "data/mine")
    images = listed(nih_set(release, images=None), tmp_path)
    assert images["path"][0] == "data/mine/images_001/images/1_000.png"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"positive": ["Effusion", "Mass"]},
            ["1_000", "3_000", "5_000", "1_001", "6_000", "7_000"],
        ),
        ({"positive": "Cardiomegaly"}, ["1_000", "1_001", "6_000", "7_000"]),
        ({"negative": "Pneumonia"}, ["1_000", "3_000", "2_000"]),
        ({"negative": "Cardiomegaly"}, None),  # it stands nowhere alone
        ({"views": ["PA"]}, ["1_000", "3_000", "1_001"]),
        ({"min_age": 17}, ["1_000", "1_001", "6_000"]),  # 411 years are unknown
        ({"min_age": 18}, ["1_000", "1_001", "6_000"]),
        ({"min_age": 19}, ["1_000", "1_001"]),
        ({"min_age": 59}, None),
    ],
)
def test_which_images_are_asked_for(release, tmp_path, changes, expected):
    dataset = nih_set(release, **changes)
    if expected is None:
        assert "0 images with" in message(dataset, tmp_path)
    else:
        assert names(listed(dataset, tmp_path)) == expected


def test_every_row_is_accounted_for_once(release, tmp_path, capsys):
    lists(release, ["1_000", "1_001", "4_000"], ["6_000"])
    options = {"train_val_list": "nih/train_val.txt", "test_list": "nih/test.txt"}
    listed(nih_set(release, min_age=18, views=["PA"], **options), tmp_path)
    counts = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()[2:]]
    assert {reason: int(count) for count, reason in counts} == {
        "with other findings": 2,
        "of unknown age": 1,
        "younger than 18": 1,
        "of another view than PA": 1,
        f"whose image is not in {release}/images": 1,
    }


# Drawing


def many(folder, effusion=30, normal=50, reverse=False):
    """Write a release of single-image patients, and return its folder."""
    rows = [(f"{n:03}_000", "Effusion", "50", "PA") for n in range(effusion)]
    rows += [(f"{n:03}_000", "No Finding", "50", "PA") for n in range(900 - normal, 900)]
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, *_ in rows:
        (folder / f"images/{name}.png").write_bytes(b"")
    (folder / "Data_Entry_2017.csv").write_text(label_table(*(rows[::-1] if reverse else rows)))
    return folder


def test_images_are_drawn_by_seed_whatever_the_order_of_the_table(tmp_path, capsys):
    release = many(tmp_path / "nih")
    few = listed(nih_set(release, per_class=10), tmp_path)
    assert few["label"].value_counts().to_dict() == {"1": 10, "0": 10}
    assert "20 of 80 rows are used; the others are\n  60 not drawn\n" in capsys.readouterr().out
    other = listed(nih_set(release, per_class=10, seed=43), tmp_path)
    assert set(names(few)) != set(names(other))
    more = listed(nih_set(release, per_class=25), tmp_path)
    assert set(names(few)) < set(names(more))
    many(release, reverse=True)
    pd.testing.assert_frame_equal(listed(nih_set(release, per_class=10), tmp_path), few)


def test_classes_are_balanced_by_the_smaller_one(tmp_path):
    release = many(tmp_path / "nih")
    assert len(listed(nih_set(release), tmp_path)) == 80
    balanced = listed(nih_set(release, balanced=True), tmp_path)
    assert balanced["label"].value_counts().to_dict() == {"1": 30, "0": 30}
    small = listed(nih_set(release, balanced=True, per_class=4), tmp_path)
    assert len(balanced) == 60
    assert len(small) == 8


def test_more_images_than_there_are_cannot_be_drawn(tmp_path):
    text = message(nih_set(many(tmp_path / "nih"), per_class=31), tmp_path)
    assert "datasets.mine.per_class: 30 images with Effusion are left, 31 are asked for" in text


# The official split


def lists(folder, train_val, test):
    """Write the lists of a release, as published: a name a line, without a header."""
    for name, images in (("train_val", train_val), ("test", test)):
        (folder / f"{name}.txt").write_text("\n".join(f"{image}.png" for image in images))


OFFICIAL = {"train_val_list": "nih/train_val.txt", "test_list": "nih/test.txt"}


def test_the_official_lists_give_the_subsets(release, tmp_path):
    lists(release, ["3_000", "1_000", "1_001"], ["6_000"])
    images = listed(nih_set(release, **OFFICIAL), tmp_path)
    assert dict(zip(names(images), images["subset"], strict=True)) == {
        "1_000": "train",
        "3_000": "train",
        "1_001": "train",
        "6_000": "test",
    }  # 7_000 is in neither


@pytest.mark.parametrize(
    ("train_val", "test", "expected"),
    [
        (["1_000", "3_000"], ["3_000"], "names 1 images that the other list has too, such as 3"),
        (["1_000"], ["elsewhere"], "test.txt names no image of the label table"),
        ([""], ["1_000"], "train_val.txt names no image of the label table"),
    ],
)
def test_lists_that_do_not_fit(release, tmp_path, train_val, test, expected):
    lists(release, train_val, test)
    text = message(nih_set(release, **OFFICIAL), tmp_path)
    assert text.startswith("datasets.mine.t")
    assert expected in text


def test_lists_that_cannot_be_read(release, tmp_path):
    lists(release, ["1_000"], ["3_000"])
    (release / "test.txt").write_bytes(b"\xff\xfe\0")
    assert "nih/test.txt: it is not UTF-8" in message(nih_set(release, **OFFICIAL), tmp_path)


# Mistakes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"positive": "effusion"}, "datasets.mine.positive"),
        ({"positive": ["Mass", "Efusion"]}, "Did you mean 'Effusion'?"),
        ({"negative": "Normal"}, "datasets.mine.negative"),
        ({"labels": "gone.csv"}, "datasets.mine.labels"),
        ({"images": "gone"}, "datasets.mine.images"),
    ],
)
def test_mistakes_in_the_config(release, tmp_path, changes, expected):
    assert expected in message(nih_set(release, **changes), tmp_path)


def test_a_class_of_which_no_image_is_there(release, tmp_path):
    for name in ("1_001", "6_000", "7_000"):
        next(release.rglob(f"{name}.png")).unlink()
    text = message(nih_set(release), tmp_path)
    assert "datasets.mine.negative: 0 images with No Finding are left" in text
    assert f"  4 whose image is not in {release}/images" in text


def test_an_image_that_is_there_twice(release, tmp_path):
    (release / "images/1_000.png").write_bytes(b"another")
    assert "datasets.mine.images: 1_000.png is there twice: " in message(nih_set(release), tmp_path)


def test_a_row_that_stands_twice(release, tmp_path):
    (release / "Data_Entry_2017.csv").write_text(label_table(*ROWS, ROWS[1]))
    assert "lists 1 images more than once, such as 1_001.png" in message(nih_set(release), tmp_path)


def test_a_table_of_something_else(release, tmp_path):
    text = label_table(*ROWS).replace("View Position", "Position")
    (release / "Data_Entry_2017.csv").write_text(text)
    assert "no column 'View Position'" in message(nih_set(release), tmp_path)
    (release / "Data_Entry_2017.csv").write_text(HEADER)
    assert "knows no finding 'Effusion'" in message(nih_set(release), tmp_path)


# Boxes and real data


def test_boxes_of_listed_images(release, tmp_path):
    boxes = release / "BBox_List_2017.csv"
    boxes.write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
        "3_000.png,Effusion,225.5,547,86.75,79,,,\n"
        "2_000.png,Pneumonia,1,2,3,4,,,\n"
    )
    dataset = nih_set(release, boxes=str(boxes))
    images = listed(dataset, tmp_path)
    images["id"] = names(images)
    table = sources.list_boxes("mine", dataset, tmp_path, images)
    assert table.to_dict("records") == [
        {
            "id": "3_000",
            "finding": "Effusion",
            "x": 225.5,
            "y": 547,
            "w": 86.75,
            "h": 79,
            "reference_width": 1024,
            "reference_height": 1024,
        }
    ]
    assert len(sources.list_boxes("mine", nih_set(release), tmp_path, images)) == 0
    boxes.write_text("Image Index,Finding Label,Bbox [x,y,w,h]\n3_000.png,Effusion,?,1,1,1\n")
    with pytest.raises(UserError, match=r"datasets.mine.boxes: .*\n  row 2, column x: '\?'"):
        sources.list_boxes("mine", dataset, tmp_path, images)


def test_real_sample(real, tmp_path, capsys):
    folder = real / "nih"
    dataset = nih_set(folder, boxes=str(folder / "BBox_List_2017.csv"))
    images = listed(dataset, tmp_path)
    assert images["label"].value_counts().to_dict() == {"0": 499, "1": 170}
    assert (images["age"] != "").all()
    assert set(images["sex"]) == {"F", "M"}
    images["id"] = names(images)
    boxes = sources.list_boxes("nih", dataset, tmp_path, images)
    assert set(boxes["id"]) <= set(images["id"])
    assert len(boxes) > 0
    adults = listed(nih_set(folder, min_age=18, views=["PA"], per_class=50), tmp_path)
    assert adults["label"].value_counts().to_dict() == {"0": 50, "1": 50}
    assert set(adults["view"]) == {"PA"}
    assert pd.to_numeric(adults["age"]).min() >= 18
    assert os.path.isabs(adults["path"][0])  # noqa: PTH117
