"""docs/saliency.md stays true: what it names exists, what it tells people to type works."""

import shlex
import subprocess
import sys

import pandas as pd
import pytest
import yaml

import pages
from cxr import tables
from cxr.config import load
from cxr.methods import NAMES
from cxr.verdicts import CHECKS
from workspace import ROOT, copy_project, project_files, snakemake

PAGE = (ROOT / "docs" / "saliency.md").read_text(encoding="utf-8")
COMMANDS = [line for line in pages.lines(PAGE) if line.startswith("snakemake ")]
STAGES = ("saliency", "audit", "audit_quick")
TABLES = ("checks", "localisation")  # whose columns the page names


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("saliency") / "pleura")


@pytest.fixture(scope="module")
def outputs(project):
    """What the maps and both audits write for the default config."""
    run = snakemake(project, "--cores=1", "--summary", *STAGES)
    assert run.returncode == 0, run.stderr
    return {line.split("\t")[0] for line in run.stdout.splitlines()[1:]}


@pytest.mark.parametrize("link", pages.links(PAGE))
def test_links_lead_somewhere(link):
    assert pages.leads_somewhere(link, "saliency.md")


def test_everything_in_code_exists(outputs):
    known = pages.rules() | pages.words_of_config() | set(CHECKS)
    known |= {str(path) for path in project_files()} | set(STAGES)
    known |= {path.rpartition("/")[2] for path in outputs}
    known |= {f"{path.rpartition('/')[0]}/" for path in outputs}
    known |= {name for table in TABLES for name in tables.columns(table)}
    known |= set(yaml.safe_load((ROOT / "config.yaml").read_text())["experiments"])
    assert [span for span in pages.spans(PAGE) if span not in known] == []


def test_each_file_of_the_audit_is_named(outputs):
    written = {path for path in outputs if "/audit/" in path or "/saliency/" in path}
    names = {path.rpartition("/")[2] for path in written if not path.endswith(".npy")}
    assert names - set(pages.spans(PAGE)) == set()


def test_each_method_and_check_has_its_row():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    for name in NAMES.values():
        assert any(row.lower().startswith(f"| {name.lower()} ") for row in rows), name
    for key, check in CHECKS.items():
        assert any(row.startswith(f"| {check.title}: `{key}` ") for row in rows), key


@pytest.mark.parametrize("command", COMMANDS)
def test_snakemake_accepts_each_command(project, command):
    run = snakemake(project, "--dry-run", *shlex.split(command, comments=True)[1:])
    assert run.returncode == 0, run.stdout + run.stderr
    assert "train_network" in run.stdout


@pytest.mark.parametrize("body", pages.blocks(PAGE, "yaml"))
def test_config_files_are_accepted(body, tmp_path, monkeypatch):
    settings = yaml.safe_load(body)
    for path in (settings["datasets"]["mine"]["path"], settings["audit"]["masks"]):
        (tmp_path / path).touch()
    (tmp_path / settings["datasets"]["mine"]["root"]).mkdir()
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert load(config | settings, tmp_path)["dataset"] == "mine"


def test_verdicts_are_printed_as_the_table_of_the_page(tmp_path):
    (command,) = [line for line in pages.lines(PAGE) if line.startswith("python ")]
    script = ROOT / command.split()[1]
    numbers = {"value": 0.5, "low": 0.4, "high": 0.6}
    rows = [
        {"method": method, "check": check, "n": n, "verdict": verdict}
        | {"statistic": CHECKS[check].statistic}
        | numbers
        for method, check, n, verdict in (
            ("gradcam", "noise", 40, "pass"),
            ("gradcam", "deletion", 10, "cannot tell"),
            ("occlusion", "noise", 10, "fail"),
        )
    ]
    path = tmp_path / "checks.csv"
    tables.write_table(pd.DataFrame(rows, columns=tables.columns("checks")), path, "checks")
    run = subprocess.run([sys.executable, script, path], capture_output=True, text=True)
    assert run.stdout.splitlines()[:5] == [
        "|  | A little noise | Take it away |",
        "| --- | :-: | :-: |",
        "| GradCAM | ✓ | ? |",
        "| Occlusion | ✗ |  |",
        "",
    ]
    assert "10 to 40 (A little noise); 10 (Take it away)" in run.stdout
    assert "Not checked: Forget it all, " in run.stdout


def test_a_table_of_verdicts_that_is_not_there_is_named(tmp_path):
    script = ROOT / "docs" / "verdicts.py"
    run = subprocess.run(
        [sys.executable, script, tmp_path / "none.csv"], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert "none.csv: there is no such file" in run.stderr
    assert "Traceback" not in run.stderr
