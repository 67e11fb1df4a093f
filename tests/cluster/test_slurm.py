"""The workflow on a real one-node Slurm, through the profile that the project ships."""

import re
from pathlib import Path

import pytest
import yaml

from onenode import Cluster, Job
from workspace import copy_project, snakemake

pytestmark = pytest.mark.slow

TINY = {
    "dataset": "phantom",
    "datasets": {"phantom": {"normal": 24, "effusion": 24, "size": 128}},
    "image": {"size": 64},
    "experiments": {"tiny": {"filters": [4, 8], "kernels": [3, 3], "epochs": 1, "batch_size": 8}},
    "run": ["tiny"],
    "main": "tiny",
    "seeds": [1],
}

# The test cluster has no accounting database and no slow file system.
TEST_CLUSTER = (
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=1",
    "--latency-wait=5",
    "--retries=0",
)


def test_workflow_runs_on_slurm_with_the_resources_its_rules_ask_for(
    slurm: Cluster, tmp_path: Path
) -> None:
    root = copy_project(tmp_path / "pleura")
    overlay = root / "tiny.yaml"
    overlay.write_text(yaml.safe_dump(TINY))
    run = snakemake(
        root,
        "--workflow-profile=profiles/slurm",
        "--jobs=2",
        f"--configfile={overlay}",
        *TEST_CLUSTER,
        timeout=1200,
        env=slurm.env,
    )
    assert run.returncode == 0, run.stderr
    assert (root / "results/phantom/comparison.csv").stat().st_size > 0
    jobs = slurm.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert sorted(map(asked, jobs)) == sorted(announced(run.stderr))
    assert "train_network" in {rule for rule, *_ in announced(run.stderr)}


def announced(log: str) -> list[tuple[str, int, int, int]]:
    """Rule, CPUs, megabytes and minutes of each job that Snakemake says it submits."""
    blocks = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", log, flags=re.MULTILINE)
    return [
        (rule, number("threads: ", block) or 1, number("mem_mb=", block), number("runtime=", block))
        for rule, block in blocks
    ]


def number(key: str, block: str) -> int:
    """The number behind `key` in `block`, 0 where there is none."""
    found = re.search(rf"\b{re.escape(key)}(\d+)", block)
    return int(found[1]) if found else 0


def asked(job: Job) -> tuple[str, int, int, int]:
    """Rule, CPUs, megabytes and minutes of a job as Slurm has them."""
    amount, unit = int(job.memory[:-1]), job.memory[-1]
    days, _, clock = job.time_limit.rpartition("-")
    hours, minutes, _ = (["0", *clock.split(":")])[-3:]
    return (
        re.match(r"rule_(\w+?)(_wildcards_|$)", job.comment)[1],
        job.cpus,
        amount * {"M": 1, "G": 1024}[unit],
        (int(days or 0) * 24 + int(hours)) * 60 + int(minutes),
    )
