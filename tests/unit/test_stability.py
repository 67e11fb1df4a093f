import numpy as np
import pandas as pd
import pytest

from cxr import stability
from cxr.backend import fix_bits
from cxr.randomisation import own_maps
from cxr.sanity import verdict
from cxr.stability import common, noisy, seeds, shifted

fix_bits(0, 2)
SIDE = 64
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(6, SIDE, SIDE, 1)).astype(np.float32)
TARGETS = np.ones(6, int)


def identity(images, targets):
    """A map that moves with the image, and is the opposite one for the other class."""
    return images[..., 0] * np.where(targets == 1, 1, -1)[:, None, None]


def blind(images, targets):
    return np.tile(np.linspace(0, 1, 16, dtype=np.float32), (len(images), 16, 1))


def chaotic(images, targets):
    """A map that any change of the image changes altogether."""
    seed = np.frombuffer(images.tobytes(), np.uint32)[:1000]
    return np.random.default_rng(seed).random((len(images), 64, 64)).astype(np.float32)


def check_of(check, name, mapper):
    return check(name, own_maps(mapper, IMAGES, TARGETS), mapper, IMAGES, TARGETS)


def row_of(table):
    rows = verdict(table.assign(patient=""))
    assert len(rows) == 1
    return rows.iloc[0]


def test_noise_is_a_share_of_each_images_own_spread():
    images = IMAGES * np.array([1, 10, 1, 1, 1, 1], np.float32)[:, None, None, None]
    added = noisy(images, 0) - images
    np.testing.assert_allclose(
        added.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3)), 0.05, rtol=0.05
    )
    np.testing.assert_array_equal(noisy(images, 0), noisy(images, 0))
    assert not np.array_equal(noisy(images, 0), noisy(images, 1))
    assert noisy(images, 0).dtype == np.float32


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-3, 0), (0, 2), (0, -2), (1, -4)])
def test_a_map_that_moves_with_its_image_is_moved_back_onto_itself(x, y):
    moved = shifted(IMAGES, x, y)
    assert moved.shape == IMAGES.shape
    assert not np.array_equal(moved, IMAGES)
    for image, other in zip(IMAGES[..., 0], moved[..., 0], strict=True):
        np.testing.assert_array_equal(common(image, x, y), common(other, -x, -y))
        assert common(image, x, y).shape == (SIDE - abs(y), SIDE - abs(x))


def test_a_shifted_image_has_moved_right_and_down_and_repeats_its_border():
    moved = shifted(IMAGES, 2, 1)[0, ..., 0]
    assert moved[11, 12] == IMAGES[0, 10, 10, 0]
    assert (moved[1:, :2] == IMAGES[0, :-1, :1, 0]).all()


def test_maps_that_follow_their_image_are_stable():
    for table, draws in (
        (check_of(stability.noise, "identity", identity), 3),
        (check_of(stability.shift, "identity", identity), 4),
    ):
        assert len(table) == draws * 6
        assert (table["spearman"] > 0.98).all()
        assert row_of(table)["verdict"] == "pass"
        assert row_of(table)["n"] == 6
    assert (table["spearman"] > 1 - 1e-9).all()  # a shift moves whole pixels


def test_maps_that_any_change_changes_are_not():
    for check in (stability.noise, stability.shift):
        row = row_of(check_of(check, "chaotic", chaotic))
        assert row["verdict"] == "fail"
        assert abs(row["value"]) < 0.1


def test_maps_all_alike_cannot_be_more_alike():
    assert row_of(check_of(stability.noise, "blind", blind))["verdict"] == "cannot tell"


def test_maps_for_both_classes_must_differ():
    opposite = stability.other_target("identity", identity, IMAGES)
    assert list(opposite["spearman"]) == pytest.approx([-1] * 6)
    assert row_of(opposite)["verdict"] == "pass"
    for mapper in (blind, chaotic):  # the latter's are the same for either class, too
        table = stability.other_target("same", mapper, IMAGES)
        assert row_of(table)["verdict"] == "fail"
        assert row_of(table)["value"] == pytest.approx(0)


def test_classes_must_differ_by_more_than_noise_makes_of_one():
    def unsteady(images, targets):
        return chaotic(images + targets[:, None, None, None], targets)

    repeats = check_of(stability.noise, "unsteady", unsteady)
    table = stability.other_target("unsteady", unsteady, IMAGES, repeats)
    expected = repeats.groupby("row")["spearman"].mean()
    np.testing.assert_allclose(table["spearman_level"], expected)
    assert row_of(table)["verdict"] != "pass"
    alone = stability.other_target("unsteady", unsteady, IMAGES)
    assert row_of(alone)["verdict"] == "pass"


def test_an_empty_map_for_one_class_alone_differs():
    def effusion_alone(images, targets):
        maps = identity(images, targets) * (targets == 1)[:, None, None]
        maps[0] = 0
        return maps

    table = stability.other_target("m", effusion_alone, IMAGES)
    assert np.isnan(table["spearman"][0])
    assert (table["spearman"][1:] == 0).all()
    assert row_of(table)[["n", "verdict"]].tolist() == [5, "pass"]


def test_networks_of_other_seeds_are_compared_two_by_two():
    rng = np.random.default_rng(1)
    shared = rng.random((6, 16, 16))
    maps = [shared + 0.1 * rng.random((6, 16, 16)) for _ in range(3)]
    table = seeds("m", maps, TARGETS)
    assert table.groupby("draw").size().tolist() == [6, 6, 6]
    assert row_of(table)["verdict"] == "pass"
    unlike = seeds("m", [rng.random((6, 16, 16)) for _ in range(3)], TARGETS)
    assert row_of(unlike)["verdict"] == "fail"


def test_verdicts_of_several_checks_and_methods_stand_below_each_other():
    tables = [
        check_of(check, name, mapper)
        for name, mapper in (("identity", identity), ("blind", blind))
        for check in (stability.noise, stability.shift)
    ]
    tables.append(stability.other_target("blind", blind, IMAGES))
    rows = verdict(pd.concat(tables).assign(patient=""))
    assert sorted(zip(rows["method"], rows["check"], strict=True)) == [
        ("blind", "noise"),
        ("blind", "shift"),
        ("blind", "target"),
        ("identity", "noise"),
        ("identity", "shift"),
    ]
    assert set(verdict(pd.concat(tables).assign(patient=""), "ssim")["statistic"]) == {
        "ssim_beyond_level"
    }
