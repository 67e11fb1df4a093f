import numpy as np
import pandas as pd
import pytest
from scipy import stats

from control import control, summarise, verdict
from cxr import intervals, tables

COUNTS = {"train": 120, "validation": 30, "test": 90}


def predictions(seed, knows=0.0, fits=1.0, held_out="test"):
    """A network's predictions.

    It fits a share of the permuted training labels, and knows the true labels of the held-out
    images by so many standard deviations.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for subset, count in COUNTS.items():
        labels = np.arange(count) % 2 if subset == "test" else rng.permutation(np.arange(count) % 2)
        probability = 1 / (1 + np.exp(-rng.normal(knows * (2 * labels - 1))))
        if subset == "train":
            right = np.arange(count) < round(fits * count)
            probability = np.where(right == (labels == 1), 0.75, 0.25)
        ids = [f"{subset}{row}" for row in range(count)]
        table = pd.DataFrame({"id": ids, "label": labels, "probability": probability})
        parts.append(table.assign(subset=held_out if subset == "test" else subset))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(patient=[f"p{row // 2}" for row in range(len(table))])


def summary(**options):
    return summarise({number: predictions(number, **options) for number in (1, 2, 3)})


@pytest.mark.parametrize("held_out", ["test", "oof"])
def test_networks_that_know_nothing_pass(held_out):
    table = summary(held_out=held_out)
    assert list(table["permutation"]) == ["1", "2", "3", "mean"]
    assert list(table["verdict"]) == ["", "", "", "pass"]
    assert set(table["n"]) == {90} and set(table["subset"]) == {held_out}
    assert set(table["training_accuracy"]) == {1.0} and set(table["fitted"]) == {"yes"}
    assert ((table["low"] < table["auroc"]) & (table["auroc"] < table["high"])).all()


def test_a_network_has_an_interval_over_patients_and_the_mean_one_over_networks():
    table = summary(knows=0.1)
    for name in ("auroc", "training_accuracy", "validation_accuracy"):
        np.testing.assert_allclose(table[name].iloc[-1], table[name].iloc[:-1].mean())
    part = predictions(2, knows=0.1)
    held = part[part["subset"] == "test"]
    labels, probabilities = held["label"].to_numpy(), held["probability"].to_numpy()[None]
    scored = intervals.score(labels, probabilities, np.array([0.5]), held["patient"].to_numpy())
    np.testing.assert_allclose(table[["low", "high"]].iloc[1], scored.interval("auroc"))
    auroc = table["auroc"].iloc[:-1]
    expected = stats.t.interval(0.95, 2, auroc.mean(), stats.sem(auroc))
    np.testing.assert_allclose(table[["low", "high"]].iloc[-1], expected)


def test_the_interval_of_a_mean_stays_within_0_and_1_and_needs_two_networks():
    runs = {1: predictions(1, knows=-2), 2: predictions(2, knows=2)}
    assert summarise(runs).iloc[-1][["low", "high"]].tolist() == [0, 1]
    alone = summarise({1: predictions(1)}).iloc[-1]
    assert np.isnan(alone["low"]) and np.isnan(alone["high"])


def test_networks_that_differ_cannot_tell():
    """One that is right and one that is not: no leak that all networks find."""
    runs = {1: predictions(1, knows=2), 2: predictions(2, knows=1), 3: predictions(3)}
    last = summarise(runs).iloc[-1]
    assert last["auroc"] > 0.65 and last["verdict"] == "cannot tell"


@pytest.mark.parametrize("knows", [2, -2])
def test_a_leak_fails_in_either_direction(knows):
    assert summary(knows=knows)["verdict"].iloc[-1] == "fail"


@pytest.mark.parametrize(
    ("fits", "word"), [(1, "yes"), (0.9, "yes"), (0.75, "partly"), (0.5, "no")]
)
def test_fitted_says_whether_the_labels_were_learnt(fits, word):
    table = summary(fits=fits)
    np.testing.assert_allclose(table["training_accuracy"], fits)
    assert set(table["fitted"]) == {word}


@pytest.mark.parametrize(
    ("auroc", "low", "high", "expected"),
    [
        (0.5, 0.1, 0.9, "pass"),
        (0.35, 0.3, 0.4, "pass"),
        (0.65, 0.64, 0.9, "pass"),
        (0.66, 0.6, 0.8, "cannot tell"),
        (0.34, 0.2, 0.36, "cannot tell"),
        (0.66, np.nan, np.nan, "cannot tell"),
        (np.nan, np.nan, np.nan, "cannot tell"),
        (0.7, 0.66, 0.8, "fail"),
        (0.3, 0.2, 0.34, "fail"),
    ],
)
def test_verdict(auroc, low, high, expected):
    assert verdict(auroc, low, high) == expected


def test_control_csv_fits_its_schema(tmp_path, capsys):
    predictions(1)[["id", "patient", "label"]].to_csv(tmp_path / "manifest.csv", index=False)
    paths = []
    for number in (1, 2, 3):
        paths.append(tmp_path / f"{number}.csv")
        tables.write_table(predictions(number), paths[-1], "predictions")
    control([1, 2, 3], paths, tmp_path / "manifest.csv", tmp_path / "control.csv", "small")
    found = tables.read_table(tmp_path / "control.csv", "control")
    expected = summary()
    np.testing.assert_allclose(found["auroc"], expected["auroc"])
    assert list(found["fitted"]) == list(expected["fitted"])
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("small  trained on permuted labels: mean AUROC 0.")
    assert first.endswith("of 3 networks, n = 90: pass")
    assert second == "small  training accuracy on the permuted labels 1.00; fitted: yes"
