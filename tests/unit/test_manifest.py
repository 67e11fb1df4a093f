import hashlib
import os
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

import manifest as stage
from cxr import images
from cxr.errors import UserError
from cxr.tables import columns, read_table
from dicoms import dicom
from nih import nih_set
from xrays import draw, write_folder


class Run:
    """The manifest stage in a project of its own."""

    def __init__(self, root: Path):
        self.root = root
        self.xrays = write_folder(root / "xrays", effusion=12, normal=10)
        self.dataset = {
            "source": "folder",
            "path": "xrays",
            "classes": {"effusion": "effusion", "normal": "normal"},
            "patient_pattern": None,
        }

    def __call__(self, max_rejected=0.01, threads=2, exclude=("lateral",), **dataset):
        stage.manifest(
            dataset=self.dataset | dataset,
            name="mine",
            folder=self.root / "data/mine",
            root=self.root,
            max_rejected=max_rejected,
            min_size=32,
            exclude=exclude,
            key_file=self.root / "pseudonyms.key",
            threads=threads,
            manifest_csv=self.root / "manifest.csv",
            rejected_csv=self.root / "rejected.csv",
            boxes_csv=self.root / "boxes.csv",
        )
        return read_table(self.root / "manifest.csv", "manifest")

    def message(self, **options):
        with pytest.raises(UserError) as error:
            self(**options)
        return str(error.value)

    @property
    def rejected(self):
        return read_table(self.root / "rejected.csv", "rejected")


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_a_clean_folder(run, capsys):
    table = run()
    assert list(table.columns) == columns("manifest")
    assert list(table["id"]) == [f"e{i}" for i in range(12)] + [f"n{i}" for i in range(10)]
    assert list(table["label"]) == [1] * 12 + [0] * 10
    assert list(table["class"]) == ["effusion"] * 12 + ["normal"] * 10
    assert set(table["width"]) == set(table["height"]) == {64}
    assert set(table["bit_depth"]) == {8}
    assert table["path"][0] == "xrays/effusion/e0.png"
    assert len(run.rejected) == 0
    assert (run.root / "boxes.csv").read_text().startswith("id,finding,x,y,w,h,reference_width,")
    assert "mine: 12 effusion, 10 normal, patients unknown, 0 rejected" in (capsys.readouterr().out)


def test_checksums_are_those_of_the_files(run):
    table = run()
    for path, sha256 in zip(table["path"], table["sha256"], strict=True):
        assert hashlib.sha256((run.root / path).read_bytes()).hexdigest() == sha256


def test_threads_do_not_matter(run):
    run(threads=1)
    one = (run.root / "manifest.csv").read_bytes()
    run(threads=4)
    assert (run.root / "manifest.csv").read_bytes() == one


def test_sizes_and_depths_are_those_of_the_image(run):
    image = draw(True, 80, np.random.default_rng(9))[:, :50].astype(np.uint16) * 256
    cv2.imwrite(str(run.xrays / "effusion/e0.png"), image)
    row = run().iloc[0]
    assert (row["width"], row["height"], row["bit_depth"]) == (50, 80, 16)


def test_patients_are_counted(run, capsys):
    run(patient_pattern=r"(\d+)")
    assert "12 effusion, 10 normal, 12 patients, 0 rejected" in capsys.readouterr().out


