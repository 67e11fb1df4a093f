import cv2
import numpy as np
import pandas as pd
import pytest

from audit_shortcut import audit_shortcut, prepare_pairs
from audited import write_looker
from cxr import confounding, tables
from cxr.backend import fix_bits
from cxr.errors import UserError
from cxr.images import prepare
from cxr.phantom import draw_dataset, draw_pairs
from cxr.truth import resize_mask

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
PHANTOM = {"normal": 6, "effusion": 6, "size": 96, "seed": 1}
SIZE = 32  # of images.npy and of the network's input
METHODS = ["gradcam", "occlusion", "edges", "random"]
CORNER = slice(6, 9), slice(1, 5), 20, 0.2  # of SIZE, where markers lie; they decide some images
HEART = slice(14, 20), slice(14, 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Phantoms, two thirds of them with a marker, prepared as the workflow does."""
    folder = tmp_path_factory.mktemp("planted")
    draw_dataset(folder, **PHANTOM, processes=1, shortcut="marker", share=0.5)
    labels = tables.read_csv(folder / "labels.csv")
    marks = tables.read_csv(folder / "shortcuts.csv")
    names = labels["path"].str.extract(r"([^/]+)\.png")[0]
    images = [
        prepare(cv2.imread(str(folder / path), cv2.IMREAD_UNCHANGED), SIZE, "area")
        for path in labels["path"]
    ]
    np.save(folder / "images.npy", np.stack(images))
    facts = {"id": names, "path": labels["path"], "marked": marks["marked"], "mask": marks["mask"]}
    manifest = labels[["label", "patient"]].assign(**facts)
    manifest.to_csv(folder / "manifest.csv", index=False)
    subsets = ["train", "test", "test", "test", "validation", "test"] * 2
    pd.DataFrame({"id": names, "subset": subsets}).to_csv(folder / "split.csv", index=False)
    return folder


def run(folder, output, place, **changes):
    """Audit a network that looks at one place alone, see `write_looker`."""
    paths = {"use": "shortcut_use.csv", "table": "shortcut.csv", "maps": "shortcut.npy"}
    arguments = {
        "model": write_looker(output / "model.keras", *place),
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "fold": None,
        "phantom": PHANTOM | {"shortcut": "marker"},
        "resize": "area",
        "methods": METHODS,
        "number": 6,
        "slow": 4,
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "outputs": {key: output / name for key, name in paths.items()},
    }
    audit_shortcut(**arguments | changes)
    return (
        tables.read_table(output / "shortcut_use.csv", "shortcut_use"),
        tables.read_table(output / "shortcut.csv", "shortcut"),
        np.load(output / "shortcut.npy"),
    )


@pytest.fixture(scope="module")
def seeing(folder, tmp_path_factory):
    """What is written about a network that looks at the marker alone."""
    return run(folder, tmp_path_factory.mktemp("seeing"), CORNER)


def test_the_one_that_the_data_set_holds_equals_its_row_of_images_to_the_bit(folder):
    manifest, array = tables.read_csv(folder / "manifest.csv"), np.load(folder / "images.npy")
    held = dict(zip(manifest["id"], array, strict=True))
    drawn = draw_pairs(held, **PHANTOM, shortcut="marker")
    pairs = prepare_pairs(drawn, held, "area")
    assert list(pairs.marked) == list(manifest["marked"] == "1")
    assert 0 < pairs.marked.sum() < 12
    versions = pairs.images[pairs.marked.astype(int), np.arange(12)]
    assert versions.tobytes() == array.tobytes()
    for row, path in enumerate(manifest["mask"]):
        place = resize_mask(cv2.imread(str(folder / path), cv2.IMREAD_UNCHANGED), SIZE)
        assert pairs.places[row].any()
        assert not pairs.marked[row] or np.array_equal(place, pairs.places[row])


def test_images_that_were_changed_are_refused(folder):
    array = np.load(folder / "images.npy")
    held = {"phantom-n0": array[0]}
    drawn = draw_pairs(held, **PHANTOM, shortcut="marker")
    with pytest.raises(UserError, match=r"phantom-n0: .* changed after it was drawn. Remove"):
        prepare_pairs(drawn, held, "area")


def test_a_network_that_looks_at_the_marker_reacts_to_it(seeing, folder):
    use, table, _ = seeing
    value = use.set_index(["statistic", "images"])["value"]
    assert value["auroc_drop", confounding.AT_RANDOM] > 0.02
    assert value["probability_change", confounding.ADDED] > 0.2
    assert value["called_otherwise", confounding.ADDED] > 0.2
    assert set(use["n"]) == {8}
    facts = tables.read_csv(folder / "manifest.csv").set_index("id").loc[table["id"]]
    assert list(table["marked"]) == facts["marked"].astype(int).tolist()
    assert list(table["label"]) == facts["label"].astype(int).tolist()
    assert (table["probability_marked"] > table["probability_without"]).all()


def test_a_network_that_looks_elsewhere_does_not(folder, tmp_path):
    use, table, _ = run(folder, tmp_path, HEART, methods=["gradcam"])
    value = use.set_index(["statistic", "images"])["value"]
    assert value["probability_change", confounding.ADDED] == pytest.approx(0, abs=0.01)
    assert value["called_otherwise", confounding.ADDED] == 0
    assert (table["explanation_ncc"] > 0.9).all()


def test_methods_map_the_same_images_slow_ones_fewer(seeing):
    _, table, _ = seeing
    ids = table.groupby("method", sort=False)["id"].agg(list)
    assert list(ids.index) == METHODS
    assert ids["gradcam"] == ids["edges"] == ids["random"]
    assert len(ids["gradcam"]) == 6 and ids["occlusion"] == ids["gradcam"][:4]


def test_images_that_the_mark_decides_come_first(seeing):
    _, table, _ = seeing
    for _, part in table.groupby("method"):
        assert part["called_otherwise"].is_monotonic_decreasing
    both = table[["probability_without", "probability_marked"]] >= 0.5
    expected = both["probability_without"] != both["probability_marked"]
    assert list(table["called_otherwise"]) == expected.astype(int).tolist()


def test_maps_are_those_of_the_first_image(seeing, folder):
    _, table, maps = seeing
    assert maps.shape == (1 + len(METHODS), 2, SIZE, SIZE) and maps.dtype == np.float32
    first = table.iloc[0]
    row = list(tables.read_csv(folder / "manifest.csv")["id"]).index(first["id"])
    np.testing.assert_array_equal(maps[0, first["marked"]], np.load(folder / "images.npy")[row])
    pair = next(draw_pairs([first["id"]], **PHANTOM, shortcut="marker"))
    place = resize_mask(pair.place, SIZE)[None]
    for method, (without, marked) in zip(METHODS, maps[1:], strict=True):
        found = table[(table["method"] == method) & (table["id"] == first["id"])].iloc[0]
        level, shown = (
            confounding.confounder_sensitivity(cam[None], place)[0] for cam in (without, marked)
        )
        assert (found["sensitivity_without"], found["sensitivity_marked"]) == (level, shown)
        ncc = confounding.explanation_ncc(marked[None], without[None])[0]
        assert found["explanation_ncc"] == pytest.approx(ncc, nan_ok=True)


def test_the_same_bytes_twice(seeing, folder, tmp_path):
    use, table, maps = run(folder, tmp_path, CORNER)
    pd.testing.assert_frame_equal(use, seeing[0])
    pd.testing.assert_frame_equal(table, seeing[1])
    np.testing.assert_array_equal(maps, seeing[2])
