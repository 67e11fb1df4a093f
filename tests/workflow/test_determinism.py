"""The same config gives the same bits, however many cores work on it."""

import shutil
from pathlib import Path

import pytest

from bits import assert_same_results
from tiny import configure, finish

pytestmark = pytest.mark.slow


def test_cores_and_shards_change_no_bit(finished: Path, tmp_path: Path) -> None:
    records = shutil.ignore_patterns(".snakemake")
    root = shutil.copytree(finished, tmp_path / "again", ignore=records)
    for folder in ("data", "results"):
        shutil.rmtree(root / folder / "phantom")
    configure(root, {"preprocess": {"shards": 3}})
    finish(root, cores=1)
    assert_same_results(finished / "results/phantom", root / "results/phantom")
