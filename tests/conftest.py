"""One tiny run for all tests of the workflow; those that change something work on a copy of it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiny import configure, finish
from workspace import ROOT, copy_project

REAL = ROOT.parent / "shared" / "real"


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    """Close what a test leaves open, so that the next one counts its own figures alone."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def real() -> Path:
    """The folder of real X-rays."""
    if not REAL.is_dir():
        pytest.skip("real X-rays are not here: no folder ../shared/real")
    return REAL


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A project in which nothing has run, with a config for a tiny run."""
    root = copy_project(tmp_path / "pleura")
    configure(root, {})
    return root


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git checkout in which the tiny run has finished. Tests must not change it.

    Its path has what paths have on real machines: spaces, quotes and umlauts.
    """
    root = copy_project(tmp_path_factory.mktemp("finished") / 'Röntgen\'s "bilder" & more')
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for command in (["init"], ["add", "--all"], [*identity, "commit", "--message=test"]):
        subprocess.run(["git", "-C", str(root), *command], check=True, capture_output=True)
    configure(root, {})
    finish(root)
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, free to change."""
    return shutil.copytree(finished, tmp_path / "pleura", symlinks=True)
