import json

import pytest
import yaml
from test_datasheet import Texts

import cards
from card import card
from cxr import monai
from cxr.card import METRICS, by_group, training
from cxr.tables import read_table, write_table
from workspace import ROOT

SUMMARY = " Trainable params: 54,627 (213.39 KB)\n Non-trainable params: 352 (1.38 KB)\n"


def told(*arguments, **changes):
    """The model card as a dictionary, by section and item."""
    table = cards.card(*arguments, **changes)
    assert not table.duplicated(["section", "item"]).any()
    return {(row.section, row.item): row.value for row in table.itertuples()}


def test_what_the_card_says():
    found = told()
    assert found["Model", "kind"] == "convolutional network of 54,979 parameters (Keras)"
    assert "32 x 32 pixels" in found["Model", "input"]
    assert found["Model", "networks"] == "one for each seed (1)"
    assert "not a medical device" in found["Intended use", "not for"]
    assert found["Data", "X-rays"] == "300: 120 with an effusion, 180 without"
    assert found["Data", "labels made by"] == found["Licence", "data"] == "not given"
    assert found["Division", "train"].startswith("200 X-rays")
    assert found["Division", "made by"].startswith(
        "pleura, at random (seed 1), with the same share"
    )
    assert found["Division", "kept in one part"] == "images of one patient"
    assert found["Results", "AUROC"] == "0.800 (0.600 to 0.900), n = 50"
    assert found["Results", "tested on"].startswith("50 test X-rays, 20 with an effusion")
    assert found["Results", "threshold"] == "0.40 (first seed)"
    assert found["Results", "intervals"] == "95 %, over patients"
    assert found["Mistakes", "effusions missed"] == "5 of 20"
    assert found["Mistakes", "normal X-rays called an effusion"] == "4 of 30"
    assert len([1 for section, _ in found if section == "Results"]) == 3 + len(METRICS)


def test_what_stands_beside_the_network():
    found = told()
    gap = found["Beside others", "AUROC minus that of lesson"]
    assert gap == "+0.100 (+0.020 to +0.200): higher"
    above = found["Beside others", "AUROC minus that of an 8 x 8 thumbnail"]
    assert above == "+0.000 (-0.100 to +0.100): cannot tell"
    assert found["Beside others", "AUROC of thumbnail"] == "0.800 (0.600 to 0.900), n = 50"
    assert not [section for section, _ in found if section == "Other data sets"]
    there = told(others=cards.transfer())["Other data sets", "AUROC on there"]
    assert there == "0.700 (0.600 to 0.900), n = 200, 20 with an effusion; 7 left out"


def test_groups_saliency_and_leakage():
    found = told()
    young = found["Subgroups", "age 18 to 39"]
    assert young == (
        "AUROC 0.75 (0.50 to 0.90); sensitivity 0.75 (0.50 to 0.90); n = 30, 12 with an effusion"
    )
    assert found["Subgroups", "age 40 to 59"] == "too few; n = 20, 8 with an effusion"
    assert found["Saliency", "GradCAM"] == (
        "Passes 1 of 2 checks of the audit; fails: A small shift."
    )
    assert not [item for _, item in found if "Edge" in item]
    assert "at most 12 X-rays a check" in found["Saliency", "audit"]
    assert found["Leakage", "identical"] == (
        f"fail: 2 found, 1 parted by the split ({cards.HOSTILE})"
    )
    without = found["Leakage", "AUROC without all that have a relative elsewhere"]
    assert without == "0.790 (0.550 to 0.900), n = 48, 2 left out"


def test_without_groups_the_card_says_so():
    assert by_group(cards.subgroups()[:1]) == {
        "by age, sex and view": "these are unknown, or the same for all"
    }
    assert by_group(cards.subgroups()[:0]) == by_group(cards.subgroups()[:1])


def test_several_seeds_and_folds():
    split = cards.record()["config"]["split"] | {"folds": 5}
    scores = {"threshold": 0.4, "oof": cards.SCORES["test"] | {"patients": None}}
    run = cards.record(seeds=[1, 2], split=split)
    found = told(run, seeds=2, subset="oof", scores=scores)
    assert found["Model", "networks"] == "one for each seed (1, 2) and each of 5 folds"
    assert found["Division", "cross-validation"] == "5 folds"
    assert found["Results", "intervals"] == "95 %, over images; values are means over 2 seeds"
    assert found["Results", "AUROC"].endswith("n = 50, standard deviation 0.030")
    assert found["Results", "tested on"].startswith("50 out-of-fold X-rays")


def test_a_split_that_was_not_drawn():
    split = cards.record()["config"]["split"]
    own = told(cards.record(split=split | {"file": "own.csv"}))
    assert own["Division", "made by"] == "own.csv"
    assert ("Division", "kept in one part") not in own
    assert told(prescribed=True)["Division", "made by"].startswith("the data set")


