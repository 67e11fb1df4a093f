import json

import pandas as pd
import pytest
import yaml
from docutils import nodes
from docutils.core import publish_doctree
from jinja2 import Environment

from cxr import startpage
from report import parameters, report
from workspace import ROOT

SUMMARY = """Model: "functional"
 Total params: 163,883 (640.17 KB)
 Trainable params: 54,627 (213.39 KB)
 Non-trainable params: 352 (1.38 KB)
 Optimizer params: 109,256 (426.79 KB)
"""
HOSTILE = "data/{{ 1/0 }}/{% raw %} `rm -rf`_ *a_ |b| <script>alert('x')</script>.png"


def metric(value, low=0.6, high=0.9, **reason):
    return {"value": value, "ci95": [low, high], **reason}


def scores(threshold=0.5, rule="0.5", patients=40, subset="test", **changes):
    test = {name: metric(0.8) for name in startpage.SHOWN} | changes
    test |= {"n": 50, "patients": patients, "confusion": {"tp": 15, "fp": 4, "tn": 26, "fn": 5}}
    return {"threshold": threshold, "threshold_rule": rule, subset: test}


def comparison(names=("lesson", "pleura"), seeds=1, kinds=(), subset="test", **changes):
    """All are experiments but the last, which have the `kinds`."""
    kinds = ["experiment"] * (len(names) - len(kinds)) + list(kinds)
    rows = [
        {"experiment": name, "kind": kind, "subset": subset, "n": 50, "metric": metric}
        | {"seeds": seeds if kind == "experiment" else 1}
        | {"value": 0.8, "low": 0.6, "high": 0.9, "seed_sd": 0.03 if seeds > 1 else None}
        | dict.fromkeys(("difference", "difference_low", "difference_high"), None)
        | ({"difference": 0.1, "difference_low": 0.02, "difference_high": 0.2} if number else {})
        | {"verdict": "higher" if number else "", "above_verdict": ""}
        | dict.fromkeys(("above_thumbnail", "above_thumbnail_low", "above_thumbnail_high"), None)
        | (changes if number else {})
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
        for metric in startpage.SHOWN
    ]
    return pd.DataFrame(rows)


def record(names=("lesson", "pleura"), seeds=(42,), source="phantom"):
    recipe = {"input_size": None, "epochs": 10, "keep": "best", "augment": {"flip": False}}
    ours = {"input_size": 128, "epochs": 60, "keep": "last", "augment": {"flip": True}}
    return {
        "dataset": "mine",
        "finished": "2026-01-02T03:04:05+00:00",
        "config": {
            "datasets": {"mine": {"source": source}},
            "image": {"size": 256},
            "run": list(names),
            "seeds": list(seeds),
            "experiments": {name: ours if name == "pleura" else recipe for name in names},
        },
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "hardware": {"processor": "A_B* CPU", "system": "Linux"},
        "git": {"commit": "0123abc", "modified": True},
    }


def images(patients):
    classes = ["effusion", "effusion", "normal", "normal", "normal"]
    frame = pd.DataFrame({"id": list("abcde"), "class": classes, "patient": patients})
    return frame.assign(subset="")  # what the data set prescribes


SPLIT = pd.DataFrame(
    {"id": list("abcde"), "subset": ["train", "test", "train", "validation", "test"]}
)
NO_FILES = pd.DataFrame({"path": [], "reason": []})


def page(text):
    """The page as Snakemake makes it: by jinja, then by docutils, which must find no fault."""
    source = Environment(trim_blocks=True, lstrip_blocks=True).from_string(text).render()
    return publish_doctree(source, settings_overrides={"report_level": 1, "halt_level": 1})


def words(text):
    return " ".join(page(text).astext().split())


def table(text):
    rows = page(text).findall(nodes.row)
    return [[cell.astext() for cell in row] for row in rows]


def test_result_gives_each_number_with_its_interval_and_n():
    text = startpage.result(comparison(), {"lesson": [scores()], "pleura": [scores()]})
    cells = ["0.800 (0.600 to 0.900)"] * 4 + ["50", "1"]
    assert table(text)[1:] == [["lesson", *cells], ["pleura", *cells]]
    found = words(text)
    assert "On 50 X-rays (20 with an effusion), which no network saw in training" in found
    assert "95 % intervals over patients" in found
    assert "at a threshold of 0.50" in found
    assert "trained once" in found


