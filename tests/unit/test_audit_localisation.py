import json

import cv2
import numpy as np
import pandas as pd
import pytest

from audit_localisation import audit_localisation, read_truths
from audited import SIZE, truth_of, write_images, write_network
from cxr import cams, localisation, tables
from cxr.backend import fix_bits
from cxr.errors import UserError

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
PRIORS = [localisation.MEAN, localisation.CENTRE]
TESTED = [f"e{number}" for number in range(6)]
EFFUSIONS = [f"e{number}" for number in range(10)]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    return write_network(write_images(tmp_path_factory.mktemp("network")), "model.keras", 0)


@pytest.fixture
def folder(tmp_path):
    return write_images(tmp_path)


def write_masks(folder, names=EFFUSIONS, size=2 * SIZE):
    """The true places as masks, larger than the maps, that manifest.csv names."""
    manifest = tables.read_csv(folder / "manifest.csv")
    for name in names:
        path = folder / f"{name}_mask.png"
        cv2.imwrite(str(path), truth_of(folder, name, size))
        manifest.loc[manifest["id"] == name, "mask"] = str(path)
    manifest.to_csv(folder / "manifest.csv", index=False)


def write_boxes(folder, names=EFFUSIONS, finding="Effusion"):
    """The true places as boxes in an image of 1024 pixels."""
    rows, scale = [], 1024 // SIZE
    for name in names:
        x, y, w, h = cv2.boundingRect(truth_of(folder, name))
        rows.append([name, finding, x * scale, y * scale, w * scale, h * scale, 1024, 1024])
    table = pd.DataFrame(rows, columns=tables.columns("boxes"))
    tables.write_table(table, folder / "boxes.csv", "boxes")


def write_chexlocalize(folder, names=EFFUSIONS):
    """The true places as run lengths, and images in folders as CheXpert has them."""
    manifest, known = tables.read_csv(folder / "manifest.csv"), {}
    manifest["path"] = "data/" + manifest["id"] + "/study1/view1_frontal.jpg"
    manifest.to_csv(folder / "manifest.csv", index=False)
    for name in names:
        flat = (truth_of(folder, name) > 0).T.ravel()
        edges = np.flatnonzero(np.diff(flat, prepend=False, append=not flat[-1]))
        runs = {"size": [SIZE, SIZE], "counts": np.diff(edges, prepend=0).tolist()}
        known[f"{name}_study1_view1_frontal"] = {"Pleural Effusion": runs}
    (folder / "masks.json").write_text(json.dumps(known))
    return folder / "masks.json"


def run(folder, network, **changes):
    arguments = {
        "model": network,
        "images": folder / "images.npy",
        "manifest": folder / "manifest.csv",
        "split": folder / "split.csv",
        "boxes": folder / "boxes.csv",
        "fold": None,
        "masks": None,
        "methods": ["random", "edges"],
        "number": 10,
        "slow": 10,
        "layer": None,
        "threads": THREADS,
        "memory": 200,
        "output": folder / "localisation.csv",
    }
    audit_localisation(**arguments | changes)
    return tables.read_table(folder / "localisation.csv", "localisation")


@pytest.fixture
def seeing(monkeypatch):
    """Let LayerCAM show what is bright, which in these images is the truth."""
    real = cams.mapper

    def mapper(method, logits, layer, at_once):
        if method != "layercam":
            return real(method, logits, layer)
        return lambda images, targets: (images[..., 0] > 2).astype(np.float32)

    monkeypatch.setattr(cams, "mapper", mapper)


def rows_of(table, method):
    """Rows of checks.csv for a method against the mean truth, by statistic."""
    own, prior = (
        table[table["method"] == name].set_index("id") for name in (method, localisation.MEAN)
    )
    rows = localisation.rows(method, own, prior.reindex(own.index), "mean truth")
    return {row["statistic"]: row for row in rows}


def test_a_map_of_the_truth_passes_and_random_maps_do_not(folder, network, seeing):
    write_masks(folder)
    table = run(folder, network, methods=["layercam", "random"])
    assert list(table["method"].unique()) == [*PRIORS, "layercam", "random"]
    for _, part in table.groupby("method"):
        assert list(part["id"]) == TESTED
        assert part["threshold"].nunique() == 1
    found = table[table["method"] == "layercam"]
    assert (found["pointing"] == 1).all()
    assert found[["energy", "iou", "best_iou"]].min(axis=None) > 0.7  # halved and stretched again
    assert (found["reachable_iou"] >= found["best_iou"]).all()
    seen, random = rows_of(table, "layercam"), rows_of(table, "random")
    assert seen["all above mean truth"]["verdict"] == "pass"
    assert (seen["all above mean truth"]["n"]) == 6
    assert random["all above mean truth"]["verdict"] != "pass"


