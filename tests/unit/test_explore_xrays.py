import cv2
import numpy as np
import pytest

from cxr.arrays import open_array
from cxr.errors import UserError
from cxr.tables import read_table
from explore_xrays import THUMBNAIL, explore_xrays
from explorers import COUNT, LABELS, draw_explorer, write_explorer_files
from quizzes import write_files


def read(path):
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    files = write_explorer_files(tmp_path_factory.mktemp("explore") / "files")
    draw_explorer(files, size=64)
    return files


@pytest.mark.parametrize("kind", ["xrays", "thumbnails"])
def test_each_xray_is_drawn_as_it_is(folder, kind):
    assert len([*(folder / "explore" / kind).iterdir()]) == COUNT
    for name, path in read_table(folder / "manifest.csv", "manifest")[["id", "path"]].values:
        picture = read(folder / "explore" / kind / f"{name}.jpg")
        assert picture.shape == (64, 53)
        file = cv2.resize(read(path), (53, 64), interpolation=cv2.INTER_AREA)
        assert np.corrcoef(picture.ravel(), file.ravel())[0, 1] > 0.99


def test_large_xrays_have_small_thumbnails(tmp_path):
    files = write_files(tmp_path / "files", (1, 0), (0.9, 0.1), size=(400, 300))
    draw = (tmp_path / kind for kind in ("xrays", "thumbnails", "outlines"))
    explore_xrays(files / "manifest.csv", 350, 2, *draw)
    assert read(tmp_path / "xrays" / "i0.jpg").shape == (350, 262)
    assert max(read(tmp_path / "thumbnails" / "i0.jpg").shape) == THUMBNAIL
    assert read(tmp_path / "outlines" / "i0.png").shape[:2] == (350, 262)
    assert not (tmp_path / "outlines" / "i1.png").exists()


def test_effusions_are_outlined_where_they_are(folder):
    outlined = {path.stem for path in (folder / "explore" / "outlines").iterdir()}
    assert outlined == {f"i{row}" for row in range(COUNT) if LABELS[row]}
    places = np.argwhere(read(folder / "explore" / "outlines" / "i1.png")[..., 3])
    scale = 64 / 96
    assert places.min(axis=0) == pytest.approx([60 * scale, 10 * scale], abs=3)
    assert places.max(axis=0) == pytest.approx([80 * scale, 40 * scale], abs=3)


def test_maps_are_drawn_but_for_empty_ones(folder):
    table = read_table(folder / "maps.csv", "maps").query("method == 'gradcam'")
    drawn = {path.stem for path in (folder / "explore" / "maps" / "gradcam").iterdir()}
    assert drawn == set(table["id"]) - {"i3"}
    row = table.set_index("id").at["i4", "row"]
    cam = open_array(folder / "gradcam.npy")[row]
    opacity = read(folder / "explore" / "maps" / "gradcam" / "i4.png")[..., 3]
    assert np.corrcoef(opacity.ravel(), cam.ravel())[0, 1] > 0.99


def test_a_file_that_has_gone_is_named(tmp_path):
    files = write_files(tmp_path / "files")
    (files / "X-rays" / "i3.png").unlink()
    with pytest.raises(UserError, match=r"i3\.png: file not found"):
        explore_xrays(files / "manifest.csv", 64, 2, *(tmp_path / each for each in "abc"))
