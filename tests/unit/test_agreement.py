import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxr.agreement import agreement, compare_maps, summarise
from cxr.similarity import comparable, ssim, standard_ranks

SIDE = 12


def random_maps(count, seed):
    return np.random.default_rng(seed).random((count, SIDE, SIDE)).astype(np.float32)


def table_of(maps, empty=(), targets=("effusion",)):
    """maps.csv for some methods' maps; `empty` names (method, row) pairs; targets take turns."""
    rows = [
        {
            "id": f"i{row}",
            "method": name,
            "row": row,
            "target": targets[row % len(targets)],
            "empty": int((name, row) in empty),
        }
        for name, cams in maps.items()
        for row in range(len(cams))
    ]
    return pd.DataFrame(rows)


def spearman(first, second):
    return stats.spearmanr(first.ravel(), second.ravel()).statistic


def test_correlations_are_those_of_scipy():
    first, second = random_maps(4, 0), np.round(random_maps(4, 1), 1)  # the latter with ties
    rows, targets = np.array([0, 2, 3]), ["effusion"] * 3
    own, others = compare_maps(first, second, rows, targets)
    for place, row in enumerate(rows):
        assert own[place] == pytest.approx(spearman(first[row], second[row]))
        expected = np.mean([spearman(first[row], second[i]) for i in rows if i != row])
        assert others[place] == pytest.approx(expected)


def test_the_same_order_is_1_and_the_opposite_minus_1():
    maps = random_maps(2, 2)
    for other, expected in ((maps**3, 1), (1 - maps, -1)):
        own, _ = compare_maps(maps, other, np.arange(2), ["normal"] * 2)
        assert list(own) == pytest.approx([expected] * 2)
        assert (np.abs(own) <= 1).all()


def test_only_maps_of_the_same_class_are_the_others():
    """Or a method that paints each class in a way of its own would seem to see the image."""
    first, second = random_maps(5, 0), random_maps(5, 1)
    targets = ["effusion", "normal", "effusion", "normal", "effusion"]
    _, others = compare_maps(first, second, np.arange(5), targets)
    assert others[0] == pytest.approx(np.mean([spearman(first[0], second[i]) for i in (2, 4)]))
    assert others[1] == pytest.approx(spearman(first[1], second[3]))
    _, others = compare_maps(first, second, np.arange(2), targets[:2])
    assert np.isnan(others).all()


def test_ranks_have_mean_0_and_length_1():
    ranks = standard_ranks(np.round(random_maps(1, 3)[0], 1))
    assert ranks.mean() == pytest.approx(0)
    assert np.linalg.norm(ranks) == pytest.approx(1)


def test_every_pair_of_methods_is_compared_image_by_image():
    maps = {"a": random_maps(4, 0), "b": random_maps(4, 1), "c": random_maps(4, 2)}
    table = table_of(maps).sample(frac=1, random_state=0)  # the order of the rows is no matter
    found = agreement(maps, table)
    assert list(zip(found["first"], found["second"], strict=True))[::4] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert list(found["id"]) == ["i0", "i1", "i2", "i3"] * 3
    small = {name: np.stack([comparable(cam) for cam in cams]) for name, cams in maps.items()}
    own, others = compare_maps(small["a"], small["b"], np.arange(4), ["effusion"] * 4)
    np.testing.assert_array_equal(found["spearman"][:4], own)
    np.testing.assert_array_equal(found["others"][:4], others)
    assert list(found["ssim"][8:]) == [ssim(small["b"][i], small["c"][i]) for i in range(4)]


def test_maps_are_compared_at_64_pixels():
    """Ranks of a full-size map take long, and the window of SSIM lies within one cell of it."""
    large = {
        name: np.kron(random_maps(3, seed), np.ones((16, 16))) for seed, name in enumerate("ab")
    }
    small = {name: np.stack([comparable(cam) for cam in cams]) for name, cams in large.items()}
    assert small["a"].shape == (3, 64, 64)
    table = table_of(large)
    pd.testing.assert_frame_equal(agreement(large, table), agreement(small, table))


def test_empty_maps_are_compared_with_nothing():
    maps = {"a": random_maps(3, 0), "b": random_maps(3, 1)}
    maps["b"][1] = 0
    found = agreement(maps, table_of(maps, empty={("b", 1)}))
    assert list(found["spearman"].isna()) == [False, True, False]
    assert list(found["others"].isna()) == [False, True, False]
    assert found["others"][0] == pytest.approx(spearman(maps["a"][0], maps["b"][2]))
    assert summarise(found)["n"].tolist() == [2]


def test_one_image_has_no_others_and_no_interval():
    maps = {"a": random_maps(1, 0), "b": random_maps(1, 1)}
    found = agreement(maps, table_of(maps))
    assert found["others"].isna().all()
    row = summarise(found).iloc[0]
    assert row["n"] == 1
    assert row["spearman"] == found["spearman"][0]
    assert row[["low", "high", "others", "difference"]].isna().all()


def test_all_maps_empty_leave_nothing_to_say():
    maps = {"a": random_maps(2, 0), "b": np.zeros((2, SIDE, SIDE), dtype=np.float32)}
    row = summarise(agreement(maps, table_of(maps, empty={("b", 0), ("b", 1)}))).iloc[0]
    assert row["n"] == 0
    assert row.drop(["first", "second", "n"]).isna().all()


def test_one_method_has_no_pairs():
    maps = {"a": random_maps(2, 0)}
    found = agreement(maps, table_of(maps))
    assert len(found) == len(summarise(found)) == 0
    assert list(found) == ["id", "first", "second", "spearman", "others", "ssim"]


def test_summary_says_how_far_agreement_goes_beyond_that_of_other_images():
    pairs = pd.DataFrame(
        {
            "id": list("wxyz"),
            "first": "a",
            "second": "b",
            "spearman": [0.9, 0.7, 0.8, np.nan],
            "others": [0.5, 0.4, 0.6, np.nan],
            "ssim": [0.1, 0.3, 0.5, np.nan],
        }
    )
    row = summarise(pairs).iloc[0]
    assert (row["n"], row["spearman"], row["others"]) == (3, pytest.approx(0.8), pytest.approx(0.5))
    assert row["difference"] == pytest.approx(0.3)
    assert row["difference_low"] < 0.3 < row["difference_high"]
    assert row["ssim"] == pytest.approx(0.3)
    assert row["ssim_low"] < 0.3 < row["ssim_high"] <= 1


def test_intervals_of_a_correlation_end_at_1():
    values = {"spearman": [0.99, 0.2, 0.9], "others": [0.0, 0.1, 0.2], "ssim": [0.99, 0.2, 0.9]}
    pairs = pd.DataFrame({"id": list("xyz"), "first": "a", "second": "b"} | values)
    row = summarise(pairs).iloc[0]
    for low, value, high in (("low", "spearman", "high"), ("ssim_low", "ssim", "ssim_high")):
        assert -1 <= row[low] < row[value] < row[high] == 1
