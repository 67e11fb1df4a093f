import numpy as np
import pandas as pd
import pytest

from audit_checks import audit_checks
from cxr import confounding, faithfulness, localisation, tables
from cxr.means import mean_interval

METHODS = ["scorecam", "gradcam", "edges"]
IDS = [f"e{number}" for number in range(12)]
LOCALISED = localisation.STATISTICS
RANDOM = np.random.default_rng(0).normal(scale=0.01, size=12)


def sanity_table(alike):
    """Two draws of a check for each method; alike by method."""
    facts = {"check": "noise", "stage": 1, "layers": ""}
    parts = [
        pd.DataFrame({"id": IDS, "method": name, "draw": draw, "spearman": value + RANDOM} | facts)
        for name, value in alike.items()
        for draw in (0, 1)
    ]
    return pd.concat(parts).assign(ssim=0.5, spearman_level=0.3, ssim_level=0.3)


def faithfulness_table(better):
    """Advantages by method, the same with both baselines but for some noise."""
    parts = []
    for name, value in better.items():
        values = np.full((12, 2, 2), value) + RANDOM[:, None, None]
        parts.append(faithfulness.to_table(IDS, values).assign(method=name))
    return pd.concat(parts)


def localisation_table(scores):
    """Scores by method or prior; a prior has the same in each image."""
    priors, parts = (localisation.MEAN, localisation.CENTRE), []
    for name, value in scores.items():
        cells = np.full(12, value) if name in priors else value + RANDOM
        parts.append(pd.DataFrame({"id": IDS, "method": name} | dict.fromkeys(LOCALISED, cells)))
    return pd.concat(parts).assign(threshold=0.5, best_iou=0.9, reachable_iou=np.nan)


def shortcut_tables(seen):
    """Both tables of a network that uses the mark; by method, the share of it that maps show."""
    labels, alone = np.arange(12) % 2, np.full(12, "", object)
    without, marked = 0.2 + 0.02 * np.arange(12), 0.7 + 0.02 * np.arange(12)
    facts = {"id": IDS, "label": labels, "marked": labels, "called_otherwise": 1}
    facts |= {"probability_without": without, "probability_marked": marked}
    parts = [
        pd.DataFrame(facts | {"method": name, "sensitivity_marked": value})
        for name, value in seen.items()
    ]
    table = pd.concat(parts).assign(sensitivity_without=0.1, explanation_ncc=0.2)
    use = confounding.use_table(labels, alone, labels == 1, without, marked)
    assert confounding.use_of_mark(use) == confounding.USES
    return {"shortcut": table, "shortcut_use": use}


@pytest.fixture
def inputs(tmp_path):
    """Three methods: the first passes all checks, the last fails all."""
    levels = {"edges": 0.3, "gradcam": 0.34, "scorecam": 0.8}  # not in the config's order
    return {
        "sanity": sanity_table(levels),
        "faithfulness": faithfulness_table({"gradcam": 0.1, "edges": -0.1, "scorecam": 0.1}),
        "localisation": localisation_table(
            {localisation.MEAN: 0.5, localisation.CENTRE: 0.4, **levels}
        ),
    }


def write_memorised(folder, right):
    """Predictions of a network that tells so many of ten training labels right, no other."""
    labels = np.tile([1, 0], 6)
    known = np.arange(12) < right
    table = pd.DataFrame({"id": IDS, "label": labels, "subset": ["train"] * 10 + ["test"] * 2})
    table["probability"] = np.where(known == (labels == 1), 0.8, 0.2)
    tables.write_table(table, folder / "predictions.csv", "predictions")
    return [folder / "predictions.csv"]


def run(folder, frames, patients=None, methods=METHODS, right=None):
    for name, table in frames.items():
        tables.write_table(table, folder / f"{name}.csv", name)
    patients = [""] * 12 if patients is None else patients
    pd.DataFrame({"id": IDS, "patient": patients})[::-1].to_csv(
        folder / "manifest.csv", index=False
    )
    audit_checks(
        alike=folder / "sanity.csv",
        faithful=folder / "faithfulness.csv",
        localised=folder / "localisation.csv",
        memorised=[] if right is None else write_memorised(folder, right),
        shortcut=[
            folder / f"{name}.csv" for name in ("shortcut", "shortcut_use") if name in frames
        ],
        manifest=folder / "manifest.csv",
        methods=methods,
        output=folder / "checks.csv",
    )
    return tables.read_table(folder / "checks.csv", "checks")


def verdicts(table, check, statistic):
    part = table[(table["check"] == check) & (table["statistic"] == statistic)]
    return dict(zip(part["method"], part["verdict"], strict=True))


def test_each_method_is_judged_by_each_check(inputs, tmp_path, capsys):
    table = run(tmp_path, inputs)
    assert list(table["method"].unique()) == METHODS
    for _, part in table.groupby("method"):
        assert list(part["check"].unique()) == ["noise", "deletion", "insertion", "localisation"]
    good = {"scorecam": "pass", "gradcam": "pass", "edges": "fail"}
    for check in ("deletion", "insertion"):
        assert verdicts(table, check, "both") == good
    below = {"scorecam": "pass", "gradcam": "fail", "edges": "fail"}
    assert verdicts(table, "noise", "spearman_beyond_level") == below
    for prior in (localisation.MEAN, localisation.CENTRE):
        assert verdicts(table, "localisation", f"all above {prior}") == below
    said = capsys.readouterr().out
    assert "ScoreCAM: fails no check" in said
    assert "GradCAM: fails noise, localisation" in said


