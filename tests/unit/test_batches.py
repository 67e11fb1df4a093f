import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.batches import EvaluationBatches, TrainingBatches, reduce_image

AUGMENTATION = {"rotation": 10, "shift": 0.1, "zoom": 0.1, "contrast": 0.1, "flip": True}


def images_of(count, side=8):
    """Images whose grey value is their row."""
    return np.repeat(np.arange(count, dtype=np.float32), side * side).reshape(count, side, side)


def training(count=10, batch_size=4, batches=20, rows=None, images=None, **options):
    rows = np.arange(count) if rows is None else rows
    settings = {
        "images": images_of(50) if images is None else images,
        "rows": rows,
        "labels": np.arange(len(rows)) % 2,
        "input_size": 8,
        "batch_size": batch_size,
        "batches": batches,
        "seed": 1,
        "augmentation": {},
    }
    return TrainingBatches(**settings | options)


@given(st.integers(1, 40), st.integers(1, 16), st.integers(0, 2**31))
@settings(deadline=None)
def test_each_pass_shows_every_image_once(count, batch_size, seed):
    batches = training(count, batch_size, seed=seed)
    turns = 3
    shown = np.concatenate([batches.members(b) for b in range(-(-turns * count // batch_size))])
    for turn in range(turns):
        assert sorted(shown[turn * count : (turn + 1) * count]) == list(range(count))


def test_passes_differ_from_each_other_and_from_those_of_another_seed():
    batches, other = training(20, 20), training(20, 20, seed=2)
    assert list(batches.members(0)) != list(batches.members(1))
    assert list(batches.members(0)) != list(other.members(0))


def test_a_batch_depends_on_nothing_but_its_number():
    images = np.random.default_rng(0).normal(size=(50, 8, 8)).astype(np.float32)
    options = {"images": images, "augmentation": AUGMENTATION, "mixup": 0.2}
    forwards, backwards = training(**options), training(**options)
    there = [forwards[batch] for batch in range(20)]
    back = [backwards[batch] for batch in reversed(range(20))][::-1]
    for first, second in zip(there, back, strict=True):
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(there[0][0], there[1][0])


def test_only_training_images_are_shown_each_with_its_label():
    rows = np.array([3, 7, 11, 40, 41])
    labels = np.array([0, 1, 1, 0, 1])
    batches = training(rows=rows, labels=labels)
    label_of = dict(zip(rows.tolist(), labels.tolist(), strict=True))
    for batch in range(20):
        images, shown = batches[batch]
        assert images.shape == (4, 8, 8, 1)
        assert shown.shape == (4, 1)
        assert images.dtype == shown.dtype == np.float32
        greys = images.mean(axis=(1, 2, 3)).astype(int).tolist()
        assert [label_of[grey] for grey in greys] == shown[:, 0].tolist()
    assert len(batches) == 20


def test_the_same_image_is_augmented_anew_each_time():
    images = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    batches = training(1, 4, images=images, augmentation=AUGMENTATION)
    variants = np.concatenate([batches[batch][0] for batch in range(5)])
    assert len(np.unique(variants.reshape(20, -1), axis=0)) == 20


@pytest.mark.parametrize(("smoothing", "low", "high"), [(0, 0, 1), (0.1, 0.05, 0.95)])
def test_label_smoothing_draws_labels_towards_one_half(smoothing, low, high):
    _, labels = training(10, 10, label_smoothing=smoothing)[0]
    np.testing.assert_allclose(np.unique(labels), [low, high], rtol=1e-6)
    np.testing.assert_allclose(labels.mean(), 0.5, rtol=1e-6)


def test_mixing_keeps_the_mean_of_images_and_labels():
    plain, mixed = training(10, 10), training(10, 10, mixup=0.4)
    assert not np.array_equal(plain[0][0], mixed[0][0])
    np.testing.assert_allclose(plain[0][0].mean(), mixed[0][0].mean(), rtol=1e-5)
    np.testing.assert_allclose(plain[0][1].mean(), mixed[0][1].mean(), rtol=1e-5)


@pytest.mark.parametrize("factor", [2, 4])
def test_reduction_averages_blocks(factor):
    image = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    size = 32 // factor
    blocks = image.reshape(size, factor, size, factor).mean(axis=(1, 3))
    np.testing.assert_allclose(reduce_image(image, size), blocks, atol=1e-6)


def test_reduction_by_no_whole_factor_keeps_the_mean():
    image = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)
    reduced = reduce_image(image, 20)
    assert reduced.shape == (20, 20)
    np.testing.assert_allclose(reduced.mean(), image.mean(), atol=1e-6)
    np.testing.assert_array_equal(reduce_image(image, 32), image)


def test_images_are_reduced_before_they_are_shown(tmp_path):
    images = np.random.default_rng(0).normal(size=(6, 32, 32)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    expected = np.stack([reduce_image(image, 16) for image in images])[..., np.newaxis]
    shown = EvaluationBatches(mapped, np.arange(6), 16)[0][0]
    np.testing.assert_array_equal(shown, expected)
    batches = training(6, 6, images=mapped, input_size=16)
    np.testing.assert_array_equal(batches[0][0], expected[batches.members(0)])


@pytest.mark.parametrize("batch_size", [1, 3, 7, 32])
def test_evaluation_shows_each_row_once_in_its_order(batch_size):
    rows = np.array([5, 2, 49, 0, 7, 31, 1])
    labels = np.array([1, 0, 0, 1, 1, 0, 1])
    batches = EvaluationBatches(images_of(50), rows, 8, labels, batch_size)
    shown = [batches[batch] for batch in range(len(batches))]
    images, given = (np.concatenate(part) for part in zip(*shown, strict=True))
    np.testing.assert_array_equal(images.mean(axis=(1, 2, 3)), rows)
    np.testing.assert_array_equal(given, labels[:, np.newaxis])
    assert given.dtype == np.float32
    unlabelled = EvaluationBatches(images_of(50), rows, 8, batch_size=batch_size)
    assert [len(batch) for batch in (unlabelled[0], batches[0])] == [1, 2]


def test_evaluation_mirrors_left_to_right_if_asked():
    images = np.random.default_rng(0).normal(size=(5, 16, 16)).astype(np.float32)
    rows = np.array([4, 0, 2])
    for size in (16, 8):
        plain, mirrored = (EvaluationBatches(images, rows, size, flip=f)[0][0] for f in (0, 1))
        np.testing.assert_array_equal(mirrored, plain[:, :, ::-1])
        assert not np.array_equal(mirrored, plain)
