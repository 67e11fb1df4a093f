import json
import warnings

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cxr import curves, montage, plots
from cxr.errors import UserError
from evaluate import evaluate
from evaluate_figures import evaluate_figures

SIZES = {  # width and height, pixels
    "history": (1350, 540),
    "confusion": (690, 690),
    "roc": (810, 810),
    "precision_recall": (810, 810),
    "calibration": (810, 1020),
    "mistakes": (918, 396),
}
STRANGE = ["$x_1$", "a_b^{c}", "<b>&amp;</b>", "x" * 200, "50%", "\\frac{"]


def predictions(count=60, probabilities=None, ids=()):
    """Validation and test predictions, half of the images each, whose ids begin with `ids`."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    scores = np.clip(0.5 + 0.2 * (labels - 0.5) + rng.normal(0, 0.2, count), 0, 1)
    return pd.DataFrame(
        {
            "id": [*ids, *(f"i{row}" for row in range(len(ids), count))],
            "subset": np.where(np.arange(count) < count / 2, "test", "validation"),
            "label": labels,
            "probability": scores if probabilities is None else probabilities,
            "patient": "",
        }
    )


def write(folder, table, epochs=3):
    """Write what a run leaves behind, and return the arguments of evaluate_figures."""
    table.drop(columns="patient").to_csv(folder / "predictions.csv", index=False)
    known = table.drop_duplicates("id")[["id", "patient"]][::-1].assign(mask="")
    known.to_csv(folder / "manifest.csv", index=False)
    files = (folder / "predictions.csv", folder / "manifest.csv", folder / "metrics.json")
    evaluate(*files, "youden" if "fold" in table else 0.5, "tiny")
    columns = ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    history = pd.DataFrame({"epoch": range(1, epochs + 1)} | dict.fromkeys(columns, 0.7))
    for name in ("history.csv", "another.csv"):
        history.to_csv(folder / name, index=False)
    images = np.random.default_rng(0).normal(size=(len(table), 32, 32)).astype(np.float32)
    np.save(folder / "images.npy", images)
    return {
        "histories": [folder / "history.csv"],
        "predictions": files[0],
        "metrics": files[2],
        "manifest": files[1],
        "images": folder / "images.npy",
        "outputs": {name: folder / f"{name}.png" for name in SIZES},
        "title": "phantom, tiny, seed 1",
    }


def check_pictures(outputs):
    for name, path in outputs.items():
        picture = cv2.imread(str(path))
        assert (picture.shape[1], picture.shape[0]) == SIZES[name], name
        assert (picture != 255).mean() > 0.005, name
    assert not plt.get_fignums()


CASES = {
    "usual": predictions(),
    "no mistakes": predictions(probabilities=np.arange(60) % 2 * 0.8 + 0.1),
    "all mistaken": predictions(probabilities=(np.arange(60) + 1) % 2),
    "all called normal": predictions(probabilities=0.1),
    "all called effusions": predictions(probabilities=0.9),
    "strange names": predictions(probabilities=(np.arange(60) + 1) % 2, ids=STRANGE),
    "very few": predictions(4),
}


@pytest.mark.parametrize("name", CASES)
def test_every_figure_is_drawn_whatever_the_predictions(tmp_path, name):
    arguments = write(tmp_path, CASES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate_figures(**arguments)
    check_pictures(arguments["outputs"])


@pytest.mark.parametrize("test", [False, True], ids=["", "and test"])
def test_every_figure_is_drawn_out_of_fold(tmp_path, test):
    parts = [
        predictions().assign(fold=fold, subset=lambda t: t["subset"].replace("test", "oof"))
        for fold in ("1", "2")
    ]
    parts[1].loc[:29, "id"] += "b"  # held out once, while the validation images are the same
    if test:
        parts.append(predictions(ids=[f"t{row}" for row in range(60)]).head(30).assign(fold=""))
    arguments = write(tmp_path, pd.concat(parts, ignore_index=True))
    arguments["histories"].append(tmp_path / "another.csv")
    evaluate_figures(**arguments)
    check_pictures(arguments["outputs"])


def test_the_learning_curve_of_folds_is_their_mean():
    names = ["loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    folds = [pd.DataFrame({"epoch": [1, 2]} | dict.fromkeys(names, value)) for value in (0.2, 0.6)]
    figure = curves.draw_history(folds, "title")
    lines = figure.axes[0].get_lines()
    assert len(lines) == 6
    lines = [line for line in lines if line.get_label() == "training (mean of 2 folds)"]
    np.testing.assert_allclose(lines[0].get_ydata(), 0.4)
    plt.close(figure)


def test_the_same_bytes_twice(tmp_path):
    arguments = write(tmp_path, CASES["usual"])
    texts = []
    for _ in range(2):
        evaluate_figures(**arguments)
        texts.append([path.read_bytes() for path in arguments["outputs"].values()])
    assert texts[0] == texts[1]


def test_only_the_masks_of_the_missed_effusions_shown_are_read(tmp_path):
    table = predictions(probabilities=(np.arange(60) + 1) % 2)
    arguments = write(tmp_path, table)
    known = pd.read_csv(arguments["manifest"], keep_default_na=False)
    shown = known["id"].isin(montage.surest_mistakes(table[:30], 0.5, 1)["id"])
    known["mask"] = np.where(known["id"].isin(table.loc[table["label"] == 1, "id"]), "gone.png", "")
    known.to_csv(arguments["manifest"], index=False)
    with pytest.raises(UserError, match=r"gone\.png: file not found"):
        evaluate_figures(**arguments)
    mask = np.zeros((50, 50), np.uint8)
    mask[10:30, 10:30] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    known.loc[shown, "mask"] = str(tmp_path / "mask.png")
    known.to_csv(arguments["manifest"], index=False)
    evaluate_figures(**arguments)
    check_pictures(arguments["outputs"])


def undefined(reason):
    return {"value": None, "ci95": [None, None], "reason": reason}


def test_undefined_metrics_leave_their_figures(tmp_path):
    arguments = write(tmp_path, CASES["usual"])
    scores = json.loads(arguments["metrics"].read_text())
    for name in ("auroc", "auprc", "ece", "brier"):
        scores["test"][name] = undefined("needs images of both classes")
    for point in scores["operating_points"].values():
        point["test"]["sensitivity"] = undefined("needs effusions")
    arguments["metrics"].write_text(json.dumps(scores))
    evaluate_figures(**arguments)
    check_pictures(arguments["outputs"])
    figure = curves.draw_roc(CASES["usual"], scores, "test", "title")
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[1] == "test, n = 30\nAUROC undefined: needs images of both classes"
    assert len(labels) == 2
    plt.close(figure)


def test_operating_points_lie_on_the_test_curve(tmp_path):
    arguments = write(tmp_path, CASES["usual"])
    scores = json.loads(arguments["metrics"].read_text())
    figure = curves.draw_roc(CASES["usual"], scores, "test", "title")
    lines = {line.get_label().split(",")[0]: line for line in figure.axes[0].get_lines()}
    curve = set(map(tuple, np.round(lines["test"].get_xydata(), 9)))
    points = [line for line in lines.values() if line.get_marker() in "os^"]
    assert len(points) == 3
    for point in points:
        assert tuple(np.round(point.get_xydata()[0], 9)) in curve
    plt.close(figure)


def test_the_confusion_matrix_shows_counts_and_shares():
    scores = {"confusion": {"tp": 3, "fn": 1, "fp": 2, "tn": 0}, "n": 6}
    figure = curves.draw_confusion(scores, "test", "threshold 0.50", "title")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["3\n75 %", "1\n25 %", "2\n100 %", "0\n0 %"]
    plt.close(figure)


def test_calibration_shows_each_bins_share():
    probabilities = np.tile([0.05, 0.05, 0.05, 0.05, 1.0], 4)
    table = predictions(20, probabilities).assign(label=np.tile([0, 0, 0, 1, 1], 4), fold="")
    found = curves.reliability(table, probabilities)
    np.testing.assert_allclose(found[["probability", "share"]], [[0.05, 0.25], [1.0, 1.0]])
    assert (found["low"] < found["share"]).all()
    assert 0.25 < found["high"][0] < 1
    assert found["low"][1] < 0.7  # 4 of 4 is no certainty
    together = curves.reliability(table.assign(patient="p"), probabilities)
    assert together[["low", "high"]].isna().all(axis=None)


def test_calibration_is_drawn_as_predicted_and_scaled():
    probabilities = np.tile([0.05, 0.05, 0.05, 0.05, 1.0], 4)
    table = predictions(20, probabilities).assign(label=np.tile([0, 0, 0, 1, 1], 4), fold="")
    entries = dict.fromkeys(("ece", "brier", "calibration_slope"), undefined("a test"))
    figure = curves.draw_calibration(
        table, entries | {"calibrated": {"temperature": 2.0} | entries}, "test", "title"
    )
    data = figure.axes[0].containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(data, [[0.05, 0.25], [1.0, 1.0]])
    scaled = next(line for line in figure.axes[0].get_lines() if "temperature" in line.get_label())
    odds = np.sqrt(0.05 / 0.95)
    np.testing.assert_allclose(scaled.get_xdata()[0], odds / (1 + odds))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0] == "as predicted\nECE undefined\nBrier undefined\nslope undefined"
    assert texts[1].startswith("temperature 2.00\n")
    plt.close(figure)


def test_thresholds_in_words():
    assert curves.threshold_words({"threshold": 0.5}) == "threshold 0.50"
    same = {"threshold": 0.5, "thresholds": {"1": 0.5, "2": 0.5}}
    assert curves.threshold_words(same) == "threshold 0.50"
    words = curves.threshold_words({"threshold": 0.5, "thresholds": {"1": 0.4, "2": 0.6}})
    assert words == "each fold's threshold, 0.40 to 0.60"


def test_the_surest_mistakes_come_first():
    table = pd.DataFrame(
        {
            "id": list("abcdefg"),
            "label": [1, 1, 1, 0, 0, 0, 0],
            "probability": [0.3, 0.1, 0.5, 0.5, 0.49, 0.9, 0.7],
        }
    )
    assert list(montage.surest_mistakes(table, 0.5, 1)["id"]) == ["b", "a"]
    assert list(montage.surest_mistakes(table, 0.5, 0)["id"]) == ["f", "g", "d"]
    own = np.array([0.2, 0.2, 0.5, 0.5, 0.5, 0.95, 0.5])
    assert list(montage.surest_mistakes(table, own, 1)["id"]) == ["b"]
    assert list(montage.surest_mistakes(table, own, 0)["id"]) == ["g", "d"]
    many = pd.concat([table] * 9)
    assert len(montage.surest_mistakes(many, 0.5, 1)) == montage.MISTAKES


def test_the_montage_shows_each_mistakes_own_image():
    table = pd.DataFrame(
        {
            "id": ["a", "b"],
            "subset": "test",
            "label": [1, 0],
            "probability": [0.2, 0.7],
            "row": [4, 2],
        }
    )
    images = np.random.default_rng(0).normal(size=(5, 8, 8)).astype(np.float32)
    mistakes = {label: montage.surest_mistakes(table, 0.5, label) for label in (0, 1)}
    fluid = {"a": np.eye(8, dtype=np.float32)}
    figure = montage.draw_mistakes(mistakes, images, fluid, "test", "threshold 0.5", "title")
    for axis, row, text in ((0, 4, "a\np = 0.20"), (montage.MISTAKES, 2, "b\np = 0.70")):
        np.testing.assert_array_equal(figure.axes[axis].images[0].get_array(), images[row])
        assert figure.axes[axis].get_title() == text
        assert len(figure.axes[axis].collections) == (row == 4)  # the outline
    assert "outlined" in figure.get_suptitle()
    assert sum(len(axis.images) for axis in figure.axes) == 2
    plt.close(figure)


def test_metrics_as_text():
    assert plots.value_text({"value": 0.876, "ci95": [0.8, 0.95]}) == "0.88 (95 % CI 0.80 to 0.95)"
    assert plots.value_text({"value": 0.876, "ci95": [None, None], "reason": "few"}) == "0.88"
    assert plots.value_text(undefined("needs effusions")) == "undefined: needs effusions"
