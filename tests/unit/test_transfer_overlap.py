import cv2
import numpy as np
import pandas as pd
import pytest

from cxr import tables
from cxr.errors import UserError
from transfer_overlap import transfer_overlap

SIDE = 64
LABELS = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]


@pytest.fixture
def files(tmp_path):
    """Ten images of one data set, and six of another at half the size.

    Of the six, the first is one of the ten in another file, the third a mirror image of one; the
    second is of the first's patient, and two patients have numbers that both data sets use.
    """
    noise = np.random.default_rng(0).standard_normal((15, SIDE, SIDE)).astype(np.float32)
    images = np.array([image / image.std() for image in map(blurred, noise)])
    own = images[:10].repeat(2, axis=1).repeat(2, axis=2)
    others = images[[9, 10, 4, 11, 12, 13]]
    others[2] = others[2, :, ::-1]
    write(tmp_path, "other", others, list("uvwxyz"), ["1", "1", "", "3", "4", ""])
    write(tmp_path, "own", own, list("abcdefghiu"), ["4", "5", *[""] * 8])
    return tmp_path


def blurred(image):
    return cv2.GaussianBlur(image, (0, 0), 2)


def write(folder, name, images, checksums, patients):
    np.save(folder / f"{name}.npy", images)
    ids = [f"{row}" for row in range(len(images))]
    rows = {"id": ids, "label": LABELS[: len(ids)], "sha256": checksums, "patient": patients}
    pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)


def start(folder, sources=("table", "table")):
    transfer_overlap(
        images=folder / "other.npy",
        manifest=folder / "other.csv",
        own_images=folder / "own.npy",
        own_manifest=folder / "own.csv",
        sources=list(sources),
        output=folder / "overlap.csv",
        name="other",
    )
    return list(tables.read_table(folder / "overlap.csv", "overlap")["overlap"])


def test_files_copies_and_their_patients_are_marked(files, capsys):
    assert start(files) == ["file", "patient", "copy", "", "", ""]
    assert capsys.readouterr().out.splitlines()[-1] == "other: 3 of 6 images are to be left out"


@pytest.mark.parametrize("sources", [("nih", "nih"), ("nih", "table")], ids=["nih", "mixed"])
def test_patients_have_the_same_number_within_nih_alone(files, sources):
    marked = start(files, sources)[4]
    assert marked == ("patient" if sources == ("nih", "nih") else "")


def test_a_data_set_without_new_images_of_both_classes_is_refused(files):
    table = pd.read_csv(files / "other.csv", dtype=str, keep_default_na=False)
    table.loc[5, "sha256"] = "a"
    table.to_csv(files / "other.csv", index=False)
    with pytest.raises(UserError, match=r"^other: 2 of its 6 images are new; .*transfer"):
        start(files)
    assert not (files / "overlap.csv").exists()
