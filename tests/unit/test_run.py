import hashlib
import json
import subprocess
import sys
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from cxr.files import sha256_of
from cxr.metadata import images_checksum
from run import git_commit, hardware, run, versions


@pytest.fixture
def files(tmp_path):
    table = pd.DataFrame({"id": ["a", "b"], "sha256": ["2" * 64, "1" * 64]})
    table.to_csv(tmp_path / "manifest.csv", index=False)
    (tmp_path / "split.csv").write_text("id,subset\na,train\nb,test\n")
    scores = [tmp_path / f"metrics-{seed}.json" for seed in (1, 2)]
    for score in scores:
        score.write_text(f'"{score.name}"')
    (tmp_path / "requirements.txt").write_text("keras==3.15.1\n")
    return {
        "lock": tmp_path / "requirements.txt",
        "config": {"seeds": [1, 2], "split": {"file": None}},
        "dataset": "phantom",
        "manifest": tmp_path / "manifest.csv",
        "split": tmp_path / "split.csv",
        "scores": scores,
        "output": tmp_path / "run.json",
    }


def test_the_record_holds_all_that_the_contract_names(files, capsys):
    run(**files)
    record = json.loads(files["output"].read_text())
    assert list(record) == [
        *("dataset", "finished", "config", "versions", "hardware", "git"),
        *("lock_sha256", "inputs", "metrics_sha256"),
    ]
    assert record["dataset"] == "phantom"
    assert record["config"] == files["config"]
    assert datetime.fromisoformat(record["finished"]).tzinfo is not None
    assert record["inputs"]["images"] == 2
    assert record["inputs"]["manifest_sha256"] == sha256_of(files["manifest"])
    assert record["inputs"]["split_sha256"] == sha256_of(files["split"])
    assert record["metrics_sha256"] == {str(path): sha256_of(path) for path in files["scores"]}
    assert "results/phantom/comparison.csv" in capsys.readouterr().out


def test_versions_are_those_that_are_installed():
    found = versions()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["numpy"] == np.__version__
    assert found["pandas"] == pd.__version__
    assert {"snakemake", "keras", "scikit-learn"} <= set(found)


def test_hardware():
    found = hardware()
    assert set(found) == {"processor", "cores", "memory_gb", "system"}
    assert found["cores"] >= 1
    assert found["memory_gb"] > 0.1
    assert found["processor"]


def test_no_commit_outside_a_checkout_nor_without_git(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_commit(tmp_path) is None


def test_commit_and_whether_files_differ_from_it(tmp_path):
    def git(*arguments):
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    assert git_commit(tmp_path) is None
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    assert git_commit(tmp_path) == {"commit": git("rev-parse", "HEAD"), "modified": False}
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path)["modified"] is True


def test_checksums(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 1000).hexdigest()
    table = pd.DataFrame({"sha256": ["b" * 64, "a" * 64]})
    assert images_checksum(table) == images_checksum(table[::-1])
    assert images_checksum(table) != images_checksum(table[:1])
