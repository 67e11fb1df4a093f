"""Record what a run was made of.

Reads metrics.json of every run, manifest.csv, split.csv and requirements.txt, the lock. Writes
run.json: the effective config, versions of the packages, hardware, checksums of the inputs and the
lock, and the git commit.
"""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import pandas as pd

from cxr.files import sha256_of
from cxr.log import job_log, say
from cxr.metadata import images_checksum

PACKAGES = (
    "snakemake",
    "tensorflow",
    "tensorflow-cpu",
    "keras",
    "jax",
    "torch",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "scipy",
    "pandas",
    "matplotlib",
    "tf-keras-vis",
)


def versions() -> dict[str, str]:
    """Versions of Python and of each package that is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, object]:
    """Processor, cores this process may use, memory in GB and operating system."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": model,
        "cores": cores,
        "memory_gb": round(memory / 1e9, 1),
        "system": platform.platform(),
    }


def git_commit(root: Path) -> dict[str, object] | None:
    """Commit of the project and whether files differ from it; None outside a git checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "modified": bool(git("status", "--porcelain", "--untracked-files=no")),
        }
    except (OSError, subprocess.CalledProcessError):
        return None


def run(
    config: dict,
    dataset: str,
    manifest: Path,
    split: Path,
    scores: list[Path],
    lock: Path,
    output: Path,
) -> None:
    """Write run.json.

    Args:
        config: The effective config, defaults filled in.
        dataset: The data set's name.
        manifest: manifest.csv.
        split: split.csv.
        scores: metrics.json of every run.
        lock: requirements.txt.
        output: run.json to write.
    """
    table = pd.read_csv(manifest, dtype=str, keep_default_na=False)
    record = {
        "dataset": dataset,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "config": config,
        "versions": versions(),
        "hardware": hardware(),
        "git": git_commit(Path.cwd()),
        "lock_sha256": sha256_of(Path(lock)),
        "inputs": {
            "images": len(table),
            "images_sha256": images_checksum(table),
            "manifest_sha256": sha256_of(Path(manifest)),
            "split_sha256": sha256_of(Path(split)),
        },
        "metrics_sha256": {str(path): sha256_of(Path(path)) for path in scores},
    }
    Path(output).write_text(json.dumps(record, indent=2) + "\n")
    say(f"done: results/{dataset}/comparison.csv holds the numbers, run.json what made them")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        run(
            config=snakemake.params.config,
            dataset=snakemake.wildcards.dataset,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            scores=snakemake.input.scores,
            lock="requirements.txt",
            output=snakemake.output[0],
        )
