import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr import calibration, metrics
from cxr.predictions import read_predictions
from cxr.summaries import choose, per_image, stated, summarise
from evaluate import RULES, evaluate

METRICS = ["auroc", "accuracy", "sensitivity", "specificity", "ppv", "npv", "auprc", "brier", "ece"]
MORE = ["log_loss", "calibration_slope", "calibration_intercept"]


def table(count=40, seed=0, **columns):
    """Predictions of one subset, somewhat better than chance."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    scores = np.clip(0.5 + 0.15 * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1)
    probabilities = scores.astype(np.float32).astype(float)
    ids = [f"i{row}" for row in range(count)]
    frame = {"id": ids, "label": labels, "probability": probabilities, "patient": ""}
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


def run(folder, threshold=0.5, **parts):
    """Evaluate a run, and return metrics.json."""
    predictions, manifest = write(folder, **parts)
    output = folder / "metrics.json"
    evaluate(predictions, manifest, output, threshold, "tiny seed 1")
    return json.loads(output.read_text())


def write_folds(folder, test=None):
    """Write the pooled predictions of two folds, in which the images 0 to 9 validate twice."""
    validation = [table(40, fold, fold=fold, subset="validation") for fold in (1, 2)]
    validation[1]["id"] = [f"i{row}" for row in range(30, 70)]
    validation[1].loc[30:, "id"] = validation[0].loc[:9, "id"].to_numpy()
    held_out = [table(50, 2 + fold, fold=fold, subset="oof") for fold in (1, 2)]
    parts = [*validation, *(part.assign(id=part["id"] + f"h{part.fold[0]}") for part in held_out)]
    if test is not None:
        parts.append(test.assign(id=test["id"] + "t", subset="test", fold=""))
    pooled = pd.concat(parts)
    columns = ["id", "subset", "label", "probability", "fold"]
    pooled.to_csv(folder / "predictions.csv", columns=columns, index=False)
    pooled.drop_duplicates("id")[["id", "patient"]].to_csv(folder / "manifest.csv", index=False)
    return pooled


def run_folds(folder, threshold="youden", **parts):
    """Evaluate pooled predictions, and return them and metrics.json."""
    pooled = write_folds(folder, **parts)
    output = folder / "metrics.json"
    evaluate(folder / "predictions.csv", folder / "manifest.csv", output, threshold, "tiny seed 1")
    return pooled, json.loads(output.read_text())


def strict(constant):
    raise ValueError(f"{constant} is no JSON")


def test_keys_of_metrics_json(tmp_path):
    run(tmp_path)
    result = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=strict)
    assert list(result) == ["threshold", "threshold_rule", "operating_points", "validation", "test"]
    for subset, count in (("validation", 40), ("test", 50)):
        more = ["calibrated"] if subset == "test" else []
        assert list(result[subset]) == ["n", "patients", *METRICS, *MORE, "confusion", *more]
        assert result[subset]["n"] == sum(result[subset]["confusion"].values()) == count
        for name in METRICS:
            low, high = result[subset][name]["ci95"]
            assert 0 <= low <= result[subset][name]["value"] <= high <= 1
    scaled = result["test"]["calibrated"]
    assert list(scaled) == ["temperature", "brier", "ece", *MORE]
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


def test_the_same_bytes_twice(tmp_path):
    texts = []
    for _ in range(2):
        run(tmp_path)
        texts.append((tmp_path / "metrics.json").read_text())
    assert texts[0] == texts[1]


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


def test_a_metric_of_one_patient_has_no_interval_and_says_so():
    part = table(20).assign(probability=[0.9] + [0.1] * 19)
    entry = summarise(part, np.full(20, 0.5))["ppv"]
    assert entry["value"] == 0
    assert entry["ci95"] == [None, None]
    assert entry["reason"] == "no interval: the images that it rests on are of one patient"


def width(part):
    low, high = summarise(part, np.full(len(part), 0.5))["accuracy"]["ci95"]
    return high - low


def test_images_of_one_patient_widen_the_interval():
    part = table(200)
    part = part.loc[((part["probability"] >= 0.5) == part["label"]).sort_values().index]
    together = part.assign(patient=[f"p{row // 10}" for row in range(200)])
    assert width(together) > 1.3 * width(part)


def test_an_image_that_validates_in_many_folds_is_one_image():
    part = table(60)
    again = pd.concat([part] * 4)
    np.testing.assert_allclose(width(again), width(part), rtol=1e-6)


def test_patients_are_counted_where_known():
    known = [f"p{row // 2}" for row in range(40)]
    thresholds = np.full(40, 0.5)
    assert summarise(table(patient=known), thresholds)["patients"] == 20
    assert summarise(table(patient=""), thresholds)["patients"] is None


def test_each_folds_threshold_is_that_of_its_validation_images(tmp_path):
    pooled, result = run_folds(tmp_path)
    own = {
        str(fold): metrics.youden_threshold(*table(40, fold)[["label", "probability"]].to_numpy().T)
        for fold in (1, 2)
    }
    assert own["1"] != own["2"]
    assert result["thresholds"] == own
    assert result["threshold"] == np.mean(list(own.values()))
    assert list(result)[:3] == ["threshold", "thresholds", "threshold_rule"]
    held_out = pooled[pooled["subset"] == "oof"]
    called = held_out["probability"] >= held_out["fold"].astype(str).map(own)
    right = (called == held_out["label"]).mean()
    np.testing.assert_allclose(result["oof"]["accuracy"]["value"], right)
    assert result["oof"]["n"] == sum(result["oof"]["confusion"].values()) == 100
    assert "test" not in result
    assert result["operating_points"]["youden"]["oof"]["confusion"] == result["oof"]["confusion"]


def test_each_folds_temperature_is_that_of_its_validation_images(tmp_path):
    pooled, result = run_folds(tmp_path)
    scaled = result["oof"]["calibrated"]
    for fold in (1, 2):
        part = table(40, fold)
        expected = calibration.fit_temperature(
            part["label"].to_numpy(), part["probability"].to_numpy()
        )
        np.testing.assert_allclose(scaled["temperatures"][str(fold)], expected)
    held_out = pooled[pooled["subset"] == "oof"]
    temperatures = held_out["fold"].astype(str).map(scaled["temperatures"]).to_numpy()
    tempered = calibration.temper(held_out["probability"].to_numpy(), temperatures)
    brier = np.mean((tempered - held_out["label"]) ** 2)
    np.testing.assert_allclose(scaled["brier"]["value"], brier)
    assert "calibrated" not in result["validation"]


def test_test_images_beside_folds_take_the_mean_threshold(tmp_path):
    part = table(30, 9)
    _, result = run_folds(tmp_path, test=part)
    called = part["probability"] >= result["threshold"]
    np.testing.assert_allclose(
        result["test"]["accuracy"]["value"], (called == part["label"]).mean()
    )
    assert list(result)[-3:] == ["validation", "oof", "test"]


def test_values_by_fold_are_stated_and_found_again():
    chosen = stated("threshold", {"1": 0.2, "2": 0.4})
    assert chosen == {"threshold": pytest.approx(0.3), "thresholds": {"1": 0.2, "2": 0.4}}
    folds = pd.Series(["2", "1", ""])
    np.testing.assert_allclose(per_image(chosen, "threshold", folds), [0.4, 0.2, 0.3])
    assert stated("threshold", {"": 0.7}) == {"threshold": 0.7}
    np.testing.assert_allclose(per_image({"threshold": 0.7}, "threshold", folds), 0.7)


def test_rules_see_one_fold_at_a_time():
    part = table(40, fold=np.repeat(["1", "2"], 20))
    seen = choose(part, lambda labels, probabilities: len(labels) + probabilities[0])
    first = part["probability"]
    assert seen == {"1": 20 + first[0], "2": 20 + first[20]}
    assert list(RULES) == ["0.5", "youden", "sensitivity_95"]


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
