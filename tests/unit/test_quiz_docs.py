"""docs/quiz.md stays true: what it names exists, what it tells people to type works."""

import pytest
import yaml
from snakemake.utils import update_config

import pages
from cxr import tables
from cxr.config import load
from cxr.readers import RATINGS
from workspace import ROOT, project_files

PAGE = (ROOT / "docs" / "quiz.md").read_text(encoding="utf-8")
TABLES = ("reader", "readers", "readers_agreement")


@pytest.mark.parametrize("link", pages.links(PAGE))
def test_links_lead_somewhere(link):
    assert pages.leads_somewhere(link, "quiz.md")


def test_everything_in_code_exists():
    known = pages.words_of_config() | {str(path) for path in project_files()}
    known |= {f"{table}.csv" for table in (*TABLES, "manifest")}
    known |= {name for table in TABLES for name in tables.columns(table)}
    known |= {"edges", "cxr.intervals", "data/readers/", "results/<dataset>/quiz.html"}
    assert [span for span in pages.spans(PAGE) if span not in known] == []
    named = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in named for name in ("quiz.html", "readers.csv", "quiz.csv"))


def test_the_config_is_one():
    (body,) = pages.blocks(PAGE, "yaml")
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    update_config(config, yaml.safe_load(body))
    assert load(config, ROOT)["quiz"] == yaml.safe_load(body)["quiz"]


def test_the_scale_is_the_pages():
    assert f"from 1, {RATINGS[0]}, to 5, {RATINGS[-1]}" in PAGE
    assert f"3, {RATINGS[2]}," in PAGE
