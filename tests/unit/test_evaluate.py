import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr import metrics
from cxr.predictions import read_predictions
from evaluate import evaluate, summarise, thresholds

METRICS = ["auroc", "accuracy", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"]


def table(count=40, seed=0, **columns):
    """Predictions of one subset, somewhat better than chance."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    scores = np.clip(0.5 + 0.15 * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1)
    probabilities = scores.astype(np.float32).astype(float)
    frame = {"label": labels, "probability": probabilities, "patient": ""}
    return pd.DataFrame(frame).assign(**columns)


def write(folder, validation=None, test=None):
    """Write predictions.csv and manifest.csv of a run, and return their paths."""
    parts = {
        "validation": table(40, 1) if validation is None else validation,
        "test": table(50, 2) if test is None else test,
    }
    both = pd.concat([part.assign(subset=subset) for subset, part in parts.items()])
    both["id"] = [f"i{row:03}" for row in range(len(both))]
    columns = ["id", "subset", "label", "probability"]
    both.to_csv(folder / "predictions.csv", columns=columns, index=False)
    manifest = pd.concat([both, pd.DataFrame({"id": ["train-1"], "patient": "p9"})])
    manifest[::-1].to_csv(folder / "manifest.csv", columns=["id", "patient"], index=False)
    return folder / "predictions.csv", folder / "manifest.csv"


def run(folder, threshold=0.5, resamples=100, seed=1, **parts):
    """Evaluate a run, and return metrics.json."""
    predictions, manifest = write(folder, **parts)
    output = folder / "metrics.json"
    evaluate(predictions, manifest, output, threshold, resamples, seed, "tiny seed 1")
    return json.loads(output.read_text())


def strict(constant):
    raise ValueError(f"{constant} is no JSON")


def test_keys_of_metrics_json(tmp_path):
    run(tmp_path)
    result = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=strict)
    assert list(result) == ["threshold", "threshold_rule", "operating_points", "validation", "test"]
    for subset, count in (("validation", 40), ("test", 50)):
        assert list(result[subset]) == ["n", "patients", *METRICS, "confusion"]
        assert result[subset]["n"] == sum(result[subset]["confusion"].values()) == count
        for name in METRICS:
            low, high = result[subset][name]["ci95"]
            assert 0 <= low <= result[subset][name]["value"] <= high <= 1
    assert list(result["operating_points"]) == ["0.5", "youden", "sensitivity_95"]


def test_values_are_those_of_the_subset(tmp_path):
    result = run(tmp_path)
    for subset, part in (("validation", table(40, 1)), ("test", table(50, 2))):
        expected = roc_auc_score(part["label"], part["probability"])
        np.testing.assert_allclose(result[subset]["auroc"]["value"], expected)
        called = part["probability"] >= 0.5
        assert result[subset]["confusion"]["tp"] == (called & (part["label"] == 1)).sum()
        np.testing.assert_allclose(
            result[subset]["accuracy"]["value"], (called == part["label"]).mean()
        )


@pytest.mark.parametrize("rule", ["0.5", 0.5, "youden", "sensitivity_95"])
def test_the_threshold_follows_its_rule_on_the_validation_images(tmp_path, rule):
    result = run(tmp_path, threshold=rule)
    labels, probabilities = (table(40, 1)[name].to_numpy() for name in ("label", "probability"))
    expected = {
        "0.5": 0.5,
        "youden": metrics.youden_threshold(labels, probabilities),
        "sensitivity_95": metrics.sensitivity_threshold(labels, probabilities),
    }
    assert len(set(expected.values())) == 3
    assert result["threshold_rule"] == str(rule)
    assert result["threshold"] == expected[str(rule)]
    assert {
        name: point["threshold"] for name, point in result["operating_points"].items()
    } == expected
    for subset in ("validation", "test"):
        chosen = result["operating_points"][str(rule)][subset]
        assert chosen == {key: result[subset][key] for key in chosen}
        assert chosen["sensitivity"]["value"] is not None


def test_test_images_change_no_threshold(tmp_path):
    first = run(tmp_path, threshold="youden")
    other = table(30, 7)
    other["label"] = 1 - other["label"]
    second = run(tmp_path, threshold="youden", test=other)
    assert first["test"] != second["test"]
    assert first["validation"] == second["validation"]
    for rule, point in first["operating_points"].items():
        assert point["threshold"] == second["operating_points"][rule]["threshold"]
    moved = run(tmp_path, threshold="youden", validation=table(40, 8))
    assert moved["threshold"] != first["threshold"]


def test_the_same_bytes_for_the_same_seed(tmp_path):
    texts = []
    for seed in (1, 1, 2):
        run(tmp_path, seed=seed)
        texts.append((tmp_path / "metrics.json").read_text())
    assert texts[0] == texts[1] != texts[2]


def test_undefined_is_null_with_a_reason(tmp_path):
    certain = table(50, 2).assign(probability=0.1)
    result = run(tmp_path, test=certain)
    assert result["test"]["ppv"] == {
        "value": None,
        "ci95": [None, None],
        "reason": "no image was called an effusion",
    }
    assert result["test"]["sensitivity"]["value"] == 0
    assert result["test"]["auroc"]["value"] == 0.5


def test_an_interval_that_too_many_resamples_lack_has_a_reason():
    part = table(20).assign(probability=[0.9] + [0.1] * 19)
    entry = summarise(part, 0.5, 200, 1)["ppv"]
    assert entry["value"] == 0
    assert entry["ci95"] == [None, None]
    assert entry["reason"].startswith("no interval: undefined in over 5 % of resamples")


def test_images_of_one_patient_widen_the_interval():
    def width(patients):
        low, high = summarise(part.assign(patient=patients), 0.5, 300, 1)["accuracy"]["ci95"]
        return high - low

    part = table(200)
    part = part.loc[((part["probability"] >= 0.5) == part["label"]).sort_values().index]
    apart, together = width(""), width([f"p{row // 10}" for row in range(200)])
    assert together > 1.3 * apart


def test_patients_are_counted_where_known():
    known = [f"p{row // 2}" for row in range(40)]
    assert summarise(table(patient=known), 0.5, 100, 1)["patients"] == 20
    assert summarise(table(patient=""), 0.5, 100, 1)["patients"] is None


def test_thresholds_know_validation_alone():
    assert list(thresholds(table())) == ["0.5", "youden", "sensitivity_95"]


def test_progress(tmp_path, capsys):
    result = run(tmp_path)
    line = capsys.readouterr().out.strip()
    auroc = result["test"]["auroc"]
    assert line.startswith(f"tiny seed 1  test AUROC {auroc['value']:.3f} ({auroc['ci95'][0]:.3f}")
    assert line.endswith("n = 50")


def test_predictions_are_joined_to_the_manifest_as_they_stand(tmp_path):
    (tmp_path / "predictions.csv").write_text(
        "id,subset,label,probability\nNA,test,1,0.5988450050354004\n007,test,0,0.1\n"
    )
    (tmp_path / "manifest.csv").write_text("id,patient\n1,\n007,0012\n7,p\nNA,null\n")
    table = read_predictions(tmp_path / "predictions.csv", tmp_path / "manifest.csv")
    assert list(table["id"]) == ["NA", "007"]
    assert list(table["patient"]) == ["null", "0012"]
    assert list(table["row"]) == [3, 1]
    assert list(table["label"]) == [1, 0]
    assert table["probability"][0] == 0.5988450050354004
