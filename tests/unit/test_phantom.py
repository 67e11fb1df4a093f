"""The phantom: files and labels, determinism, physics, and masks."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.phantom import draw_dataset, thorax
from cxr.phantom.canvas import Sketch, ribbon
from cxr.phantom.cohort import draw_cohort, mislabel
from cxr.phantom.exam import PATTERNS, draw_exam
from cxr.phantom.patient import draw_patient
from cxr.phantom.pose import Pose, grid, to_image
from cxr.phantom.render import render

SIZE = 96
NORMAL, EFFUSION = 13, 15


def read(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def labels(folder: Path) -> list[dict]:
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def example(seed: int, label: int, view: str = "PA", sex: str = "M"):
    """A patient and an exam of theirs."""
    rng = np.random.default_rng(seed)
    patient = draw_patient(rng, sex, 50)
    return patient, draw_exam(rng, patient, label, view)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("phantom") / "new" / "phantom"
    draw_dataset(path, normal=NORMAL, effusion=EFFUSION, size=SIZE, seed=3, processes=1)
    return path


def test_files_and_counts(folder):
    expected = {f"effusion/phantom-e{i}.png" for i in range(EFFUSION)}
    expected |= {f"normal/phantom-n{i}.png" for i in range(NORMAL)}
    expected |= {f"masks/{Path(name).name}" for name in expected} | {"labels.csv"}
    assert set(files(folder)) == expected


def test_images_are_8_bit_grey_with_contrast(folder):
    for row in labels(folder):
        image = read(folder / row["path"])
        assert image.shape == (SIZE, SIZE) and image.dtype == np.uint8
        assert image.std() > 20 and np.ptp(image) > 150


def test_masks_are_empty_exactly_for_normals(folder):
    for row in labels(folder):
        mask = read(folder / row["mask"])
        assert mask.shape == (SIZE, SIZE) and mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 255}
        assert mask.any() == (row["label"] == "1"), row["path"]
        assert float(row["mask_share"]) == pytest.approx((mask > 0).mean(), abs=1e-4)


def test_labels_describe_each_image(folder):
    rows = labels(folder)
    assert [row["label"] for row in rows] == ["1"] * EFFUSION + ["0"] * NORMAL
    for row in rows:
        assert row["true_label"] == row["label"]
        effusion = row["label"] == "1"
        assert row["path"].startswith("effusion/phantom-e" if effusion else "normal/phantom-n")
        assert row["mask"] == f"masks/{Path(row['path']).name}"
        assert row["sex"] in {"M", "F"} and row["view"] in {"PA", "AP"}
        assert 18 <= int(row["age"]) <= 92
        sides = [side for side in ("right", "left") if row[f"pattern_{side}"]]
        assert row["side"] == {0: "", 1: "".join(sides), 2: "both"}[len(sides)]
        assert bool(sides) == effusion
        for side in ("right", "left"):
            assert row[f"pattern_{side}"] in {"", *PATTERNS}
            assert (float(row[f"volume_{side}_ml"]) > 3) == (side in sides)


def test_sex_and_age_belong_to_the_patient(folder):
    rows = labels(folder)
    people = {(row["patient"], row["sex"], row["age"]) for row in rows}
    assert len(people) == len({row["patient"] for row in rows}) == round(5 / 7 * len(rows))


def test_same_seed_same_bits_with_two_processes(folder, tmp_path):
    draw_dataset(tmp_path, normal=NORMAL, effusion=EFFUSION, size=SIZE, seed=3, processes=2)
    assert files(tmp_path) == files(folder)


def test_another_seed_gives_other_images(folder, tmp_path):
    draw_dataset(tmp_path, normal=1, effusion=1, size=SIZE, seed=4, processes=1)
    assert not np.array_equal(
        read(tmp_path / "normal/phantom-n0.png"), read(folder / "normal/phantom-n0.png")
    )


def test_label_noise_changes_folders_and_labels_alone(folder, tmp_path):
    draw_dataset(tmp_path, NORMAL, EFFUSION, SIZE, seed=3, processes=1, label_noise=0.2)
    clean = {Path(row["path"]).name: row for row in labels(folder)}
    noisy = {Path(row["path"]).name: row for row in labels(tmp_path)}
    assert noisy.keys() == clean.keys()
    kept = ("patient", "age", "view", "mask", "side", "volume_left_ml", "mask_share", "true_label")
    for name, row in noisy.items():
        assert {key: row[key] for key in kept} == {key: clean[name][key] for key in kept}
        assert row["path"] == f"{'effusion' if row['label'] == '1' else 'normal'}/{name}"
        for key in ("path", "mask"):
            moved, original = tmp_path / row[key], folder / clean[name][key]
            assert moved.read_bytes() == original.read_bytes()
    wrong = [row["true_label"] for row in noisy.values() if row["label"] != row["true_label"]]
    assert sorted(wrong) == ["0"] * round(0.2 * NORMAL) + ["1"] * round(0.2 * EFFUSION)


def test_progress_ends_at_the_total(tmp_path):
    seen = []
    draw_dataset(tmp_path, 1, 1, 64, 1, 1, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2, 2)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("normal", 0),
        ("effusion", -1),
        ("size", 63),
        ("size", 5000),
        ("size", 256.0),
        ("processes", 0),
        ("normal", True),
        ("seed", -1),
        ("label_noise", -0.1),
        ("label_noise", 0.5),
        ("shortcut", "letter"),
        ("share", -0.1),
        ("share", 1.1),
    ],
)
def test_bad_arguments_are_named(tmp_path, argument, value):
    with pytest.raises(ValueError, match=rf"^{argument} must .*{value}"):
        draw_dataset(tmp_path / "none", **{argument: value})
    assert not (tmp_path / "none").exists()


@given(normal=st.integers(1, 60), effusion=st.integers(1, 60), seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_cohort_has_exact_counts_and_each_name_once(normal, effusion, seed):
    people = draw_cohort(np.random.default_rng(seed), normal, effusion)
    visits = [visit for person in people for visit in person.visits]
    assert {v.name for v in visits if v.label} == {f"phantom-e{i}" for i in range(effusion)}
    assert {v.name for v in visits if not v.label} == {f"phantom-n{i}" for i in range(normal)}
    assert len(visits) == normal + effusion
    assert all(person.visits for person in people)
    assert len(people) == max(1, round((normal + effusion) * 5 / 7))


@given(
    counts=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    share=st.floats(0, 0.49),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=40, deadline=None)
def test_mislabel_flips_an_exact_share_of_each_class(counts, share, seed):
    people = draw_cohort(np.random.default_rng(seed), *counts)
    noisy = mislabel(np.random.default_rng(seed), people, share)
    before, after = ([v for person in each for v in person.visits] for each in (people, noisy))
    assert [replace(visit, mislabelled=False) for visit in after] == before
    for label, count in enumerate(counts):
        wrong = [visit for visit in after if visit.label == label and visit.given != label]
        assert len(wrong) == round(share * count)


def test_default_cohort_is_confounded_mildly():
    people = draw_cohort(np.random.default_rng(1), 350, 350)
    kinds = [{visit.label for visit in person.visits} for person in people]
    assert len(people) == 500
    assert sum(len(kind) == 2 for kind in kinds) >= 15
    in_bed = [
        np.mean([v.view == "AP" for p in people for v in p.visits if v.label == label])
        for label in (0, 1)
    ]
    assert 0.1 < in_bed[1] - in_bed[0] < 0.4


def to_patient(pose: Pose, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, ...]:
    """What `grid` gives for all cells of an image, written out for single points."""
    left, below = (u - 0.5) * pose.field * pose.stretch, (v - 0.5) * pose.field
    cos, sin = np.cos(pose.roll), np.sin(pose.roll)
    x, y = cos * left - sin * below + pose.centre[0], sin * left + cos * below + pose.centre[1]
    amplitude, across, down, *phases = pose.warp.T
    angle = x[..., None] * across + y[..., None] * down
    shifts = (np.sin(angle + phase) @ amplitude for phase in phases)
    return tuple(place + shift for place, shift in zip((x, y), shifts, strict=True))


@given(
    seed=st.integers(0, 1000),
    u=st.floats(0, 1),
    v=st.floats(0, 1),
    roll=st.floats(-0.15, 0.15),
    stretch=st.floats(0.9, 1.1),
)
@settings(max_examples=60, deadline=None)
def test_pose_there_and_back(seed, u, v, roll, stretch):
    warp = draw_patient(np.random.default_rng(seed), "F", 40).warp
    pose = Pose(40.0, (0.5, 14.0), roll, stretch, warp)
    back = to_image(pose, *to_patient(pose, np.array([u]), np.array([v])))
    assert np.allclose(np.ravel(back), [u, v], atol=0.03 / 40)


def test_grid_agrees_with_single_points():
    _, exam = example(5, 0)
    x, y = grid(exam.pose, 40)
    at = (np.arange(40) + 0.5) / 40
    expected_x, expected_y = to_patient(exam.pose, *np.meshgrid(at, at))
    assert np.allclose(x, expected_x, atol=1e-3) and np.allclose(y, expected_y, atol=1e-3)


@given(seed=st.integers(0, 10_000), view=st.sampled_from(["PA", "AP"]))
@settings(max_examples=25, deadline=None)
def test_lung_and_fluid_share_the_cavity(seed, view):
    patient, exam = example(seed, 1, view)
    x, y = grid(exam.pose, 128)
    space = thorax.cavity(patient, exam, x, y)
    lung, fluid = thorax.paths(patient, exam, space)
    dry, none = thorax.paths(patient, replace(exam, fluid=(None, None), scars=(0, 0)), space)
    assert lung.min() >= 0 and fluid.min() >= 0 and not none.any()
    wet = fluid > 0
    assert np.allclose((lung + fluid)[wet], dry[wet], atol=1e-3)
    assert (space.lateral[wet] <= space.half_width[wet] + 1e-3).all()
    assert (y[wet] > 0).all()
    assert (fluid > thorax.VISIBLE_FLUID).any()
    for side in (0, 1):
        assert fluid[space.side == side].any() == (exam.fluid[side] is not None)


@pytest.mark.parametrize("seed", range(6))
def test_fluid_brightens_its_mask_and_nothing_else_changes_much(seed):
    patient, exam = example(seed, 1, "AP" if seed % 2 else "PA", "F" if seed % 3 else "M")
    wet, dry = (render(patient, e, 256) for e in (exam, replace(exam, fluid=(None, None))))
    inside = cv2.erode(wet.mask, np.ones((3, 3))) > 0
    change = wet.image.astype(int) - dry.image
    assert not dry.mask.any() and dry.volumes == (0, 0)
    assert change[inside].mean() > 3
    assert change[inside].mean() > change[wet.mask == 0].mean() + 3


def test_more_fluid_covers_more():
    patient, exam = example(3, 1)
    areas = []
    for height in (5.0, 9.0, 14.0):
        flood = replace(
            exam.fluid[0] or exam.fluid[1], pattern="meniscus", height=height, layer=0.0
        )
        picture = render(patient, replace(exam, fluid=(None, flood)), 128)
        areas.append(((picture.mask > 0).sum(), picture.volumes[1]))
        assert picture.volumes[0] == 0
    assert areas[0] < areas[1] < areas[2] and areas[0][1] < areas[1][1] < areas[2][1]


def test_images_of_a_patient_share_anatomy_and_differ():
    def correlation(a, b):
        fine = [i - cv2.GaussianBlur(i, (0, 0), 6) for i in (a.astype(float), b.astype(float))]
        return np.corrcoef(fine[0][64:192, 64:192].ravel(), fine[1][64:192, 64:192].ravel())[0, 1]

    first, other = example(11, 0)[0], example(12, 0)[0]
    exam = draw_exam(np.random.default_rng(1), first, 0, "PA")
    again = replace(exam, seed=exam.seed + 1, photons=exam.photons * 2)
    one, two = render(first, exam, 256).image, render(first, again, 256).image
    stranger = render(other, exam, 256).image
    assert not np.array_equal(one, two)
    assert correlation(one, two) > correlation(one, stranger) + 0.2


def test_sizes_show_the_same_patient():
    patient, exam = example(2, 1)
    small, large = render(patient, exam, 128), render(patient, exam, 320)
    assert large.image.shape == large.mask.shape == (320, 320)
    shrunk = cv2.resize(large.image, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(shrunk.ravel(), small.image.ravel())[0, 1] > 0.9
    assert (large.mask > 0).mean() == pytest.approx((small.mask > 0).mean(), abs=0.01)


def test_thin_lines_keep_their_weight():
    pose = Pose(40.0, (0.0, 0.0), 0.0, 1.0, np.zeros((1, 5)))
    sums = []
    for width in (0.05, 0.4):
        sketch = Sketch(pose, 200, 1)
        sketch.stroke(0, np.array([[-10.0, 0.0], [10.0, 0.0]]), width, 200)
        sums.append(sketch.paint()[0].sum() / width)
    assert sums[0] == pytest.approx(sums[1], rel=0.6)


def test_ribbon_has_the_given_width():
    line = np.column_stack([np.linspace(0, 10, 21), np.zeros(21)])
    outline = ribbon(line, np.array([0.5]))
    assert np.allclose(np.abs(outline[:, 1]), 0.5)
