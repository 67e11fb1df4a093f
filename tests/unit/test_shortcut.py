"""Planted shortcuts: who bears the mark, that nothing else changes, and the pairs of images."""

import copy
import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from snakemake.utils import update_config

from cxr.config import load
from cxr.errors import UserError
from cxr.phantom import draw_dataset, draw_pairs
from cxr.phantom.cohort import draw_cohort
from cxr.phantom.scene import draw_people, draw_scenes
from cxr.phantom.shortcut import KINDS, plant
from workspace import ROOT

COUNTS = {"normal": 5, "effusion": 6, "size": 96, "seed": 1}


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def table(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    draw_dataset(folder, **COUNTS, processes=1)
    return folder


@pytest.fixture(scope="module", params=KINDS)
def planted(request, tmp_path_factory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp(request.param)
    draw_dataset(folder, **COUNTS, processes=1, shortcut=request.param, share=0.8)
    return folder, request.param


# --- who bears it -------------------------------------------------------------------------


def cohort(normal=60, effusion=50, seed=0):
    return draw_cohort(np.random.default_rng(seed), normal, effusion)


def visits(people):
    return [visit for person in people for visit in person.visits]


@given(st.integers(1, 80), st.integers(1, 80), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_the_mark_follows_the_label_or_the_patient(normal, effusion, share, seed):
    people = cohort(normal, effusion, seed)
    marked = plant(np.random.default_rng(seed), people, share)
    untied = [
        len({visit.marked for visit in person.visits}) == 1
        for person in marked
        if any(visit.marked != bool(visit.label) for visit in person.visits)
    ]
    assert all(untied)
    assert len(untied) <= len(people) - round(share * len(people))
    for before, after in zip(people, marked, strict=True):
        assert [v.name for v in before.visits] == [v.name for v in after.visits]
        assert not any(v.marked for v in before.visits)


@pytest.mark.parametrize("seed", range(5))
def test_at_1_the_mark_is_the_label_and_at_0_it_tells_nothing(seed):
    for share in (0, 0.2, 0.5, 0.8, 1):
        drawn = visits(plant(np.random.default_rng(seed), cohort(350, 350, seed), share))
        told = np.corrcoef([v.label for v in drawn], [v.marked for v in drawn])[0, 1]
        assert told == pytest.approx(share, abs=1e-9 if share == 1 else 0.02 if not share else 0.1)
        assert np.mean([v.marked for v in drawn]) == pytest.approx(0.5, abs=0.06)


def test_both_coins_fall():
    people = cohort(1, 1)
    fallen = {plant(np.random.default_rng(s), people, 0)[0].visits[0].marked for s in range(20)}
    assert fallen == {True, False}


# --- nothing else changes -----------------------------------------------------------------


def test_patients_and_images_have_the_seeds_they_had_before_shortcuts():
    """Drawn by the version before: a further random number would change every phantom."""
    people = draw_people(12, 12, 1, 0, "none", 0)[:3]
    seeds = [
        (scene.visit.name, scene.exam.seed, scene.patient.seed)
        for person_seed, person in people
        for scene in draw_scenes(person_seed, person, "none")
    ]
    assert seeds == [
        ("phantom-e0", 1900462342, 494498972),
        ("phantom-e1", 226693802, 269642540),
        ("phantom-e2", 1758173904, 1759687938),
        ("phantom-e3", 1912687544, 1759687938),
        ("phantom-e4", 1813563732, 1759687938),
        ("phantom-e5", 134721949, 1759687938),
    ]


def test_without_a_shortcut_there_is_no_trace_of_one(plain):
    assert not [name for name in bytes_of(plain) if "shortcut" in name]
    assert "marked" not in (plain / "labels.csv").read_text()


def test_what_does_not_bear_the_mark_is_as_without_a_shortcut(plain, planted):
    folder, _ = planted
    before, after = bytes_of(plain), bytes_of(folder)
    bears = {row["path"] for row in table(folder / "shortcuts.csv") if row["marked"] == "1"}
    assert 0 < len(bears) < 11
    assert {name for name in before if after[name] != before[name]} == bears  # labels.csv, too
    assert {name.split("/")[0] for name in after.keys() - before.keys()} == {
        "shortcuts",
        "shortcuts.csv",
    }


def test_the_mask_is_where_the_mark_changed_the_image(plain, planted):
    folder, _ = planted
    rows = table(folder / "shortcuts.csv")
    assert [row["path"] for row in rows] == [row["path"] for row in table(folder / "labels.csv")]
    for row in rows:
        place = read(folder / row["mask"])
        changed = read(folder / row["path"]) != read(plain / row["path"])
        assert np.array_equal(place, np.where(changed, 255, 0))
        assert place.any() == (row["marked"] == "1")


# --- the marks ----------------------------------------------------------------------------


def test_marks_lie_where_they_should(planted):
    folder, kind = planted
    for row in table(folder / "shortcuts.csv"):
        if row["marked"] == "0":
            continue
        place = read(folder / row["mask"]) > 0
        rows, columns = (np.flatnonzero(place.any(axis=axis)) / 96 for axis in (1, 0))
        if kind == "marker":
            assert 0.003 < place.mean() < 0.02
            assert rows.min() > 0.1 and rows.max() < 0.4 and columns.max() < 0.2
        elif kind == "tube":
            assert 0.005 < place.mean() < 0.05
            assert np.ptp(rows) > 0.7 and np.ptp(columns) < 0.5
        else:
            assert place.mean() > 0.4


def test_a_patients_images_bear_the_same_mark():
    """Patients of the first data set with several images: the token stays where it is."""
    pairs = {pair.name: pair for pair in draw_pairs(["phantom-e2", "phantom-e4"], 12, 12, 256, 1,
                                                     "marker")}  # fmt: skip
    first, second = (pairs[name].place > 0 for name in ("phantom-e2", "phantom-e4"))
    assert (first & second).sum() > 0.9 * (first | second).sum()


def test_a_marker_is_brighter_and_another_exposure_grainier():
    def pair(kind):
        return next(draw_pairs(["phantom-n0"], 5, 6, 256, 1, kind))

    for kind in ("marker", "tube"):
        drawn = pair(kind)
        gain = drawn.marked.astype(int) - drawn.without
        assert gain[drawn.place > 0].min() > 0 and gain[drawn.place > 0].mean() > 10
    drawn = pair("exposure")
    without, marked = (image[160:].astype(float) for image in (drawn.without, drawn.marked))
    grain = [np.median(np.abs(np.diff(image, 2, axis=1))) for image in (without, marked)]
    assert grain[1] > 1.5 * grain[0] and marked.mean() < without.mean() - 10


# --- pairs --------------------------------------------------------------------------------


def test_a_pair_holds_the_image_of_the_data_set(plain, planted):
    folder, kind = planted
    rows = {Path(row["path"]).stem: row for row in table(folder / "shortcuts.csv")}
    names = ["phantom-n1", "phantom-e0", "phantom-e5"]
    pairs = list(draw_pairs(names, **COUNTS, shortcut=kind))
    assert sorted(pair.name for pair in pairs) == sorted(names)
    for pair in pairs:
        row = rows[pair.name]
        held = read(folder / row["path"])
        assert np.array_equal(pair.without, read(plain / row["path"]))
        assert np.array_equal(held, pair.marked if row["marked"] == "1" else pair.without)
        assert np.array_equal(pair.place > 0, pair.marked != pair.without) and pair.place.any()


def test_an_unknown_image_is_named():
    with pytest.raises(UserError, match="phantom-e6 was not drawn"):
        list(draw_pairs(["phantom-e6"], **COUNTS, shortcut="marker"))


# --- the study ----------------------------------------------------------------------------


def test_the_study_is_the_phantom_with_each_share_of_each_mark():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    study = yaml.safe_load((ROOT / "docs" / "shortcut.yaml").read_text(encoding="utf-8"))
    update_config(config, copy.deepcopy(study))
    datasets = load(config, ROOT)["datasets"]
    phantom, found = datasets["phantom"], set()
    assert datasets["shortcut"] == datasets["shortcut_80"]
    for name in study["datasets"]:
        data = datasets[name]
        assert {**data, "shortcut": phantom["shortcut"]} == phantom
        kind, share = data["shortcut"]["kind"], data["shortcut"]["share"]
        assert name == f"{'shortcut' if kind == 'marker' else kind}_{round(100 * share)}"
        found.add((kind, share))
    assert found == {(kind, share) for kind in KINDS for share in (0, 0.2, 0.5, 0.8, 1)}
