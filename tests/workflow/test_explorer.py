"""The page to look through all X-rays: what a run leaves for it, and what an edit makes anew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr.tables import read_table
from tiny import plan, rules

RESULTS = Path("results/phantom")
RUN = RESULTS / "small/seed-1"


def append(path: Path, comment: str) -> None:
    path.write_text(path.read_text() + comment)


@pytest.mark.parametrize(
    ("part", "comment"),
    [("explore.css", "/* edited */\n"), ("explore.js", "// edited\n"), ("explore.html", "\n")],
)
def test_a_restyled_page_makes_the_page_anew_and_nothing_else(
    project: Path, part: str, comment: str
) -> None:
    append(project / "pages" / part, comment)
    assert rules(plan(project)) == {"explore_page"}


def test_every_image_has_pictures_and_a_probability(finished: Path) -> None:
    manifest = read_table(finished / RESULTS / "manifest.csv", "manifest")
    split = read_table(finished / RESULTS / "split.csv", "split").set_index("id")["subset"]
    asked = read_table(finished / RUN / "explore/predictions.csv", "predictions").set_index("id")
    assert [*asked.index] == [*manifest["id"]]
    pd.testing.assert_series_equal(asked["subset"], split.loc[asked.index])
    known = read_table(finished / RUN / "predictions.csv", "predictions").set_index("id")
    pd.testing.assert_frame_equal(asked.loc[known.index], known)
    features = np.load(finished / RUN / "features.npy")
    assert features.shape == (len(manifest), 8)  # channels of the last convolution
    folder = finished / RESULTS / "explore"
    for kind in ("xrays", "thumbnails"):
        names = {path.stem for path in (folder / kind).glob("*.jpg")}
        assert names == set(manifest["id"])
    outlined = {path.stem for path in (folder / "outlines").glob("*.png")}
    assert outlined == set(manifest.loc[manifest["label"] == 1, "id"])


def test_the_held_out_images_have_maps(finished: Path) -> None:
    table = read_table(finished / RUN / "explore/maps.csv", "maps")
    held_out = read_table(finished / RUN / "predictions.csv", "predictions").query(
        "subset == 'test'"
    )
    for method, part in table.groupby("method"):
        assert set(part["id"]) == set(held_out["id"])
        drawn = {path.stem for path in (finished / RESULTS / "explore/maps" / method).iterdir()}
        assert drawn == set(part.loc[part["empty"] == 0, "id"])
    assert set(table["method"]) == {"gradcam", "gradcam_plus_plus"}
