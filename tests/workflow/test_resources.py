"""What each job asks of a cluster: threads, memory, run time and GPUs."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tiny import configure, finish

TARGETS = ("all", "audit", "control", "onnx", "transfer")
TARGETS += ("predict", "--config", "input=docs/picture.png")


class Asked(NamedTuple):
    """What a job asks for: -1 where it says nothing, 0 where it depends on files still to come."""

    rule: str
    output: str
    threads: int
    mem_mb: int
    runtime: int
    gpu: int


def asked(root: Path, *arguments: str) -> list[Asked]:
    """What every job asks for that makes something, as a dry run says it."""
    text = finish(root, "--dry-run", "--forceall", "--quiet=host", *arguments)
    blocks = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", text, flags=re.MULTILINE)
    return sorted(
        Asked(
            rule,
            output[1],
            number("threads: ", block, 1),
            *(number(f"{name}=", block, -1) for name in ("mem_mb", "runtime", "gpu")),
        )
        for rule, block in blocks
        if (output := re.search(r"^    output: (.*)", block, flags=re.MULTILINE))
    )


def number(key: str, block: str, default: int) -> int:
    found = re.search(rf"\b{key}(\d+|<TBD>)", block)
    return int(found[1].replace("<TBD>", "0")) if found else default


def test_every_job_says_how_much_memory_and_time_it_needs(finished: Path) -> None:
    jobs = asked(finished, *TARGETS)
    assert [job for job in jobs if min(job.mem_mb, job.runtime) < 0] == []
    assert {job.rule for job in jobs if job.mem_mb == 0} == {"preprocess_gather"}  # of temp() files
    assert max(job.threads for job in jobs) == 2  # no job is too large for a node of two cores
    assert {
        *("train_network", "audit_memorise", "control_network", "report_page", "predict_images")
    } <= {job.rule for job in jobs}


def test_a_second_attempt_gets_twice_the_time_and_more_memory(finished: Path) -> None:
    first, second = (asked(finished, *TARGETS, f"--attempt={attempt}") for attempt in (1, 2))
    for one, other in zip(first, second, strict=True):
        assert (one.rule, one.output, one.threads) == (other.rule, other.output, other.threads)
        assert other.mem_mb == pytest.approx(2 * one.mem_mb, abs=1)
        assert other.runtime == pytest.approx(2 * one.runtime, abs=1)


def test_more_images_get_more_memory_and_time(project: Path) -> None:
    before = {job.rule: job for job in asked(project, *TARGETS)}
    images = project / "results/phantom/images.npy"
    os.truncate(images, images.stat().st_size + 2 * 10**9)  # a hole: no room on the disk
    after = {job.rule: job for job in asked(project, *TARGETS)}
    for rule in ("train_network", "audit_memorise", "control_network"):
        assert after[rule].mem_mb == pytest.approx(before[rule].mem_mb + 2000, abs=1)
        assert after[rule].runtime > before[rule].runtime
    assert after["leakage_pairs"].runtime > before["leakage_pairs"].runtime
    for rule in ("leakage_pairs", "evaluate_figures"):
        assert after[rule].mem_mb == before[rule].mem_mb
    configure(project, {"datasets": {"phantom": {"normal": 70000}}})
    drawn = {job.rule: job.runtime for job in asked(project, "acquire")}
    assert drawn["acquire_phantom"] > before["acquire_phantom"].runtime


def test_more_shards_need_less_memory_each(project: Path) -> None:
    configure(project, {"image": {"size": 2048}, "preprocess": {"shards": 1}})
    whole = [job.mem_mb for job in asked(project, "preprocess") if job.rule == "preprocess_shard"]
    configure(project, {"preprocess": {"shards": 10}})
    parts = [job.mem_mb for job in asked(project, "preprocess") if job.rule == "preprocess_shard"]
    assert len(whole) == 1
    assert len(parts) == 10
    assert 2000 < max(parts) < whole[0]


def test_networks_are_trained_on_a_gpu_where_a_profile_says_so(finished: Path) -> None:
    """By default no job needs one; jobs that could use one say so."""
    jobs = asked(finished, *TARGETS)
    able = {"train_network", "audit_memorise", "control_network"}
    assert {job.rule for job in jobs if job.gpu == 0} == able
    assert max(job.gpu for job in jobs) == 0
    given = asked(finished, *TARGETS, "--set-resources=train_network:gpu=1")
    assert {job.rule for job in given if job.gpu == 1} == {"train_network"}