@pytest.mark.parametrize(
    ("low", "high", "meaning"),
    [
        (0.02, 0.2, "above zero: on X-rays like these, pleura tells the classes better apart"),
        (-0.2, -0.02, "below zero: on X-rays like these, pleura tells the classes less well"),
        (-0.1, 0.2, "includes zero: these X-rays do not say which"),
        (0.0, 0.2, "includes zero"),
        (None, None, "could not be computed with an interval"),
    ],
)
def test_difference_in_words_that_its_interval_supports(low, high, meaning):
    pairs = comparison(difference_low=low, difference_high=high)
    found = words(startpage.result(pairs, {"lesson": [scores()], "pleura": [scores()]}))
    assert "AUROC of pleura minus that of lesson" in found
    assert meaning in found
    if low is not None:
        assert f"+0.100 ({low:+.3f} to {high:+.3f}), paired over the same 50 X-rays" in found


def test_cross_validation_is_called_so():
    runs = [scores(0.4, "youden", subset="oof")]
    runs[0]["thresholds"] = {"1": 0.3, "2": 0.5}
    found = words(startpage.result(comparison(["lesson"], subset="oof"), {"lesson": runs}))
    assert "each judged by the one network of a cross-validation that did not see it" in found
    assert "at each network's own threshold (0.30 to 0.50), chosen on the validation" in found


def test_networks_that_do_not_beat_the_thumbnail_are_named():
    names = ["winner", "even", "loser", "winner ensemble", "frame", "thumbnail"]
    pairs = comparison(names, seeds=2, kinds=["ensemble", "baseline", "baseline"])
    above = {
        "winner": (0.1, 0.02, 0.2, "higher"),
        "even": (0.05, -0.1, 0.2, "cannot tell"),
        "loser": (-0.1, -0.2, -0.02, "lower"),
        "winner ensemble": (0.12, 0.03, 0.2, "higher"),
        "frame": (-0.3, -0.4, -0.2, "lower"),
    }
    columns = ["above_thumbnail", "above_thumbnail_low", "above_thumbnail_high", "above_verdict"]
    for name, cells in above.items():
        pairs.loc[pairs["experiment"] == name, columns] = cells
    runs = {name: [scores(), scores()] for name in names[:3]}
    text = startpage.result(pairs, runs)
    found = words(text)
    assert [row[0] for row in table(text)[1:]] == names
    assert "winner: +0.100 (+0.020 to +0.200), so it beats the thumbnail" in found
    assert "even: +0.050 (-0.100 to +0.200), so it is not shown to beat the thumbnail" in found
    assert "loser: -0.100 (-0.200 to -0.020), so it is worse than the thumbnail" in found
    assert "winner ensemble: +0.120 (+0.030 to +0.200), so it beats the thumbnail" in found
    assert "frame: " not in found
    assert "AUROC of winner ensemble minus that of winner" in found
    assert "AUROC of frame minus" not in found
    assert "These are 3 differences" in found
    assert "over 2 seeds: winner 0.030, even 0.030, loser 0.030." in found


def test_rows_with_a_threshold_of_their_own_are_said_to_have_one():
    names = ["lesson", "thumbnail"]
    pairs = comparison(names, kinds=["baseline"])
    said = "ensembles and baselines have their own, chosen alike"
    assert said in words(startpage.result(pairs, {"lesson": [scores(0.31, "youden")]}))
    assert said not in words(startpage.result(pairs, {"lesson": [scores()]}))
    alone = comparison(["lesson"])
    assert said not in words(startpage.result(alone, {"lesson": [scores(0.31, "youden")]}))


def test_one_experiment_is_compared_to_nothing():
    found = words(startpage.result(comparison(["lesson"]), {"lesson": [scores()]}))
    assert "minus" not in found
    opened = words(startpage.opening("mine", "phantom", ["lesson"]))
    assert "The network lesson learned" in opened


def test_several_seeds_come_with_their_spread():
    runs = {name: [scores(threshold=cut) for cut in (0.3, 0.4)] for name in ("lesson", "pleura")}
    found = words(startpage.result(comparison(seeds=2), runs))
    assert "mean over the seeds" in found
    assert "over 2 seeds: lesson 0.030, pleura 0.030" in found
    assert "each network's own threshold (0.30 to 0.40)" in found


