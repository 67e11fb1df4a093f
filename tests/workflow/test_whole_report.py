"""The report that a run leaves: what it holds, and when it is made again."""

import json
import re
from pathlib import Path

import pytest

from bits import held
from tiny import TINY, causes, configure, finish, plan, rules
from workspace import ROOT

PAGES = ["datasheet", "small/model_card", "small/checklists"]
CATEGORIES = ["1 X-rays", "2 Networks", "3 Results", "4 Saliency", "5 Run"]


@pytest.fixture(scope="module")
def page(finished: Path) -> str:
    return (finished / "results" / "phantom" / "report.html").read_text()


def test_report_holds_every_figure_with_caption_and_labels(finished: Path, page: str) -> None:
    results = held(page, "results")
    pages = [finished / f"results/phantom/{name}.html" for name in PAGES]
    figures = (path for path in finished.glob("results/**/*.png") if "explore" not in path.parts)
    shown = [*figures, *pages]
    figures = {path.relative_to(finished).as_posix() for path in shown}
    assert set(results) == figures
    for path, result in results.items():
        assert len(result["caption"]) > 40, path
        assert "system-message" not in result["caption"], path
        assert result["labels"]["figure"], path
        for experiment in TINY["run"]:
            if f"/{experiment}/seed-1/" in path:
                of_run = "/saliency/" in path or "/audit-quick/" in path
                run = {"run": "seed-1"} if of_run else {"seed": "1"}
                shared = {"figure": None, "experiment": experiment}
                assert result["labels"] | {"figure": None} == shared | run


def test_figures_are_told_apart_by_their_labels(page: str) -> None:
    results, categories = held(page, "results"), held(page, "categories")
    assert sorted(categories) == CATEGORIES
    for category, parts in categories.items():
        for part, paths in parts.items():
            labels = [tuple(sorted(results[path]["labels"].items())) for path in paths]
            assert len(set(labels)) == len(labels), (category, part)


def test_every_caption_belongs_to_a_figure() -> None:
    marked = "".join(path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    named = set(re.findall(r'caption="\.\./report/(\w+\.rst)"', marked))
    assert named == {path.name for path in (ROOT / "report").glob("*.rst")}


def test_start_page_is_the_runs_own(finished: Path, page: str) -> None:
    start = held(page, "workflow_desc")
    assert "system-message" not in start
    assert "Research and teaching only: not a medical device." in start
    metrics = json.loads((finished / "results/phantom/small/seed-1/metrics.json").read_text())
    assert f"{metrics['test']['auroc']['value']:.3f} (" in start
    assert f"On {metrics['test']['n']} X-rays (" in start
    cells = metrics["test"]["confusion"]
    assert (
        f"small (first seed) misses {cells['fn']} of {cells['tp'] + cells['fn']} effusion" in start
    )
    for page_beside in ("small/model_card.html", "small/checklists.html", "datasheet.html"):
        assert f'href="{page_beside}"' in start
        assert (finished / "results/phantom" / page_beside).exists()


def test_another_caption_makes_the_report_alone_again(project: Path) -> None:
    caption = project / "report" / "evaluate_roc.rst"
    caption.write_text(caption.read_text() + "And another line.\n")
    assert set(causes(plan(project))) == {"report_html"}
    finish(project, "report")
    page = (project / "results" / "phantom" / "report.html").read_text()
    assert (
        "And another line."
        in held(page, "results")["results/phantom/small/seed-1/roc.png"]["caption"]
    )
    assert plan(project) == []


def test_another_heading_makes_the_report_alone_again(project: Path) -> None:
    marks = project / "rules" / "evaluate.smk"
    marks.write_text(marks.read_text().replace('category="3 Results"', 'category="3 Scores"'))
    assert rules(plan(project)) == {"report_html"}


def test_report_shows_what_the_command_line_chose(project: Path) -> None:
    configure(project, {"run": ["small"]})
    finish(project, "report", "--config", "evaluate={threshold: youden}")
    page = (project / "results" / "phantom" / "report.html").read_text()
    assert not [path for path in held(page, "results") if "lesson" in path]
    assert "by the rule youden" in held(page, "workflow_desc")