def test_the_mean_truth_is_that_of_all_validation_images_and_of_no_others(folder, network):
    write_masks(folder)
    table = run(folder, network, number=1, methods=["edges"])
    mean = np.mean([truth_of(folder, name) > 0 for name in ("e6", "e7", "e8")], axis=0)
    truth = truth_of(folder, "e0") > 0
    prior = table[table["method"] == localisation.MEAN]
    assert list(prior["id"]) == ["e0"]
    assert prior["energy"].item() == pytest.approx(mean[truth].sum() / mean.sum())
    assert prior["reachable_iou"].isna().all()


def test_scores_are_those_of_maps_at_the_size_of_the_images(folder, network):
    write_masks(folder)
    table = run(folder, network, methods=["edges"]).query("method == 'edges'")
    image = np.load(folder / "images.npy")[0]
    small = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)[None, ..., None]
    cam, _ = cams.scale(cams.edges(small, np.ones(1, int))[0], SIZE)
    truth = truth_of(folder, "e0") > 0
    row = table.set_index("id").loc["e0"]
    assert row["energy"] == pytest.approx(localisation.energy(cam, truth))
    assert row["best_iou"] == pytest.approx(localisation.best_iou(cam, truth))
    assert row["iou"] == pytest.approx(localisation.iou(cam, truth, row["threshold"]))
    assert row["reachable_iou"] == localisation.reachable_iou(truth, (16, 16))


def test_the_threshold_is_the_best_of_validation_images(folder, network):
    write_masks(folder)
    table = run(folder, network, methods=["edges"]).query("method == 'edges'")
    images = np.load(folder / "images.npy")[6:9]
    small = [cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA) for image in images]
    raw = cams.edges(np.stack(small)[..., None], np.ones(3, int))
    maps = np.stack([cams.scale(cam, SIZE)[0] for cam in raw])
    truths = np.stack([truth_of(folder, name) > 0 for name in ("e6", "e7", "e8")])
    expected = localisation.choose_threshold(maps, truths)
    assert table["threshold"].unique() == pytest.approx([expected])


def test_slow_methods_map_fewer_images(folder, network):
    write_masks(folder)
    table = run(folder, network, methods=["occlusion", "edges"], number=4, slow=2)
    counts = table.groupby("method", sort=False)["id"].agg(list).to_dict()
    assert counts == dict.fromkeys([*PRIORS, "edges"], TESTED[:4]) | {"occlusion": TESTED[:2]}


def test_masks_boxes_and_chexlocalize_say_the_same(tmp_path, network):
    found = []
    for name, write in (
        ("masks", write_masks),
        ("boxes", write_boxes),
        ("chexlocalize", write_chexlocalize),
    ):
        (tmp_path / name).mkdir()
        folder = write_images(tmp_path / name)
        path = write(folder)
        found.append(run(folder, network, masks=path, methods=["edges"]))
    for other in found[1:]:
        pd.testing.assert_frame_equal(other, found[0])
    assert len(found[0]) == 3 * 6


@pytest.mark.parametrize("known", [[], TESTED, ["e6", "e7", "n0", "e9"]])
def test_without_truths_to_score_and_to_choose_on_there_are_no_rows(known, folder, network, capsys):
    write_boxes(folder, known)
    assert run(folder, network).empty
    held, validation = (len(set(known) & set(part)) for part in (TESTED, ["e6", "e7", "e8"]))
    said = f"{held} held-out effusions in known places, {validation} of validation"
    assert said in capsys.readouterr().out


def test_images_without_a_known_place_are_left_out(folder, network):
    write_boxes(folder, ["e1", "e3", "e7"])
    table = run(folder, network)
    assert list(table["id"].unique()) == ["e1", "e3"]


def test_other_findings_are_no_effusion(folder):
    write_boxes(folder, ["e0"], finding="Mass")
    manifest, boxes = (tables.read_csv(folder / f"{name}.csv") for name in ("manifest", "boxes"))
    boxes = tables.check_table(boxes, "boxes", "boxes.csv")
    assert read_truths(manifest, boxes, None, SIZE) == {}


def test_a_mask_is_taken_before_a_box_and_a_box_before_chexlocalize(folder):
    path = write_chexlocalize(folder, ["e0", "e1", "e2"])
    boxes = [["e0", "Pleural effusion", 0, 0, 512, 1024, 1024, 1024]]
    boxes.append(["e1", "pleural EFFUSION", 0, 0, 1024, 512, 1024, 1024])
    boxes = pd.DataFrame(boxes, columns=tables.columns("boxes"))
    write_masks(folder, ["e0"])
    truths = read_truths(tables.read_csv(folder / "manifest.csv"), boxes, path, SIZE)
    assert sorted(truths) == ["e0", "e1", "e2"]
    np.testing.assert_array_equal(truths["e0"], truth_of(folder, "e0") > 0)
    assert truths["e1"][: SIZE // 2].all() and not truths["e1"][SIZE // 2 :].any()
    np.testing.assert_array_equal(truths["e2"], truth_of(folder, "e2") > 0)


def test_a_file_of_masks_that_is_not_there_is_named(folder, network):
    with pytest.raises(UserError, match=r"nowhere\.json: it cannot be opened"):
        run(folder, network, masks=folder / "nowhere.json")