def spoil(path, how):
    """Make an unusable image and return the reason that is expected."""
    data = path.read_bytes()
    match how:
        case "empty":
            path.write_bytes(b"")
            return "empty file"
        case "truncated":
            path.write_bytes(data[: len(data) // 2])
            return "truncated"
        case "text":
            path.write_text("I am a text file")
            return "not a PNG, JPEG, TIFF, BMP or DICOM image"
        case "constant":
            cv2.imwrite(str(path), np.full((64, 64), 7, np.uint8))
            return "constant: all pixels are 7"
        case "small":
            cv2.imwrite(str(path), cv2.imread(str(path))[:31])
            return "too small: 64x31 pixels"
        case "dangling link":
            path.unlink()
            path.symlink_to(path.with_name("gone"))
            return "file not found"


SPOILT = ["empty", "truncated", "text", "constant", "small", "dangling link"]


@pytest.mark.parametrize("how", SPOILT)
def test_unusable_images_are_rejected_with_the_reason(run, how):
    reason = spoil(run.xrays / "normal/n4.png", how)
    table = run(max_rejected=0.1)
    assert len(table) == 21
    assert "n4" not in set(table["id"])
    assert list(run.rejected["path"]) == ["xrays/normal/n4.png"]
    assert reason in run.rejected["reason"][0]


def test_too_many_unusable_images_end_in_one_message(run, capsys):
    for i, how in enumerate(SPOILT[:5]):
        spoil(run.xrays / f"effusion/e{i}.png", how)
    spoil(run.xrays / "normal/n0.png", "text")
    text = run.message(max_rejected=0.09)
    assert "5 of 12 images of the class effusion (41.7%) cannot be used" in text
    assert "max_rejected allows 9.0%" in text
    assert "xrays/effusion/e0.png: empty file" in text
    assert "and 2 more" in text
    assert "1 of 10 images of the class normal (10.0%)" in text
    assert not (run.root / "manifest.csv").exists()
    assert capsys.readouterr().out.count("rejected xrays/") == 6  # the whole list is in the log


def test_the_limit_itself_is_allowed(run):
    spoil(run.xrays / "normal/n0.png", "empty")
    assert len(run(max_rejected=0.1)) == 21


def test_files_that_are_no_images_do_not_count(run):
    for i in range(20):
        (run.xrays / "normal" / f"notes{i}.txt").write_text("hello")
    assert len(run(max_rejected=0)) == 22
    assert set(run.rejected["reason"]) == {"not an image file"}


def test_a_class_without_a_usable_image(run):
    for path in (run.xrays / "normal").iterdir():
        spoil(path, "text")
    text = run.message(max_rejected=1)
    assert (
        "class normal has no usable image (10 were rejected, 0 left out by image.exclude)" in text
    )


def test_nothing_usable_at_all(run):
    for path in run.xrays.rglob("*.png"):
        spoil(path, "empty")
    text = run.message(max_rejected=1)
    assert "class normal has no usable" in text
    assert "class effusion has no usable" in text


def test_the_same_pixels_in_both_classes_whatever_the_file_type(run):
    image = cv2.imread(str(run.xrays / "effusion/e3.png"))  # in colour: other bytes
    cv2.imwrite(str(run.xrays / "normal/n99.tif"), image)
    text = run.message()
    assert "Both classes hold the same content, 1 in all" in text
    assert "xrays/effusion/e3.png = xrays/normal/n99.tif" in text


def test_copies_within_a_class_are_kept_and_said(run, capsys):
    shutil.copy(run.xrays / "effusion/e3.png", run.xrays / "effusion/z.png")
    assert len(run()) == 23
    output = capsys.readouterr().out
    assert "exact copies of another image in their class, kept: 1" in output
    assert "xrays/effusion/z.png = xrays/effusion/e3.png" in output


def test_odd_names_do_not_break_the_tables(run):
    source = run.xrays / "effusion/e0.png"
    (run.xrays / "effusion" / 'q"uote, and ä肺.png').write_bytes(draw_png(1))
    with open(os.fsencode(run.xrays) + b"/normal/line\nbreak\xff.png", "wb") as file:  # noqa: PTH123
        file.write(source.read_bytes())
    table = run(max_rejected=0.1)
    assert 'xrays/effusion/q"uote, and ä肺.png' in set(table["path"])
    assert "q_uote__and___" in set(table["id"])
    assert list(run.rejected["path"]) == ["xrays/normal/line\\x0abreak\\xff.png"]
    assert len((run.root / "rejected.csv").read_text().splitlines()) == 2


def draw_png(seed):
    return cv2.imencode(".png", draw(True, 64, np.random.default_rng(seed)))[1].tobytes()


NAMES = [
    "E0.PNG",
    "e0.tif",
    "a b.png",
    " .png",
    "-rf.png",
    "$(touch hacked).png",
    "a;b|c&d.png",
    "<b>bold<b>.png",
    "'q' and \"q\".png",
    "{wildcard}.png",
    "=1+1,2.png",
    "\u00e9.png",
    "e\u0301.png",
    "\u2028.png",
    "肺.png",
    "x" * 251 + ".png",
]


def test_every_name_that_a_file_may_have(run):
    for seed, name in enumerate(NAMES, start=1):
        (run.xrays / "effusion" / name).write_bytes(draw_png(seed))
    table = run()
    assert {f"xrays/effusion/{name}" for name in NAMES} <= set(table["path"])
    assert len({one.lower() for one in table["id"]}) == 22 + len(NAMES)
    assert table["id"].str.fullmatch("[A-Za-z0-9._-]+").all()


def test_litter_is_no_image(run):
    for name in (".DS_Store", "._e0.png", ".hidden.png", "__MACOSX/._e0.png"):
        path = run.xrays / "effusion" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"litter")
    for name in ("Thumbs.db", "desktop.ini", "e0", "e1.png~", "e2.png "):
        (run.xrays / "effusion" / name).write_bytes(draw_png(1))
    (run.xrays / "effusion" / "folder.png").mkdir()
    assert len(run(max_rejected=0)) == 22
    assert {Path(path).name for path in run.rejected["path"]} == {
        "Thumbs.db",
        "desktop.ini",
        "e0",
        "e1.png~",
        "e2.png ",
    }


def test_the_content_counts_and_not_the_suffix(run):
    image = draw(True, 64, np.random.default_rng(5))
    data = cv2.imencode(".jpg", image)[1].tobytes()
    (run.xrays / "effusion/e0.png").write_bytes(data)
    assert len(run(max_rejected=0)) == 22


def test_a_named_pipe_is_not_waited_for(run):
    os.mkfifo(run.xrays / "effusion/pipe.png")
    run(max_rejected=0.1)
    assert list(run.rejected["reason"]) == ["not a regular file"]


def test_a_link_to_itself(run):
    (run.xrays / "effusion/loop.png").symlink_to("loop.png")
    assert len(run(max_rejected=0.1)) == 22
    reason = "cannot be opened: Too many levels of symbolic links"
    assert list(run.rejected["reason"]) == [reason]


def test_one_image_a_class(tmp_path):
    run = Run(tmp_path)
    for path in [*run.xrays.rglob("*[1-9]*.png")]:
        path.unlink()
    assert list(run()["id"]) == ["e0", "n0"]


@pytest.mark.parametrize("link", ["normal/again", "normal"], ids=["below", "itself"])
def test_a_class_that_is_linked_into_the_other(run, link):
    if link == "normal":
        shutil.rmtree(run.xrays / link)
    (run.xrays / link).symlink_to(run.xrays / "effusion", target_is_directory=True)
    text = run.message()
    assert "Both classes hold the same content, 12 in all" in text
    assert f"xrays/effusion/e0.png = xrays/{link}/e0.png" in text


def test_images_that_lie_among_the_results(run):
    (run.root / "results").mkdir()
    run.xrays.rename(run.root / "results/mine")
    table = run(path="results/mine")
    assert table["path"][0] == "results/mine/effusion/e0.png"


def test_an_image_that_vanishes_while_it_is_looked_at(run, monkeypatch):
    read = images.read_bytes

    def vanish(path):
        if "e3" in str(path):
            path.unlink()
        return read(path)

    monkeypatch.setattr(images, "read_bytes", vanish)
    assert len(run(max_rejected=0.1)) == 21
    assert list(run.rejected["reason"]) == ["file not found"]


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (np.zeros((64, 64), np.uint8), None),  # an empty mask is a fact, no fault
        (np.zeros((32, 64), np.uint8), "its mask is of 64x32 pixels, not 64x64"),
        (None, "its mask .*: file not found"),
    ],
)
def test_masks_are_checked(run, mask, reason):
    rows = ["path,label,mask"]
    rows += [
        f"effusion/e{i}.png,1,mask.png" if i == 2 else f"effusion/e{i}.png,1," for i in range(9)
    ]
    rows += [f"normal/n{i}.png,0," for i in range(9)]
    (run.xrays / "list.csv").write_text("\n".join(rows))
    if mask is not None:
        cv2.imwrite(str(run.xrays / "mask.png"), mask)
    table = run(
        max_rejected=0.2,
        source="table",
        path="xrays/list.csv",
        root=None,
        encoding=None,
        columns={},
        effusion="1",
        normal="0",
        label_separator=None,
    )
    if reason is None:
        assert table.set_index("id")["mask"]["e2"] == "xrays/mask.png"
    else:
        assert "e2" not in set(table["id"])
        assert re.search(reason, run.rejected["reason"][0])
        assert run.rejected["row"][0] == 4


