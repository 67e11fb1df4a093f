"""docs/use-the-model.md stays true: its links lead somewhere, what it names exists."""

import pytest

import pages
from cxr import tables
from workspace import ROOT

PAGE = (ROOT / "docs" / "use-the-model.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("link", pages.links(PAGE))
def test_links_lead_somewhere(link):
    assert pages.leads_somewhere(link, "use-the-model.md")


def test_commands_name_stages():
    stages = {line.split()[3] for line in pages.lines(PAGE) if line.startswith("snakemake")}
    assert stages == {"predict", "onnx"}
    assert stages <= pages.rules()


def test_the_table_of_the_page_has_columns_of_predict():
    page = (ROOT / "pages" / "predict.js").read_text(encoding="utf-8")
    columns = ", ".join(f'"{name}"' for name in tables.columns("predicted") if name != "id")
    assert f"const COLUMNS = [{columns}];" in page
