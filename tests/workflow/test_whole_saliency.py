"""What the saliency stage of the tiny run leaves behind."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxr.methods import CAMS
from cxr.tables import columns, read_table
from tiny import TINY, configure, finish, refuse

METHODS = ["gradcam", "gradcam_plus_plus", "layercam", "scorecam", "smoothgrad", "occlusion"]


@pytest.fixture(params=TINY["run"])
def folder(request: pytest.FixtureRequest, finished: Path) -> Path:
    return finished / "results" / "phantom" / request.param / "seed-1" / "saliency"


def test_each_table_holds_what_its_schema_says(folder: Path) -> None:
    for name in ("maps", "agreement", "agreement_summary"):
        assert [*read_table(folder / f"{name}.csv", name).columns] == columns(name)


def test_maps_are_of_ten_test_images_with_the_networks_probability(folder: Path) -> None:
    table = read_table(folder / "maps.csv", "maps")
    predictions = pd.read_csv(folder.parent / "predictions.csv").set_index("id")
    count = min(10, (predictions["subset"] == "test").sum())
    for method in METHODS:
        part = table[table["method"] == method]
        maps = np.load(folder / f"{method}.npy")
        assert (maps.shape, maps.dtype) == ((count, 64, 64), np.float32)
        assert [*part["row"]] == [*range(count)]
        assert set(part["label"][:2]) == {0, 1}
        expected = predictions.loc[part["id"]]
        assert (expected["subset"] == "test").all()
        np.testing.assert_allclose(part["probability"], expected["probability"], atol=1e-5)
        for row, empty in zip(maps, part["empty"], strict=True):
            assert (row.min(), row.max()) == ((0, 0) if empty else (0, 1))
    if folder.parts[-3] == "lesson":  # its poolings leave one pixel of a 64-pixel image
        assert (table.loc[table["method"].isin(CAMS), "empty"] == 1).all()
    else:
        assert (table["empty"] == 0).any()


def test_figures_are_there(folder: Path) -> None:
    for name in ("maps", "agreement"):
        picture = cv2.imread(str(folder / f"{name}.png"))
        assert picture is not None
        assert picture.std() > 5  # something is drawn


def test_images_of_any_subset_can_be_asked_for(project: Path) -> None:
    split = read_table(project / "results/phantom/split.csv", "split")
    wanted = [*split.loc[split["subset"] == "train", "id"][:2]]
    configure(project, {"run": ["small"], "saliency": {"images": 1, "ids": wanted}})
    finish(project, "saliency")
    table = read_table(project / "results/phantom/small/seed-1/saliency/maps.csv", "maps")
    assert [*table["id"].unique()][1:] == wanted


def test_an_unknown_id_ends_in_one_message_before_training(fresh: Path) -> None:
    configure(fresh, {"saliency": {"ids": ["phantom-x9"]}})
    text = refuse(fresh, "saliency")
    assert not list(fresh.rglob("model.keras"))
    assert "saliency.ids names images that manifest.csv lacks: phantom-x9" in text
