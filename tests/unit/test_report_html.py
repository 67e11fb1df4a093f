import json
import subprocess
from pathlib import Path

import pytest

from report_html import report_html


def test_snakemake_is_called_with_the_config_of_the_run(tmp_path, monkeypatch):
    calls = []

    def run(command, **options):
        given = dict(part.split("=", 1) for part in command if part.startswith("--"))
        calls.append((command, json.loads(Path(given["--configfile"]).read_text())))

    monkeypatch.setattr(subprocess, "run", run)
    config = {"seeds": [1, 2], "dataset": "mine"}
    record = tmp_path / "run.json"
    record.write_text(json.dumps({"dataset": "mine", "config": config}))
    output = tmp_path / "a folder" / "report.html"
    report_html(record, ["a.png", "b.png"], tmp_path / "style.css", output)
    ((command, given),) = calls
    assert given == config
    assert {"a.png", "b.png", f"--report={output}"} <= set(command)


def test_a_report_that_fails_is_a_failure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no Snakefile here
    record = tmp_path / "run.json"
    record.write_text(json.dumps({"config": {}}))
    with pytest.raises(subprocess.CalledProcessError):
        report_html(record, ["a.png"], tmp_path / "style.css", tmp_path / "report.html")
