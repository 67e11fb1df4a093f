"""A project of its own for each workflow test: a copy of the tracked tree, and Snakemake in it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def project_files() -> list[Path]:
    """The project's files, relative to its root: tracked or new, but never ignored ones.

    Without git (a downloaded archive), every file but those in hidden and cache folders and
    what the workflow wrote under `data/` and `results/`.
    """
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        names = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if not _skipped(path)]
    return sorted(name for name in names if (ROOT / name).is_file())


def _skipped(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    hidden = any(part == "__pycache__" or part.startswith(".") for part in parts[:-1])
    written = parts[0] in ("data", "results") and path.name != "README.md"
    return hidden or written


def copy_project(destination: Path) -> Path:
    """Copy the project's files to the folder `destination`, made if need be, and return it."""
    for name in project_files():
        target = destination / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return destination


def snakemake(
    root: Path, *args: str, timeout: float = 600, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter's Snakemake in the folder `root`.

    Standard output and error are captured apart, as text; the exit status is not checked.
    `env` is added to the environment. A run that takes more than `timeout` seconds is ended,
    its jobs with it, and raises `subprocess.TimeoutExpired` with what it printed so far.
    """
    with subprocess.Popen(
        [sys.executable, "-m", "snakemake", *args],
        cwd=root,
        env=os.environ | dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
