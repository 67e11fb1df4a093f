"""docs/explore.md stays true: what it names exists, what it tells people to type works."""

import re

import pytest
import yaml
from snakemake.utils import update_config

import pages
from cxr.config import load
from cxr.methods import NAMES
from workspace import ROOT, project_files

PAGE = (ROOT / "docs" / "explore.md").read_text(encoding="utf-8")
SCRIPT = (ROOT / "pages" / "explore.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", pages.links(PAGE))
def test_links_lead_somewhere(link):
    assert pages.leads_somewhere(link, "explore.md")


def test_everything_in_code_exists():
    known = pages.words_of_config() | {str(path) for path in project_files()}
    known |= {"#", "explore/", "results/<dataset>/explore.html", "metrics.json", "features.npy"}
    known |= NAMES.keys()
    known |= {f"{table}.csv" for table in ("label_errors", "pairs", "manifest", "subgroups")}
    view, command = "explore.html#", "python benchmarks/"
    spans = [span for span in pages.spans(PAGE) if not span.startswith((view, command))]
    assert [span for span in spans if span not in known] == []
    named = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in named for name in ("explore.html", "explore/"))


def test_the_link_to_a_view_has_keys_of_the_page():
    (view,) = re.findall(r"`explore\.html#([^`]*)`", PAGE)
    known = re.search(r"const NOTHING = \{(.*?)\};", SCRIPT, re.DOTALL)[1]
    for part in view.split("&"):
        assert f"{part.split('=')[0]}:" in known


def test_the_config_is_one():
    (body,) = pages.blocks(PAGE, "yaml")
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    update_config(config, yaml.safe_load(body))
    assert load(config, ROOT)["explore"] == yaml.safe_load(body)["explore"]
