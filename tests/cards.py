"""A model card of a small made-up run, for the tests of what is made from it."""

import pandas as pd

from cxr.card import METRICS, rows

HOSTILE = "<script>alert(1)</script> | *a* `b` $x$ [c](d) {{ 1/0 }}"
RECIPE = {
    **{"input_size": 32, "filters": [4, 8], "kernels": [3, 3], "strides": None, "dense": []},
    **{"batch_norm": True, "pooling": "max", "activation": "relu", "head": "average"},
    **{"dropout": 0.0, "epochs": 2, "keep": "last", "threads": 1, "test_flip": False},
    "augment": {"rotation": 5.0, "flip": False},
}
SOFTWARE = {"title": "pleura", "license": "MIT", "authors": [{"name": "The pleura authors"}]}
SCORES = {
    "threshold": 0.4,
    "test": {"n": 50, "patients": 40, "confusion": {"tp": 15, "fp": 4, "tn": 26, "fn": 5}},
}
CELLS = ("value", "low", "high", "seed_sd", "difference", "difference_low", "difference_high")


def record(**changes):
    """run.json of a run on the data set mine, of folders; changes are of its config."""
    config = {
        "datasets": {"mine": {"source": "folder"}},
        "image": {"size": 64},
        "split": {"folds": None, "file": None, "seed": 1, "stratify": True, "together": "patients"},
        "experiments": {"small": RECIPE, "lesson": RECIPE},
        "run": ["lesson", "small"],
        "main": "small",
        "seeds": [1],
        "evaluate": {"threshold": "youden"},
        "backend": "tensorflow",
    }
    return {
        "dataset": "mine",
        "config": config | changes,
        "versions": {"python": "3.11.7", "keras": "3.15.1", "numpy": "2.4.6"},
        "hardware": {"processor": "CPU", "system": "Linux"},
        "git": {"commit": "0123abc", "modified": True},
        "lock_sha256": "a" * 64,
        "inputs": {"images_sha256": "b" * 64, "split_sha256": "c" * 64},
    }


def datasheet(**changes):
    """A data sheet; changes are of its values, by item."""
    told = {
        ("Origin", "data set"): "mine, a folder for each class",
        ("Origin", "collection"): "not given",
        ("Composition", "X-rays"): "300: 120 with an effusion, 180 without",
        ("Composition", "views"): "not given",
        ("Composition", "sizes, pixels"): "64 x 64: 300",
        ("Patients", "patients"): "240",
        ("Labels", "made by"): "not given",
        ("Cleaning", "files left out (rejected.csv)"): "3",
        ("Cleaning", "preprocessing"): "grey, 64 x 64 pixels",
        ("Split", "train"): "200 X-rays, 80 with an effusion, 160 patients",
        ("Split", "test"): "50 X-rays, 20 with an effusion, 40 patients",
        ("Use", "licence"): "not given",
        ("Use", "citation"): "not given",
    }
    table = [(*place, changes.get(place[1], value)) for place, value in told.items()]
    return pd.DataFrame(table, columns=["section", "item", "value"])


def comparison(seeds=1, subset="test"):
    """comparison.csv of two experiments and a baseline, the same numbers for every metric."""
    one = {"subset": subset, "n": 50, "value": 0.8, "low": 0.6, "high": 0.9}
    gap = {"difference": 0.1, "difference_low": 0.02, "difference_high": 0.2, "verdict": "higher"}
    above = {"above_thumbnail": 0.0, "above_thumbnail_low": -0.1, "above_thumbnail_high": 0.1}
    extra = {
        "lesson": {"kind": "experiment", "seeds": seeds},
        "small": {"kind": "experiment", "seeds": seeds}
        | (gap | above | {"above_verdict": "cannot tell"}),
        "thumbnail": {"kind": "baseline", "seeds": 1},
    }
    table = pd.DataFrame(
        [
            one | {"experiment": e, "metric": m} | cells
            for e, cells in extra.items()
            for m in METRICS
        ]
    )
    return table.assign(seed_sd=0.03 if seeds > 1 else None).fillna(
        {"verdict": "", "above_verdict": ""}
    )


def subgroups():
    """subgroups.csv of all images and two bands of age, one of them too small."""
    names = ["group", "value", "n", "effusions", "patients", "metric", "estimate", "low", "high"]
    table = [("all", "", 50, 20, 40, "auroc", 0.8, 0.6, 0.9)]
    table += [("age", "18 to 39", 30, 12, 25, m, 0.75, 0.5, 0.9) for m in ("auroc", "sensitivity")]
    table += [("age", "40 to 59", 20, 8, 15, "auroc", None, None, None)]
    frame = pd.DataFrame(table, columns=names)
    return frame.assign(
        difference=None,
        difference_low=None,
        difference_high=None,
        note=["", "", "", "too few"],
    )


def checks():
    """checks.csv of a method that fails one of two checks, and of a control."""
    names = ["method", "check", "statistic", "value", "low", "high", "n", "verdict", "learned"]
    numbers = ("spearman_beyond_level", 0.5, 0.4, 0.6)
    table = [
        ("gradcam", "noise", *numbers, 12, "pass", None),
        ("gradcam", "shift", *numbers, 6, "fail", None),
        ("edges", "noise", *numbers, 12, "fail", None),
    ]
    return pd.DataFrame(table, columns=names)


def leakage():
    """leakage.csv with a pair of copies that the split parts."""
    kinds = ["patients", "identical", "near-duplicate", "same-person", "resembling"]
    found = {"check": kinds, "found": [9, 2, 0, 0, 0], "across": [0, 1, 0, 0, 0]}
    said = {"verdict": ["pass", "fail", "pass", "pass", "pass"], "reason": HOSTILE}
    power = dict.fromkeys(("recall", "recall_low", "recall_high", "false_pairs"))
    return pd.DataFrame(found | said | power | {"labels_differ": 0, "measured_on": ""})


def sensitivity():
    """leakage_sensitivity.csv of both experiments."""
    names = ["experiment", "without", "left_out", "n", "auroc", "low", "high"]
    table = [
        (experiment, *row)
        for experiment, auroc in (("lesson", 0.7), ("small", 0.79))
        for row in (("nothing", 0, 50, 0.8, 0.6, 0.9), ("identical", 2, 48, auroc, 0.55, 0.9))
    ]
    return pd.DataFrame(table, columns=names)


def transfer():
    """transfer.csv with one other data set."""
    one = {"subset": "test", "dataset": "mine", "metric": "auroc", "seeds": 1, "n": 50}
    one |= {"effusions": 20, "patients": 40, "left_out": 0, "note": ""}
    one |= {"value": 0.8, "low": 0.6, "high": 0.9}
    other = {"subset": "all", "dataset": "there", "n": 200, "left_out": 7, "value": 0.7}
    table = pd.DataFrame([one | {"experiment": "small"}, one | other | {"experiment": "small"}])
    return table.reindex(columns=[*table, "seed_sd", *CELLS[4:]])


def card(
    run=None, sheet=None, seeds=1, subset="test", prescribed=False, scores=SCORES, others=None
):
    """model_card.csv of the made-up run."""
    return rows(
        run or record(),
        54979,
        SOFTWARE,
        prescribed,
        datasheet() if sheet is None else sheet,
        comparison(seeds, subset),
        scores,
        subgroups(),
        checks(),
        leakage(),
        sensitivity(),
        others,
    )
