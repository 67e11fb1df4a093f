import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from cxr import tables
from cxr.leaks import KINDS, checks, relatives
from leakage import leakage
from leakage_figure import draw_pairs, headline, leakage_figure
from leakage_pairs import leakage_pairs
from leakage_sensitivity import leakage_sensitivity

COLUMNS = ["first", "second", "kind", "likeness", "correlation", "mirrored", "patients"]


def pairs_of(*rows):
    return pd.DataFrame(
        [(*row[:3], 0.7, 0.8, 0, row[3] if len(row) > 3 else "unknown") for row in rows],
        columns=COLUMNS,
    )


def cohort(count, patient=""):
    return pd.DataFrame(
        {
            "id": [f"i{row}" for row in range(count)],
            "patient": patient,
            "label": np.arange(count) % 2,
        }
    )


def parts_of(manifest, **parts):
    """The part of each image by id, train unless named."""
    return pd.Series("train", manifest["id"].to_numpy()).mask(
        lambda part: part.index.isin(parts), pd.Series(parts)
    )


def checked(manifest, pairs, **parts):
    return checks(manifest, parts_of(manifest, **parts), pairs).set_index("check")


def test_unknown_patients_and_nothing_found_is_no_clean_bill():
    table = checked(cohort(700), pairs_of())
    expected = {"identical": "pass", "near-duplicate": "pass"}
    assert list(table.index) == ["patients", *KINDS]
    for check, verdict in table["verdict"].items():
        assert verdict == expected.get(check, "cannot tell")
    assert "700 of 700 X-rays is unknown" in table.at["patients", "reason"]
    assert (
        "go unnoticed; about 4 such pairs are found by chance" in table.at["same-person", "reason"]
    )


def test_few_images_are_too_few_to_tell_persons():
    assert "40 X-rays are too few" in checked(cohort(40), pairs_of()).at["same-person", "reason"]
    assert checked(cohort(7), pairs_of()).at["near-duplicate", "verdict"] == "cannot tell"


def test_patients_in_two_parts_fail():
    manifest = cohort(6, ["p", "p", "q", "q", "r", ""])
    table = checked(manifest, pairs_of(), i1="test")
    assert table.loc["patients", ["found", "across", "labels_differ"]].tolist() == [2, 1, 2]
    assert table.at["patients", "verdict"] == "fail"
    assert relatives("patients", manifest, parts_of(manifest, i1="test"), pairs_of()) == {
        "i0",
        "i1",
    }
    assert checked(manifest, pairs_of()).at["patients", "verdict"] == "cannot tell"
    assert checked(manifest[:5], pairs_of()).at["patients", "verdict"] == "pass"


def test_pairs_in_two_parts_fail_by_kind_and_labels_that_differ_are_counted():
    pairs = pairs_of(
        ("i0", "i1", "identical"),
        ("i0", "i2", "near-duplicate"),
        ("i3", "i4", "same-person"),
        ("i3", "i5", "resembling"),
        ("i2", "i4", "same-person"),
    )
    table = checked(cohort(700), pairs, i1="test", i2="validation", i4="validation", i5="test")
    assert table.loc[list(KINDS), "found"].tolist() == [1, 1, 2, 1]
    assert table.loc[list(KINDS), "across"].tolist() == [1, 1, 1, 1]
    assert table.loc[list(KINDS), "labels_differ"].tolist() == [1, 0, 1, 0]
    assert table.loc[list(KINDS), "verdict"].tolist() == ["fail"] * 3 + ["cannot tell"]


def test_patients_who_are_known_to_differ_are_no_same_person_but_may_be_copies():
    pairs = pairs_of(
        ("i0", "i1", "same-person", "different"), ("i2", "i3", "near-duplicate", "different")
    )
    manifest = cohort(8, list("pqrstuvw"))
    table = checked(manifest, pairs, i1="test", i3="test")
    assert table.at["same-person", "found"] == 0
    assert table.at["near-duplicate", "across"] == 1


def test_where_patients_are_known_the_power_is_measured_on_them():
    patients = [f"p{row // 2}" for row in range(100)] + [f"s{row}" for row in range(600)]
    found = [(f"i{row}", f"i{row + 1}", "same-person", "same") for row in range(0, 24, 2)]
    false = [(f"i{row}", f"i{row + 1}", "same-person", "different") for row in range(200, 207)]
    loose = [("i24", "i25", "resembling", "same")]
    table = checked(cohort(700, patients), pairs_of(*found, *false, *loose))
    row = table.loc["same-person"]
    interval = binomtest(12, 50).proportion_ci()
    assert row[["recall", "recall_low", "recall_high"]].tolist() == pytest.approx(
        [12 / 50, interval.low, interval.high]
    )
    assert row["false_pairs"] == pytest.approx(7 / (700 * 699 / 2 - 50) * 1e5)
    assert row["measured_on"] == "this data set, whose patients are known"
    assert table.at["resembling", "recall"] == 13 / 50
    assert checked(cohort(700), pairs_of()).at["same-person", "measured_on"].startswith("1,000 NIH")