def test_a_network_that_calls_all_the_same_is_named():
    usual, runs = scores(), [scores(), scores()]
    runs[1]["test"]["confusion"] = {"tp": 0, "fp": 0, "tn": 30, "fn": 20}
    pairs = comparison(seeds=2)
    found = words(startpage.result(pairs, {"lesson": runs, "pleura": [usual, usual]}))
    assert "lesson (2. seed) calls every held-out X-ray normal" in found
    assert found.count("calls every held-out X-ray") == 1


def test_several_differences_come_with_a_word_on_chance():
    names = ["lesson", "pleura", "third"]
    found = words(startpage.result(comparison(names), {name: [scores()] for name in names}))
    assert "of twenty such intervals, one excludes zero by chance" in found
    two = words(startpage.result(comparison(), {name: [scores()] for name in names[:2]}))
    assert "by chance" not in two


def test_rule_of_the_threshold_is_named():
    run = scores(threshold=0.31, rule="sensitivity_95")
    found = words(startpage.result(comparison(["lesson"]), {"lesson": [run]}))
    assert "0.31, chosen on the validation X-rays by the rule sensitivity_95" in found


def test_undefined_metrics_say_why():
    reasons = {
        "auroc": metric(None, None, None, reason="needs images of both classes"),
        "specificity": metric(1.0, None, None, reason="no interval: too few"),
    }
    runs = comparison(["lesson"])
    runs.loc[runs["metric"] == "auroc", ["value", "low", "high"]] = None
    runs.loc[runs["metric"] == "specificity", ["low", "high"]] = None
    text = startpage.result(runs, {"lesson": [scores(patients=None, **reasons)]})
    assert table(text)[1][1:5] == [
        "undefined",
        *["0.800 (0.600 to 0.900)"] * 2,
        "0.800 (no interval)",
    ]
    assert "AUROC of lesson: needs images of both classes" in words(text)
    assert "specificity of lesson: no interval: too few" in words(text)
    assert "95 % intervals over images" in words(text)


@pytest.mark.parametrize(
    ("patients", "row", "said"),
    [
        (list("pqrst"), ["patients", "2", "1", "2", "5"], "All images of a patient are in one"),
        (["p", "", "p", "q", "r"], ["patients", "1", "1", "1", "3"], "The patient of 1 image is"),
        ([""] * 5, None, "not known which images show the same patient"),
    ],
)
def test_data_counts_images_and_patients(patients, row, said):
    text = startpage.data(images(patients), SPLIT, NO_FILES)
    found = table(text)
    assert found[0] == ["", "train", "validation", "test", "all"]
    assert found[1:4] == [
        ["effusion", "1", "0", "1", "2"],
        ["normal", "1", "1", "1", "3"],
        ["all images", "2", "1", "2", "5"],
    ]
    assert found[4:] == ([row] if row else [])
    assert said in words(text)
    assert "No file had to be left out" in words(text)


def test_data_counts_folds():
    split = SPLIT.assign(subset=["oof"] * 4 + ["test"], fold=["1", "2", "1", "2", ""])
    found = table(startpage.data(images(list("pqrst")), split, NO_FILES))
    assert found == [
        ["", "fold 1", "fold 2", "test", "all"],
        ["effusion", "1", "1", "0", "2"],
        ["normal", "1", "1", "1", "3"],
        ["all images", "2", "2", "1", "5"],
        ["patients", "2", "2", "1", "5"],
    ]


def test_rejected_files_are_named_as_they_are():
    rejected = pd.DataFrame({"path": [HOSTILE] * 7, "reason": ["not an image: `x`_"] * 7})
    found = words(startpage.data(images([""] * 5), SPLIT, rejected))
    assert "7 files could not be used" in found
    assert found.count(f"{HOSTILE}: not an image: `x`_") == startpage.REJECTED
    assert "2 more in rejected.csv" in found


def test_networks_say_what_was_trained():
    text = startpage.networks(record()["config"], {"lesson": 54627, "pleura": 52785})
    assert table(text)[1:] == [
        ["lesson", "256 x 256", "54,627", "10", "best by validation loss", "no"],
        ["pleura", "128 x 128", "52,785", "60", "last", "yes"],
    ]
    assert "Seeds: 42." in words(text)