@pytest.mark.parametrize("right", [10, 9, 8])
def test_a_network_that_has_not_memorised_its_labels_tells_nothing(right, inputs, tmp_path):
    permuted = inputs["sanity"].assign(check="permuted_labels")
    inputs["sanity"] = pd.concat([inputs["sanity"], permuted])
    table = run(tmp_path, inputs, right=right)
    found = verdicts(table, "permuted_labels", "spearman_beyond_level")
    unlike = {"scorecam": "fail", "gradcam": "pass", "edges": "pass"}
    assert found == (unlike if right >= 9 else dict.fromkeys(METHODS, "cannot tell"))
    below = {"scorecam": "pass", "gradcam": "fail", "edges": "fail"}
    assert verdicts(table, "noise", "spearman_beyond_level") == below
    shares = table["learned"].where(table["check"] == "permuted_labels")
    pd.testing.assert_series_equal(table["learned"], shares)
    assert set(shares.dropna()) == {right / 10} and shares.notna().sum() == len(METHODS)


def test_numbers_are_those_of_the_tables(inputs, tmp_path):
    scores = inputs["localisation"]
    scores.loc[scores["id"] == "e3", list(LOCALISED)] = np.nan
    scores.loc[scores["method"] == "gradcam", "iou"] += np.arange(12) / 100
    table = run(tmp_path, inputs).set_index(["method", "check", "statistic"]).sort_index()
    row = table.loc[("gradcam", "localisation", "iou above mean truth")]
    expected = mean_interval(np.delete(0.34 - 0.5 + RANDOM + np.arange(12) / 100, 3))
    assert (row["value"], row["low"], row["high"]) == pytest.approx(expected)
    assert row["n"] == 11
    row = table.loc[("scorecam", "deletion", "blur")]
    assert (row["value"], row["low"], row["high"]) == pytest.approx(mean_interval(0.1 + RANDOM))
    assert (row["n"], table.loc[("edges", "insertion", "both"), "n"]) == (12, 12)


def test_all_scores_together_are_the_one_that_speaks_least(inputs, tmp_path):
    scores = inputs["localisation"]
    scores.loc[scores["method"] == "scorecam", "pointing"] -= 0.6
    table = run(tmp_path, inputs).set_index(["method", "check", "statistic"]).sort_index()
    part = table.loc[("scorecam", "localisation")]
    assert part.loc["pointing above mean truth", "verdict"] == "fail"
    assert part.loc["iou above mean truth", "verdict"] == "pass"
    together = part.loc["all above mean truth"]
    assert together["verdict"] == "cannot tell"
    assert together["value"] == part.loc["pointing above mean truth", "value"]


def test_images_of_few_patients_cannot_tell(inputs, tmp_path):
    patients = [f"p{number // 3}" for number in range(12)]
    table = run(tmp_path, inputs, patients)
    for check, statistic in (("deletion", "both"), ("localisation", "all above mean truth")):
        assert set(verdicts(table, check, statistic).values()) == {"cannot tell"}
    assert set(table["n"]) == {12}


def test_the_order_of_rows_is_no_matter(inputs, tmp_path):
    expected = run(tmp_path, inputs)
    shuffled = {name: part.sample(frac=1, random_state=0) for name, part in inputs.items()}
    found = run(tmp_path, shuffled)
    keys = ["method", "check", "statistic"]
    pd.testing.assert_frame_equal(
        found.sort_values(keys, ignore_index=True), expected.sort_values(keys, ignore_index=True)
    )


def test_without_truths_localisation_cannot_be_told(inputs, tmp_path):
    inputs["localisation"] = inputs["localisation"][:0]
    table = run(tmp_path, inputs)
    part = table[table["check"] == "localisation"]
    assert list(part["method"].unique()) == METHODS
    assert (part["n"] == 0).all()
    assert set(part["verdict"]) == {"cannot tell"}
    assert part[["value", "low", "high"]].isna().all(axis=None)


def test_a_planted_shortcut_is_one_more_check(inputs, tmp_path):
    inputs |= shortcut_tables({"edges": 0.1, "gradcam": 0.9, "scorecam": 0.9})
    table = run(tmp_path, inputs)
    assert list(table[table["method"] == "gradcam"]["check"].unique())[-1] == "shortcut"
    seen = {"scorecam": "pass", "gradcam": "pass", "edges": "fail"}
    assert verdicts(table, "shortcut", "mark_shown") == seen
    inputs["shortcut_use"] = inputs["shortcut_use"].assign(low=-0.01, high=0.01)
    unseen = {"scorecam": "fail", "gradcam": "fail", "edges": "pass"}
    assert verdicts(run(tmp_path, inputs), "shortcut", "mark_shown") == unseen
