import json

import pandas as pd
import pytest
import yaml
from docutils import nodes
from test_rst import rendered
from test_startpage_result import comparison, scores, table, words

import cards
from cxr import startpage
from cxr.limits import limits_of
from cxr.size import parameters
from cxr.tables import columns
from report import report
from workspace import ROOT

SUMMARY = """Model: "functional"
 Total params: 163,883 (640.17 KB)
 Trainable params: 54,627 (213.39 KB)
 Non-trainable params: 352 (1.38 KB)
 Optimizer params: 109,256 (426.79 KB)
"""
HOSTILE = "data/{{ 1/0 }}/{% raw %} `rm -rf`_ *a_ |b| <script>alert('x')</script>.png"


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
            "main": names[-1],
            "seeds": list(seeds),
            "experiments": {name: ours if name == "pleura" else recipe for name in names},
        },
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
        "hardware": {"processor": "A_B* CPU", "system": "Linux"},
        "lock_sha256": "0123456789abcdef" * 4,
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


def checks(*methods):
    """checks.csv where each method passes one check and not the other."""
    numbers = {"value": 0.5, "low": 0.4, "high": 0.6, "statistic": "spearman_beyond_level"}
    rows = [
        {"method": method, "check": check, "n": n, "verdict": verdict} | numbers
        for method in methods
        for check, n, verdict in (("noise", 12, "pass"), ("shift", 6, "fail"))
    ]
    return pd.DataFrame(rows, columns=columns("checks"))


# Snakemake adds one for each figure of the report
LINK = "\n\n.. _verdict.png: #figure"
FLOW = "\n\n.. _flow.png: #flow"


def test_saliency_says_which_methods_fail_which_checks_and_links_to_the_figure():
    text = startpage.saliency({"lesson": agreement()}, checks("scorecam", "edges"), "a_b")
    document = rendered(text + LINK)
    found = " ".join(document.astext().split())
    assert "trust the maps of a_b (first seed), by a small audit of at most 12 X-rays" in found
    assert "Fails at least one check: ScoreCAM (A small shift)." in found
    assert "Edge" not in found
    assert [link["refuri"] for link in document.findall(nodes.reference)] == ["#figure"]


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (
            agreement(),
            "most alike GradCAM++ and ScoreCAM, 0.61 (0.50 to 0.70), n = 10; 1 of 1 pair of "
            "methods agree more than on different X-rays (interval of the difference above zero)",
        ),
        (agreement(n=1, low=None, high=None), "0.61 (no interval), n = 1;"),
        (agreement(difference_low=-0.1), "0 of 1 pair of methods"),
        (
            pd.concat([agreement(), agreement(second="occlusion", spearman=-0.2)]),
            "n = 10; least alike GradCAM++ and Occlusion, -0.20 (0.50 to 0.70), n = 10; 2 of 2 "
            "pairs of methods",
        ),
        (agreement(n=0, spearman=float("nan")), "lesson: there are no two maps to compare"),
        (agreement()[:0], "lesson: there are no two maps to compare"),
    ],
    ids=["one", "no interval", "at the level", "several", "empty maps", "one method"],
)
def test_saliency_gives_agreement_beside_its_level(pairs, said):
    assert said in words(startpage.saliency({"lesson": pairs}, checks("gradcam"), "lesson") + LINK)


def test_mistakes_are_told_in_words():
    cells = {
        "a_b": {"tp": 15, "fp": 4, "tn": 26, "fn": 5},
        "c": {"tp": 1, "fp": 0, "tn": 1, "fn": 0},
    }
    found = words(startpage.mistakes(cells))
    told = "a_b (first seed) misses 5 of 20 effusions and calls 4 of 30 normal X-rays an effusion"
    assert told in found
    assert "c (first seed) misses 0 of 1 effusion and calls 0 of 1 normal X-ray" in found


ERRORS = pd.DataFrame(
    {"listed": [3, 4], "checked": [1000, 20], "verdict": "cannot tell", "reason": HOSTILE}
)


def test_leakage_is_told_with_its_verdicts():
    found = words(startpage.leakage(cards.leakage(), cards.sensitivity(), ERRORS))
    assert "patients with several X-rays: 9, 0 of them parted by the split: pass (" in found
    assert "pairs of identical X-rays: 2, 1 of them parted by the split: fail (" in found
    assert cards.HOSTILE in found
    assert "lesson 0.700 (0.550 to 0.900), n = 48; small 0.790 (0.550 to 0.900), n = 48." in found
    assert "Of 1,020 X-rays that a network could judge, it contradicts the labels of 7" in found
    assert f": cannot tell, as {HOSTILE}." in found
    clear = ERRORS.assign(verdict="worth a look", reason="")
    found = words(startpage.leakage(cards.leakage(), cards.sensitivity(), clear))
    assert "the labels of 7: worth a look." in found


def test_the_way_through_the_report_leads_to_card_and_checklists():
    document = rendered(startpage.look_first("a_b") + "\n\n.. _flow.png: #figure")
    links = [link["refuri"] for link in document.findall(nodes.reference)]
    assert links == [
        "quiz.html",
        "explore.html",
        "predict.html",
        "a_b/model_card.html",
        "a_b/checklists.html",
        "#figure",
    ]
    assert "Statistics" in document.astext()


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
        assert limits_of(source, 50, 20)[0].startswith("50 held-out X-rays from one split")
    opened = words(startpage.opening("mine", "phantom", ["lesson"]))
    assert "simulated" in opened and "The network lesson learned" in opened
    assert "40 % of them have an effusion" in " ".join(limits_of("nih", 50, 20))


def walk(node):
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    ):
        yield from walk(child)


def test_commands_to_do_it_again():
    document = rendered(startpage.reproduce(record()))
    (commands,) = document.findall(nodes.literal_block)
    checkout, extract, run = commands.astext().splitlines()
    assert checkout == "git checkout 0123abc"
    assert "'results/mine/run.json'" in extract
    assert run == 'make run ARGS="--configfile same.json"'
    assert "Files differed from that commit" in document.astext()
    assert "requirements.txt, whose sha256 begins with 0123456789ab)" in words(
        startpage.reproduce(record())
    )
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
    errors = ERRORS.assign(
        label=[0, 1], images=30, threshold=0.5, share=0.1, at_most=0.2, auroc=0.8
    )
    errors = errors.assign(auroc_low=0.7, auroc_high=0.9, planted_recall=1, planted_precision=1)
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
        checks=csv("checks.csv", checks("gradcam", "scorecam")),
        leakage=csv("leakage.csv", cards.leakage().assign(measured_on="x")),
        sensitivity=csv("leakage_sensitivity.csv", cards.sensitivity()),
        errors=csv("errors.csv", errors),
        output=tmp_path / "report.rst",
    )
    document = rendered((tmp_path / "report.rst").read_text() + LINK + FLOW)
    titles = [title.astext() for title in document.findall(nodes.title)]
    assert titles == [
        *("Pleural effusion in chest X-rays: mine", "Result", "Mistakes", "Look first at"),
        *("Data", "Leakage", "Networks", "Saliency", "Limits", "Do it again"),
    ]
