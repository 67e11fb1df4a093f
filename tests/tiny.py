"""A tiny run of the workflow, and what these tests ask Snakemake about it."""

import copy
import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from snakemake.utils import update_config

from workspace import snakemake

OVERLAY = "mine.yaml"

TINY = {
    "datasets": {"phantom": {"normal": 30, "effusion": 30, "size": 96}},
    "image": {"size": 64},
    "experiments": {
        "lesson": {"epochs": 1, "steps_per_epoch": 2},
        "small": {
            "filters": [4, 8],
            "kernels": [3, 3],
            "input_size": 32,
            "epochs": 2,
            "batch_size": 8,
            "augment": {"rotation": 5, "shift": 0.05, "zoom": 0.05, "flip": True},
        },
    },
    "run": ["lesson", "small"],
    "main": "small",
    "seeds": [1],
}


class Job(NamedTuple):
    """A job that Snakemake would run, as its dry run describes it."""

    rule: str
    inputs: tuple[str, ...]
    output: str
    reason: str


class Run(NamedTuple):
    """How a run of Snakemake ended, and all that it printed."""

    status: int
    text: str


def configure(root: Path, changes: dict[str, Any]) -> None:
    """Merge `changes` into the project's own small config file."""
    path = root / OVERLAY
    config = yaml.safe_load(path.read_text()) if path.exists() else copy.deepcopy(TINY)
    update_config(config, changes)
    path.write_text(yaml.safe_dump(config))


def call(root: Path, *arguments: str, cores: int = 2) -> Run:
    """Run Snakemake with the project's small config; options with many values go last."""
    settings = (f"--cores={cores}", f"--configfile={OVERLAY}")
    run = snakemake(root, *settings, *arguments, env={"no_proxy": "127.0.0.1"})
    return Run(run.returncode, run.stdout + run.stderr)


def finish(root: Path, *arguments: str, cores: int = 2) -> str:
    """Run Snakemake, which has to succeed, and return what it printed."""
    run = call(root, *arguments, cores=cores)
    assert run.status == 0, run.text
    return run.text


def refuse(root: Path, *arguments: str) -> str:
    """Run Snakemake, which has to end with a message and no traceback; return what it printed."""
    run = call(root, *arguments)
    assert run.status == 1, run.text
    assert "Traceback" not in run.text, run.text
    return run.text


def plan(root: Path, *arguments: str) -> list[Job]:
    """The jobs that Snakemake would run, but for the targets that only collect."""
    text = finish(root, "--dry-run", "--quiet=host", *arguments)
    blocks = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)+)", text, flags=re.MULTILINE)
    jobs = []
    for rule, block in blocks:
        facts = dict(re.findall(r"^    (\w+): (.*)", block, flags=re.MULTILINE))
        if "output" in facts:
            inputs = tuple(facts.get("input", "").split(", "))
            jobs.append(Job(rule, inputs, facts["output"], facts["reason"]))
    return jobs


def rules(jobs: list[Job]) -> set[str]:
    """The names of the rules among `jobs`."""
    return {job.rule for job in jobs}


def causes(jobs: list[Job]) -> dict[str, str]:
    """Reason of each rule that reruns by itself, not for what another job makes or needs."""
    others = ("Input files updated by another job", "Missing output files")  # the latter: temp()
    return {job.rule: job.reason for job in jobs if not job.reason.startswith(others)}
