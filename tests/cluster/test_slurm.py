"""The workflow on a real Slurm of two nodes, through the profile that the project ships."""

import itertools
import os
import re
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from slurmcluster import NODES, Cluster, Job
from tiny import OVERLAY, configure, finish, plan
from workspace import ROOT, snakemake

pytestmark = pytest.mark.slow

TINY = {
    "datasets": {"phantom": {"normal": 24, "effusion": 24, "size": 96}},
    "preprocess": {"shards": 2},
    "experiments": {"small": {"epochs": 1}},
    "run": ["small"],
    "saliency": {"methods": ["gradcam"], "images": 2},
}

# The test cluster has no accounting database and no slow file system.
OPTIONS = (
    "--workflow-profile=profiles/slurm",
    f"--configfile={OVERLAY}",
    "--slurm-status-command=squeue",
    "--slurm-init-seconds-before-status-checks=2",
    "--latency-wait=5",
)


def on(cluster: Cluster, root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake through Slurm; options with many values go last."""
    return snakemake(root, *OPTIONS, *arguments, timeout=1500, env=cluster.env)


def test_workflow_runs_on_slurm_with_the_resources_its_rules_ask_for(
    slurm: Cluster, fresh: Path
) -> None:
    configure(fresh, TINY | {"split": {"folds": 2}, "seeds": [1, 2]})
    gpus = "--set-resources=train_network:gpu=1"
    run = on(slurm, fresh, "compare", "saliency", "--retries=0", gpus)
    assert run.returncode == 0, run.stderr
    assert (fresh / "results/phantom/comparison.png").stat().st_size > 0
    assert (fresh / "results/phantom/small/seed-1/fold-1/saliency/maps.png").stat().st_size > 0
    jobs = slurm.jobs(fresh)
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert sorted(map(asked, jobs)) == sorted(announced(run.stderr))

    networks = [job for job in jobs if job.rule == "train_network"]
    assert {job.wildcards for job in networks} == {
        f"phantom_small_seed-{seed}_fold-{fold}" for seed in (1, 2) for fold in (1, 2)
    }
    assert_spread(networks)
    assert_spread([job for job in jobs if job.rule == "preprocess_shard"])
    assert {job.gpus for job in networks} == {1}
    assert_in_turns(networks)
    assert all(job.run.startswith("pleura_") for job in jobs)


def test_a_normal_run_goes_through_slurm_as_a_whole(slurm: Cluster, fresh: Path) -> None:
    configure(fresh, TINY)
    run = on(slurm, fresh, "--retries=0")
    assert run.returncode == 0, run.stderr
    jobs = slurm.jobs(fresh)
    assert {job.state for job in jobs} == {"COMPLETED"}
    assert sorted(map(asked, jobs)) == sorted(announced(run.stderr))
    for page in ("report", "explore", "predict", "quiz"):
        assert (fresh / f"results/phantom/{page}.html").stat().st_size > 0
    assert plan(fresh) == []


def announced(log: str) -> list[tuple[str, int, int, int, int]]:
    """Rule, CPUs, MB, minutes and GPUs of each job that Snakemake says it submits."""
    blocks = re.findall(r"^rule (\w+):\n((?:    .*\n)+)", log, flags=re.MULTILINE)
    keys = ("mem_mb=", "runtime=", "gpu=")
    return [
        (rule, number("threads: ", block) or 1, *(number(key, block) for key in keys))
        for rule, block in blocks
    ]


def number(key: str, block: str) -> int:
    """The number behind `key` in `block`, 0 where there is none."""
    found = re.search(rf"\b{re.escape(key)}(\d+)", block)
    return int(found[1]) if found else 0


def asked(job: Job) -> tuple[str, int, int, int, int]:
    """Rule, CPUs, MB, minutes and GPUs of a job as Slurm has them."""
    return (job.rule, job.cpus, job.mem_mb, job.minutes, job.gpus)


def assert_spread(jobs: list[Job]) -> None:
    """These jobs ran on both nodes."""
    assert {job.node for job in jobs} == set(NODES)


def assert_in_turns(jobs: list[Job]) -> None:
    """No two of these jobs were at work on one node at a time."""
    times = defaultdict(list)
    for job in jobs:
        times[job.node].append((job.start, job.end))
    for spans in times.values():
        for (_, end), (start, _) in itertools.pairwise(sorted(spans)):
            assert end <= start


# What goes wrong in a shard's first attempt; the memory that the third takes is the same in both.
TROUBLE = """
import pathlib
import time

trouble = snakemake.wildcards.scatteritem
first = not pathlib.Path(trouble).exists()
pathlib.Path(trouble).touch()
if trouble == "1-of-3" and first:
    raise OSError("a disk that is gone for a moment")
if trouble == "2-of-3" and first:
    time.sleep(600)
if trouble == "3-of-3":
    taken = b"x" * 500_000_000
    time.sleep(3)
"""


def test_jobs_that_fail_once_or_lack_time_or_memory_pass_on_retry(
    slurm: Cluster, fresh: Path
) -> None:
    configure(fresh, TINY | {"preprocess": {"shards": 1}})
    finish(fresh, "preprocess")
    images = fresh / "results/phantom/images.npy"
    whole = images.read_bytes()

    configure(fresh, {"preprocess": {"shards": 3}})
    script = fresh / "scripts/preprocess.py"
    script.write_text(script.read_text() + TROUBLE)
    limits = ("preprocess_shard:mem_mb=600*attempt", "preprocess_shard:runtime=attempt")
    run = on(slurm, fresh, "preprocess", "--set-resources", *limits)
    assert run.returncode == 0, run.stderr
    assert images.read_bytes() == whole

    shards = [job for job in slurm.jobs(fresh) if job.rule == "preprocess_shard"]
    attempts = {
        number: [job for job in shards if job.wildcards == f"phantom_{number}-of-3"]
        for number in (1, 2, 3)
    }
    states = {number: [job.state for job in jobs] for number, jobs in attempts.items()}
    assert states[1] == ["FAILED", "COMPLETED"]
    assert states[2] == ["TIMEOUT", "COMPLETED"]
    assert states[3][0] in ("FAILED", "OUT_OF_MEMORY")
    assert states[3][1:] == ["COMPLETED"]
    for first, second in attempts.values():
        assert (first.mem_mb, first.minutes) == (600, 1)
        assert (second.mem_mb, second.minutes) == (1200, 2)
    assert "a disk that is gone for a moment" in run.stderr  # the failed job's own log is shown


def test_after_a_kill_the_jobs_left_in_the_queue_are_named_and_the_run_goes_on(
    slurm: Cluster, fresh: Path
) -> None:
    configure(fresh, TINY)
    finish(fresh, "manifest")
    script = fresh / "scripts/preprocess.py"
    undisturbed = script.read_text()
    script.write_text(undisturbed + "\nimport time\n\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "preprocess", *OPTIONS],
        cwd=fresh,
        env=os.environ | slurm.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(lambda: [job.state for job in slurm.jobs(fresh)] == ["RUNNING"] * 2)
        shards = fresh / "results/phantom/shards"
        wait_for(lambda: len([*shards.glob("*.npy")]) == 2)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert {job.state for job in slurm.jobs(fresh)} == {"RUNNING"}

    script.write_text(undisturbed)
    left = slurm.jobs(fresh)
    for _ in range(2):  # without a lock as well as with it
        refused = on(slurm, fresh, "preprocess")
        assert refused.returncode == 1
        assert "Slurm still has 2 of the jobs" in refused.stderr
        assert f"scancel --name {left[0].run}`" in refused.stderr
        finish(fresh, "--unlock")
    slurm.run("scancel", "--name", left[0].run)
    wait_for(lambda: {job.state for job in slurm.jobs(fresh)} == {"CANCELLED"})

    run = on(slurm, fresh, "preprocess")
    assert run.returncode == 0, run.stderr
    images = fresh / "results/phantom/images.npy"
    whole = images.read_bytes()
    configure(fresh, {"preprocess": {"shards": 1}})
    finish(fresh, "preprocess")
    assert images.read_bytes() == whole


def test_the_generic_profile_sends_jobs_through_the_commands_that_it_names(
    slurm: Cluster, fresh: Path
) -> None:
    configure(fresh, TINY)
    finish(fresh, "manifest")
    options = ("--workflow-profile=profiles/generic", f"--configfile={OVERLAY}", "--latency-wait=5")
    run = snakemake(
        fresh, "split", *options, "--seconds-between-status-checks=2", timeout=300, env=slurm.env
    )
    assert run.returncode == 0, run.stderr
    jobs = [(job.run, *asked(job)[1:], job.state) for job in slurm.jobs(fresh)]
    rules = ["preprocess_shard"] * 2 + ["preprocess_gather", "leakage_pairs", "split_images"]
    assert [rule for rule, *_ in jobs] == rules
    assert {state for *_, state in jobs} == {"COMPLETED"}
    assert [job[:-1] for job in jobs] == announced(run.stderr)


def test_the_generic_profile_notices_a_job_that_its_scheduler_ended(slurm: Cluster) -> None:
    submit = ("sbatch", "--parsable", "--output=/dev/null", "--wrap")
    states = {
        slurm.run(*submit, "exit 0").strip(): "success",
        slurm.run(*submit, "exit 1").strip(): "failed",
        slurm.run(*submit, "sleep 600").strip(): "running",
        "999999": "failed",
    }
    script = str(ROOT / "profiles/generic/status.sh")
    wait_for(lambda: {job: slurm.run("sh", script, job).strip() for job in states} == states)
    running = next(job for job, state in states.items() if state == "running")
    slurm.run("scancel", running)
    wait_for(lambda: slurm.run("sh", script, running).strip() == "failed")


def wait_for(moment: Callable[[], bool], seconds: float = 120) -> None:
    """Wait for a moment that has to come."""
    deadline = time.monotonic() + seconds
    while not moment():
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.2)
