import os
import subprocess
import sys

import pytest

from cxr.errors import UserError
from cxr.workplace import (
    NEEDED,
    check_folders,
    check_lock,
    check_queue,
    check_recorded,
    check_triggers,
)


def test_a_fresh_clone_and_links_to_folders_are_fine(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "results").symlink_to("elsewhere")
    check_folders(tmp_path, "mine", acquires=True)


def file(path):
    path.write_text("mine\n")


def dead_link(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("results", file, "results has to be a folder and is a file"),
        ("data", dead_link, "data is a link to nowhere, which is not there"),
        (".snakemake", file, ".snakemake has to be a folder"),
        (".snakemake/metadata", file, ".snakemake/metadata has to be a folder"),
        ("results/mine", dead_link, "results/mine is a link to nowhere"),
        ("data/mine", file, "data/mine has to be a folder"),
    ],
)
def test_what_stands_in_the_way_is_named_and_left_alone(tmp_path, name, make, said):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    make(path)
    with pytest.raises(UserError, match=said):
        check_folders(tmp_path, "mine", acquires=True)
    assert path.is_symlink() or path.read_text() == "mine\n"


def test_data_of_the_users_own_may_be_anything(tmp_path):
    file(tmp_path / "data")
    check_folders(tmp_path, "mine", acquires=False)


def test_all_problems_are_named_at_once(tmp_path):
    file(tmp_path / "results")
    file(tmp_path / "data")
    with pytest.raises(UserError) as error:
        check_folders(tmp_path, "mine", acquires=True)
    assert len(str(error.value).splitlines()) == 3


def test_a_folder_that_must_not_be_written(tmp_path, monkeypatch):
    (tmp_path / "results").mkdir()
    allowed = os.access
    monkeypatch.setattr(  # root may write everywhere
        os, "access", lambda path, mode: path.name != "results" and allowed(path, mode)
    )
    with pytest.raises(UserError, match="results cannot be written"):
        check_folders(tmp_path, "mine", acquires=True)


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_triggers_that_would_miss_another_config(missing):
    check_triggers(NEEDED)
    check_triggers([*NEEDED, "code", "software-env"])
    with pytest.raises(UserError, match=f"leaves out {missing}:"):
        check_triggers(NEEDED - {missing} | {"code"})


@pytest.fixture
def locked(tmp_path):
    """A folder that Snakemake has locked for the data set `mine`."""
    locks = tmp_path / ".snakemake" / "locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("data/mine/x\nresults/mine/manifest.csv\n")
    (locks / "0.input.lock").write_bytes(b"\xff\xfe\n")
    return tmp_path


def test_a_lock_that_a_killed_run_left(locked):
    check_lock(locked, "other")
    with pytest.raises(UserError, match=r"was killed.*--unlock"):
        check_lock(locked, "mine")


def test_a_run_at_work_is_named(locked):
    script = "import sys; print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, "snakemake"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    starter = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(sys.argv[1:], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", starter, *command], cwd=locked, **pipes)
    number = int(run.stdout.readline())
    run.wait()  # so that the other is no child of this process
    with pytest.raises(UserError, match=rf"at work on results/mine/ .*\(process {number}\)"):
        check_lock(locked, "mine")
    run.stdin.close()
    run.stdout.read()
    with pytest.raises(UserError, match="was killed"):
        check_lock(locked, "mine")


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A function that gives this machine a Slurm with these lines in its queue."""

    def fill(*lines, status=0):
        listed = tmp_path / "listed"
        listed.write_text("".join(f"{line}\n" for line in lines))
        squeue = tmp_path / "bin" / "squeue"
        squeue.parent.mkdir(exist_ok=True)
        squeue.write_text(f"#!/bin/sh\ncat '{listed}'\nexit {status}\n")
        squeue.chmod(0o755)
        monkeypatch.setenv("PATH", f"{squeue.parent}{os.pathsep}{os.environ['PATH']}")

    return fill


def test_jobs_of_a_killed_run_are_named(tmp_path, queue):
    queue(
        f"11|pleura_a-b|rule_train_network_wildcards_mine_small_seed-1|{tmp_path}",
        f"12|pleura_a-b|rule_manifest_images_wildcards_mine|{tmp_path}",
    )
    said = r"2 of the jobs .* results/mine/ .*first is 11.*`scancel --name pleura_a-b`"
    with pytest.raises(UserError, match=said):
        check_queue(tmp_path, "mine")
    check_queue(tmp_path, "mi")
    check_queue(tmp_path / "elsewhere", "mine")


def test_a_folder_that_is_reached_by_a_link(tmp_path, queue):
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to("home")
    queue(f"11|run|rule_manifest_images_wildcards_mine|{tmp_path / 'link'}")
    with pytest.raises(UserError, match="scancel --name run"):
        check_queue(tmp_path / "home", "mine")


def test_jobs_of_others_and_a_queue_that_says_nothing(tmp_path, queue, monkeypatch):
    queue(f"11|shell|(null)|{tmp_path}", f"12|x|mine|{tmp_path}", "odd", "")
    check_queue(tmp_path, "mine")
    queue("slurm_load_jobs error: Unable to contact slurm controller", status=1)
    check_queue(tmp_path, "mine")
    monkeypatch.setenv("PATH", "")
    check_queue(tmp_path, "mine")


def test_results_without_a_record():
    check_recorded("mine", [])
    with pytest.raises(UserError, match=r"how a\.csv was made \(2 such files\).*--touch"):
        check_recorded("mine", ["a.csv", "b.csv"])