def test_real_nih_sample(real, run):
    nih = real.resolve() / "nih"
    table = run(**nih_set(nih, boxes=str(nih / "BBox_List_2017.csv")))
    assert dict(table["class"].value_counts()) == {"normal": 499, "effusion": 170}
    assert table["patient"].nunique() == 215
    boxes = read_table(run.root / "boxes.csv", "boxes")
    assert set(boxes["id"]) <= set(table["id"])


def write_dicoms(run, count=4, **header):
    """Give the first effusions as DICOM files, all with the same header."""
    for i in range(count):
        pixels = draw(True, 64, np.random.default_rng(100 + i))
        data = dicom(pixels, **{"PatientID": f"MRN-{i // 2}", "PatientAge": "058Y"} | header)
        (run.xrays / f"effusion/e{i}.png").unlink()
        (run.xrays / f"effusion/e{i}.dcm").write_bytes(data)


def test_dicom_headers_fill_in_what_the_source_does_not_know(run, capsys):
    write_dicoms(run, PatientSex="F", ViewPosition="PA", BurnedInAnnotation="YES")
    table = run()
    first = table.iloc[:4]
    assert set(zip(first["age"], first["sex"], first["view"], first["flags"], strict=True)) == {
        (58, "F", "PA", "burned_in")
    }
    assert first["patient"].str.fullmatch("p[0-9a-f]{16}").all()
    assert first["patient"].nunique() == 2
    assert set(table["patient"][4:]) == {""}
    assert "0 left out by image.exclude, 4 flagged (4 burned_in)" in capsys.readouterr().out
    assert (run.root / "pseudonyms.key").stat().st_mode & 0o777 == 0o600
    run()
    pd.testing.assert_frame_equal(read_table(run.root / "manifest.csv", "manifest"), table)