def agreement(**changes):
    pair = {"first": "gradcam_plus_plus", "second": "scorecam", "n": 10, "spearman": 0.61}
    pair |= {"low": 0.5, "high": 0.7, "others": 0.4, "difference": 0.21}
    return pd.DataFrame([pair | {"difference_low": 0.1, "difference_high": 0.32} | changes])


def test_saliency_gives_agreement_beside_its_level():
    undefined = agreement(n=1, low=None, high=None, difference=float("nan"))
    text = startpage.saliency({"lesson": agreement(), "pleura": undefined})
    assert table(text)[1:] == [
        ["lesson", "GradCAM++, ScoreCAM", "0.61 (0.50 to 0.70)", "+0.21 (+0.10 to +0.32)", "10"],
        ["pleura", "GradCAM++, ScoreCAM", "0.61 (no interval)", "undefined", "1"],
    ]
    assert startpage.saliency({"lesson": agreement()[:0]}) == ""


def test_every_source_is_introduced():
    schema = yaml.safe_load((ROOT / "schemas" / "config.schema.yaml").read_text())
    sources = {
        value
        for node in walk(schema)
        if isinstance(node.get("source"), dict) and "const" in node["source"]
        for value in [node["source"]["const"]]
    }
    assert sources == set(startpage.KINDS)
    for source in sources:
        assert "not a medical device" in words(startpage.opening("mine", source, ["a_", "b"]))
        assert "50 held-out X-rays from one split" in words(startpage.limits(source, 50, 20))
    assert "simulated" in words(startpage.opening("mine", "phantom", ["lesson"]))
    assert "40 % of them have an effusion" in words(startpage.limits("nih", 50, 20))


def walk(node):
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    ):
        yield from walk(child)


def test_commands_to_do_it_again():
    document = page(startpage.reproduce(record()))
    (commands,) = document.findall(nodes.literal_block)
    checkout, extract, run = commands.astext().splitlines()
    assert checkout == "git checkout 0123abc"
    assert "'results/mine/run.json'" in extract
    assert run == 'make run ARGS="--configfile same.json"'
    assert "Files differed from that commit" in document.astext()
    assert "A_B* CPU" in document.astext()
    unknown = words(startpage.reproduce(record() | {"git": None}))
    assert "git checkout" not in unknown
    assert "The commit is not known" in unknown


def test_parameters_are_those_of_the_network_without_the_optimizers():
    assert parameters(SUMMARY) == 54627 + 352
    with pytest.raises(ValueError, match="no summary"):
        parameters("nothing")


@pytest.mark.parametrize("subset", ["test", "oof"])
@pytest.mark.parametrize("seeds", [(42,), (1, 2)], ids=len)
def test_the_whole_page(tmp_path, seeds, subset):
    def write(name, content):
        path = tmp_path / name
        path.write_text(content)
        return path

    def csv(name, frame):
        return write(name, frame.to_csv(index=False))

    names = ["lesson", "pleura"]
    manifest = images(list("pqrst")).assign(
        path="x.png", label=0, age="", sex="", view="", width=9, height=9, bit_depth=8, mask=""
    )
    report(
        record=write("run.json", json.dumps(record(seeds=seeds))),
        manifest=csv("manifest.csv", manifest.assign(sha256="0" * 64)),
        rejected=csv("rejected.csv", NO_FILES),
        split=csv("split.csv", SPLIT),
        comparison=csv("comparison.csv", comparison(seeds=len(seeds), subset=subset)),
        scores=[
            write(f"metrics-{name}-{seed}.json", json.dumps(scores(seed / 100, subset=subset)))
            for name in names
            for seed in seeds
        ],
        summaries=[write(f"{name}.txt", SUMMARY) for name in names],
        agreements=[csv(f"{name}.csv", agreement()) for name in names],
        output=tmp_path / "report.rst",
    )
    document = page((tmp_path / "report.rst").read_text())
    titles = [title.astext() for title in document.findall(nodes.title)]
    assert titles == [
        *("Pleural effusion in chest X-rays: mine", "Result", "Look first at", "Data"),
        *("Networks", "Saliency", "Limits", "Do it again"),
    ]
