"""docs/recipe.yaml is the ablation that docs/recipe.md tells of, of the recipe in config.yaml."""

import copy
import re

import pytest
import yaml
from snakemake.utils import update_config

from cxr.config import load
from workspace import ROOT

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
ABLATION = yaml.safe_load((ROOT / "docs" / "recipe.yaml").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
CHANGED = {
    "half_the_epochs": {"epochs"},
    "full_stem": {"filters", "kernels", "strides"},
    "larger_images": {"input_size"},
    "no_flip": {"augment"},
    "no_augmentation": {"augment"},
    "no_mixup": {"mixup"},
    "averaged_weights": {"ema"},
    "average_and_max": {"head"},
    "both_views": {"test_flip"},
}


@pytest.fixture(scope="module")
def experiments():
    """All experiments with every key, those of config.yaml among them."""
    config = copy.deepcopy(CONFIG)
    update_config(config, ABLATION)
    return load(config, ROOT)["experiments"]


def test_the_base_is_the_recipe_of_the_config():
    config = load(copy.deepcopy(CONFIG), ROOT)
    assert ABLATION["experiments"]["pleura"] == CONFIG["experiments"]["pleura"]
    assert load(CONFIG | ABLATION, ROOT)["experiments"]["pleura"] == config["experiments"]["pleura"]
    assert ABLATION["run"][0] == "pleura"


def test_each_experiment_changes_what_it_is_named_for(experiments):
    assert set(ABLATION["run"]) == {"pleura", *CHANGED}
    for name, keys in CHANGED.items():
        recipe, base = experiments[name], experiments["pleura"]
        assert {key for key in base if recipe[key] != base[key]} == keys, name
    flips = {**experiments["pleura"]["augment"], "flip": False}
    assert experiments["no_flip"]["augment"] == flips
    assert not any(experiments["no_augmentation"]["augment"].values())


def test_the_page_tells_of_each_experiment():
    assert set(ABLATION["run"]) <= set(re.findall(r"`(\w+)`", PAGE))
    command = "snakemake --cores 2 compare --configfile docs/recipe.yaml"
    assert command in PAGE
