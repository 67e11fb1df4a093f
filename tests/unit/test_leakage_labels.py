import numpy as np
import pandas as pd
import pytest

from cxr import confident, tables
from leakage_labels import judge, leakage_labels, list_errors, mean_predictions, summarise


def data_set(folder, count=100):
    """Write manifest.csv of images in pairs of a patient; return it."""
    labels = np.arange(count) % 2
    table = pd.DataFrame({"id": [f"i{row}" for row in range(count)], "label": labels})
    table["patient"] = [f"p{row // 2}" for row in range(count)]
    table.to_csv(folder / "manifest.csv", index=False)
    return table


def write_run(folder, name, subsets, probabilities):
    """Write predictions.csv of a run from a list of (subset, ids) and a probability of each id."""
    rows = [
        {"id": image, "subset": subset, "label": int(image[1:]) % 2, "probability": probability}
        for subset, images in subsets
        for image, probability in zip(images, probabilities(images, subset), strict=True)
    ]
    pd.DataFrame(rows).to_csv(folder / name, index=False)
    return folder / name


def skilled(seed, skill=0.35, wrong=()):
    """Probabilities of ids by their labels, upside down for those that are wrong."""
    random = np.random.default_rng(seed)

    def draw(images, subset):
        labels = np.array([int(image[1:]) % 2 for image in images])
        labels = np.where(np.isin(images, list(wrong)), 1 - labels, labels)
        return np.clip(0.5 + skill * (2 * labels - 1) + random.normal(0, 0.1, len(labels)), 0, 1)

    return draw


def ids(start, stop):
    return [f"i{row}" for row in range(start, stop)]


def test_without_folds_validation_and_test_images_are_checked(tmp_path):
    data_set(tmp_path)
    subsets = [("validation", ids(10, 20)), ("test", ids(20, 40))]
    runs = [write_run(tmp_path, f"{seed}.csv", subsets, skilled(seed)) for seed in (1, 2)]
    found = mean_predictions(runs, tmp_path / "manifest.csv")
    assert list(found["id"]) == ids(10, 40)
    assert list(found["patient"]) == [f"p{row // 2}" for row in range(10, 40)]
    both = [pd.read_csv(run)["probability"] for run in runs]
    np.testing.assert_allclose(found["probability"], (both[0] + both[1]) / 2)


def test_with_folds_no_image_is_judged_by_a_network_that_validated_on_it(tmp_path):
    """An inner validation image chose the epoch of its network, and comes once for each fold."""
    data_set(tmp_path)
    subsets = [
        ("validation", ids(0, 30)),
        ("validation", ids(20, 50)),
        ("oof", ids(0, 80)),
        ("test", ids(80, 100)),
    ]
    run = write_run(
        tmp_path, "1.csv", subsets, lambda images, subset: np.full(len(images), len(subset) / 10)
    )
    found = mean_predictions([run], tmp_path / "manifest.csv").set_index("id")["probability"]
    assert sorted(found.index) == sorted(ids(0, 100))
    assert set(found[ids(0, 80)]) == {0.3} and set(found[ids(80, 100)]) == {0.4}


def checked(count=200, wrong=(3, 8, 50), skill=0.35):
    probability = skilled(1, skill, [f"i{row}" for row in wrong])(ids(0, count), "test")
    return pd.DataFrame(
        {
            "id": ids(0, count),
            "label": np.arange(count) % 2,
            "patient": "",
            "probability": probability,
        }
    )


def test_wrong_labels_come_first():
    listed = list_errors(checked())
    assert set(listed["id"][:3]) == {"i3", "i8", "i50"}
    assert list(listed["rank"]) == list(range(1, len(listed) + 1))
    assert (listed["suggested"] == 1 - listed["label"]).all()
    toward = np.where(listed["label"] == 1, 1 - listed["probability"], listed["probability"])
    np.testing.assert_allclose(listed["margin"], 1 - 2 * toward)
    assert listed["margin"].is_monotonic_increasing


def test_the_summary_counts_each_label():
    table = checked()
    found = summarise(table, {0: 400, 1: 300}).set_index("label")
    listed = list_errors(table)["label"].value_counts()
    assert list(found.loc[[0, 1], "images"]) == [400, 300]
    assert list(found.loc[[0, 1], "checked"]) == [100, 100]
    assert list(found["listed"]) == [listed[0], listed[1]]
    assert (found["share"] < found["at_most"]).all()
    assert (found["auroc_low"] < found["auroc"]).all() and (found["auroc"] < 1).all()
    assert set(found["verdict"]) == {"worth a look"} and set(found["reason"]) == {""}


def test_at_most_is_not_zero_where_nothing_was_found():
    table = checked(wrong=())
    table["probability"] = table["label"] * 0.8 + 0.1
    found = summarise(table, {0: 100, 1: 100})
    assert set(found["listed"]) == {0}
    np.testing.assert_allclose(found["at_most"], 1 - 0.025 ** (1 / 100))  # exact, of none in 100


@pytest.mark.parametrize(
    ("auroc_low", "checks", "verdict", "reason"),
    [
        (0.7, [30, 400], "worth a look", ""),
        (0.69, [30, 400], "cannot tell", "the AUROC's lower limit is 0.69, not 0.7"),
        (0.95, [400, 29], "cannot tell", "29 images of a class were checked, not 30"),
        (None, [30, 30], "cannot tell", "the AUROC's lower limit is unknown, not 0.7"),
    ],
)
def test_judge(auroc_low, checks, verdict, reason):
    assert judge(auroc_low, checks) == (verdict, reason)


def test_chance_cannot_tell():
    found = summarise(checked(skill=0.0), {0: 100, 1: 100})
    assert set(found["verdict"]) == {"cannot tell"}
    assert found["reason"].str.contains("lower limit").all()


@pytest.mark.parametrize("skill", [0.35, 0.0, None])
def test_tables_fit_their_schemas(tmp_path, skill, capsys):
    """Also where the network tells nothing apart: all probabilities are the same."""
    data_set(tmp_path)

    def same(images, subset):
        return np.full(len(images), 0.1)

    draw = same if skill is None else skilled(1, skill, ["i25", "i30", "i41"])
    run = write_run(tmp_path, "1.csv", [("test", ids(10, 80))], draw)
    errors, summary = tmp_path / "errors.csv", tmp_path / "summary.csv"
    leakage_labels([run], tmp_path / "manifest.csv", errors, summary)
    listed = tables.read_table(errors, "label_errors")
    found = tables.read_table(summary, "label_errors_summary")
    assert list(found["checked"]) == [35, 35] and list(found["images"]) == [50, 50]
    assert found["listed"].sum() == len(listed)
    assert set(listed["verdict"]) <= set(found["verdict"])
    verdict = "worth a look" if skill else "cannot tell"
    assert set(found["verdict"]) == {verdict}
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{len(listed)} likely label errors in 70 of 100 X-rays")
    assert verdict in first and len(others) == 3
    if skill:
        assert listed["id"][0] in ("i25", "i30", "i41")


def test_the_same_numbers_again():
    pd.testing.assert_frame_equal(
        summarise(checked(), {0: 100, 1: 100}), summarise(checked(), {0: 100, 1: 100})
    )


def test_thresholds_are_in_the_order_of_the_rows():
    table = checked()
    table["probability"] = table["probability"] ** 2
    found = summarise(table, {0: 100, 1: 100}).set_index("label")["threshold"]
    expected = confident.thresholds(table["label"].to_numpy(), table["probability"].to_numpy())
    assert list(found[[0, 1]]) == list(expected) and expected[0] > expected[1]