def test_the_source_goes_before_the_header_and_is_hashed_too(run):
    """A patient has one pseudonym, whether a file name or a header tells who it is."""
    write_dicoms(run, count=1)
    by_header = run()["patient"][0]
    table = run(patient_pattern=r"^[en]([0-9]+)")
    assert table["patient"][0] not in ("0", "", by_header)
    assert table["patient"][1] == "1"  # a PNG's stays as it is
    os.rename(run.xrays / "effusion/e0.dcm", run.xrays / "effusion/MRN-0.dcm")  # noqa: PTH104
    table = run(patient_pattern=r"^(MRN-[0-9]+|[en][0-9]+)")
    assert by_header in set(table["patient"])


def test_lateral_views_are_left_out_unless_asked_for(run, capsys):
    write_dicoms(run, ViewPosition="LL")
    assert len(run(max_rejected=0)) == 18
    assert set(run.rejected["reason"]) == {"left out by image.exclude: lateral"}
    assert "0 rejected, 4 left out by image.exclude, 0 flagged" in capsys.readouterr().out
    table = run(exclude=[])
    assert list(table["flags"][:5]) == ["lateral"] * 4 + [""]


def test_a_class_of_lateral_views_alone(run):
    write_dicoms(run, count=12, ViewPosition="LL")
    assert "no usable image (0 were rejected, 12 left out by image.exclude)" in run.message()


def test_negatives_are_flagged_and_used(run, capsys):
    rng = np.random.default_rng(0)
    frontal = np.full((64, 64), 60, np.uint8)
    frontal[26:, 26:38] = 200  # heart, spine and belly
    frontal += rng.integers(0, 20, frontal.shape, np.uint8)
    cv2.imwrite(str(run.xrays / "effusion/e0.png"), 255 - frontal)
    cv2.imwrite(str(run.xrays / "effusion/e1.png"), frontal)
    table = run()
    assert list(table["flags"][:2]) == ["inverted", ""]
    assert len(run(exclude=["inverted"])) == len(table) - (table["flags"] == "inverted").sum()