@pytest.fixture
def results(tmp_path):
    """Manifest, images, split and two runs' predictions of 40 X-rays, one copied into the test."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((40, 48, 48)).astype(np.float32)
    images[39] = images[0]
    np.save(tmp_path / "images.npy", images)
    manifest = cohort(40).assign(
        path="x.png",
        age="",
        sex="",
        view="",
        width=48,
        height=48,
        bit_depth=8,
        mask="",
        sha256=[f"{row:064x}" for row in range(40)],
    )
    manifest["class"] = np.where(manifest["label"] == 1, "effusion", "normal")
    manifest.to_csv(tmp_path / "manifest.csv", index=False)
    subset = ["train"] * 20 + ["validation"] * 4 + ["test"] * 16
    pd.DataFrame({"id": manifest["id"], "subset": subset}).to_csv(
        tmp_path / "split.csv", index=False
    )
    for seed in (1, 2):
        (tmp_path / f"run{seed}").mkdir()
        run = manifest[["id", "label"]].assign(subset=subset, probability=rng.random(40))[20:]
        run.to_csv(tmp_path / f"run{seed}/predictions.csv", index=False)
    leakage_pairs(tmp_path / "manifest.csv", tmp_path / "images.npy", tmp_path / "pairs.csv", 1)
    return tmp_path


def test_tables_and_figure_are_made_from_files(results, capsys):
    files = {name: results / f"{name}.csv" for name in ("manifest", "split", "pairs")}
    assert tables.read_table(files["pairs"], "pairs")["kind"].tolist() == ["identical"]
    leakage(**files, output=results / "leakage.csv")
    table = tables.read_table(results / "leakage.csv", "leakage").set_index("check")
    assert table.at["identical", "verdict"] == "fail"
    assert "identical: fail, 1 of 1 across" in capsys.readouterr().out
    png = results / "leakage.png"
    leakage_figure(
        results / "leakage.csv", images=results / "images.npy", **files, output=png, title="t"
    )
    assert png.read_bytes().startswith(b"\x89PNG")


def test_results_are_scored_again_without_relatives(results):
    output = results / "sensitivity.csv"
    leakage_sensitivity(
        [results / f"run{seed}/predictions.csv" for seed in (1, 2)],
        ["lesson", "lesson"],
        results / "manifest.csv",
        results / "split.csv",
        results / "pairs.csv",
        output,
    )
    table = tables.read_table(output, "leakage_sensitivity").set_index("without")
    assert list(table.index) == ["nothing", "patients", *KINDS]
    assert table["left_out"].tolist() == [0, 0, 1, 1, 1, 1]
    assert table["n"].tolist() == [16, 16, 15, 15, 15, 15]
    assert table.at["nothing", "auroc"] != table.at["identical", "auroc"]
    assert (table["low"] < table["auroc"]).all()
    assert (table["auroc"] < table["high"]).all()


def test_the_sheet_frames_what_the_split_parts_and_says_when_there_is_nothing():
    manifest = cohort(700)
    pairs = pairs_of(("i0", "i1", "same-person")).assign(across=True)
    facts = pd.DataFrame(
        {"row": [0, 1], "class": "normal", "part": ["train", "test"]}, index=["i0", "i1"]
    )
    images = np.random.default_rng(0).standard_normal((2, 32, 32))
    drawn = draw_pairs(pairs, facts, images, "words")
    places = drawn.subfigs
    assert places[0].get_suptitle() == "same-person, likeness 0.70"
    assert [axis.get_title() for axis in places[0].axes] == [
        "i0\nnormal, train",
        "i1\nnormal, test",
    ]
    words = headline(checks(manifest, parts_of(manifest, i1="test"), pairs), 1, "x")
    assert "1 pair of copies or suspected same persons, 1 shown; 1 across" in words
    assert "Fail: same-person" in words
    empty = draw_pairs(pairs[:0], facts, images, "words")
    assert empty.subfigs[0].texts[0].get_text() == "no pair was found"