def test_the_recipe_is_whole():
    config = cards.record()["config"]
    found = training(config)
    keys = {key for key in cards.RECIPE if key != "augment"}
    text = f"{found['network']}, {found['recipe']}"
    assert {part.partition(": ")[0] for part in text.split(", ")} == keys
    assert "threads: 1" in text and "batch_norm: yes" in text and "dropout: 0.0" in text
    assert "filters: 4 8" in text and "strides: none" in text and "dense: none" in text
    assert found["augmentation"] == "rotation: 5.0, flip: no"
    plain = cards.RECIPE | {"augment": {"rotation": 0.0, "flip": False}, "keep": "best"}
    found = training(config | {"experiments": {"small": plain}})
    assert found["augmentation"] == "none"
    assert found["epoch kept"] == "the one with the lowest validation loss"


@pytest.mark.parametrize(
    ("rule", "said"), [(0.5, "0.5, not chosen"), ("youden", "chosen on validation images: youden")]
)
def test_how_the_threshold_was_chosen(rule, said):
    run = cards.record(evaluate={"threshold": rule})
    assert told(run)["Training", "threshold"].startswith(said)


def test_without_git_the_commit_is_not_given():
    found = told(cards.record() | {"git": None})
    assert found["Do it again", "commit"] == "not given"
    assert told()["Do it again", "commit"] == "0123abc; files differed from it"


def test_monai_keys():
    own = cards.comparison().query("experiment == 'small'")
    found = monai.metadata(cards.card(), own, cards.record(), 32)
    needed = {"version", "numpy_version", "task", "description", "authors", "copyright"}
    assert needed | {"intended_use", "network_data_format", "eval_metrics"} <= set(found)
    assert found["version"] == "0123abc"
    assert found["required_packages_version"] == {"keras": "3.15.1"}
    assert found["eval_metrics"] == dict.fromkeys(METRICS, 0.8)
    formats = found["network_data_format"]
    assert formats["inputs"]["image"]["spatial_shape"] == [32, 32]
    specified = {"type", "format", "modality", "num_channels", "spatial_shape", "dtype"}
    specified |= {"value_range", "is_patch_data", "channel_def"}
    assert set(formats["inputs"]["image"]) == set(formats["outputs"]["pred"]) == specified
    assert found["pleura"]["metrics"][0] == {
        **{"metric": "auroc", "value": 0.8, "low": 0.6, "high": 0.9, "n": 50, "seeds": 1}
    }
    assert found["pleura"]["card"]["Mistakes"]["effusions missed"] == "5 of 20"


def test_an_undefined_metric_is_null_in_json():
    own = cards.comparison().query("experiment == 'small'").assign(value=float("nan"))
    found = monai.metadata(cards.card(), own, cards.record(), 32)
    assert json.loads(json.dumps(found, allow_nan=False))["eval_metrics"]["auroc"] is None


@pytest.mark.parametrize("others", [None, cards.transfer()], ids=["alone", "transfer"])
def test_files_say_the_same(tmp_path, others):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    def csv(name, frame):
        write_table(frame, tmp_path / f"{name}.csv", name)
        return tmp_path / f"{name}.csv"

    image = {"id": "a", "path": "x.png", "label": "1", "class": "effusion", "sha256": "0" * 64}
    image |= dict.fromkeys(("patient", "age", "sex", "view", "mask"), "")
    image |= {"width": "9", "height": "9", "bit_depth": "8"}
    outputs = {key: tmp_path / f"card.{key}" for key in ("table", "text", "page", "metadata")}
    card(
        record=write("run.json", json.dumps(cards.record())),
        summary=write("summary.txt", SUMMARY),
        software=ROOT / "CITATION.cff",
        manifest=write("manifest.csv", f"{','.join(image)}\n{','.join(image.values())}\n"),
        datasheet=csv("datasheet", cards.datasheet()),
        comparison=csv("comparison", cards.comparison()),
        scores=write("metrics.json", json.dumps(cards.SCORES)),
        subgroups=csv("subgroups", cards.subgroups()),
        checks=csv("checks", cards.checks()),
        leakage=csv("leakage", cards.leakage().assign(measured_on="x")),
        sensitivity=csv("leakage_sensitivity", cards.sensitivity()),
        transfer=None if others is None else csv("transfer", others),
        outputs=outputs,
    )
    table = read_table(outputs["table"], "model_card")
    own = {row.item: row.value for row in table.itertuples() if row.section == "Other data sets"}
    assert len(own) == (others is not None)
    found = json.loads(outputs["metadata"].read_text())["pleura"]["card"]
    shown = Texts()
    shown.feed(outputs["page"].read_text())
    assert not shown.tags & {"script", "a", "img"}
    text = outputs["text"].read_text()
    for row in table.itertuples():
        assert row.item in shown.texts and row.value in shown.texts
        assert found[row.section][row.item] == row.value
        assert f"## {row.section}\n" in text
    assert r"\<script\>alert(1)\</script\> \| \*a\*" in text
    software = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert found["Licence"]["code"].startswith(software["license"])
