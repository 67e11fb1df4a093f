"""Whether a run can work in the project's folder, before it begins.

Snakemake's own answers to what is refused here are tracebacks, or there are none. The Snakefile
imports this module: standard library only, and psutil, which comes with Snakemake, where needed.
"""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from cxr.errors import UserError

NEEDED = {"mtime", "params", "input"}  # what Snakemake has to look at to notice another config
WORK = ".snakemake"


def check_folders(root: Path, dataset: str, acquires: bool) -> None:
    """Refuse what stands where a run wants to write.

    Args:
        root: The project's root.
        dataset: The chosen data set.
        acquires: Whether pleura fetches or draws its images.

    Raises:
        UserError: A file or a dead link stands in a folder's place, or a folder is read-only.
    """
    inside = [f"{WORK}/{name}" for name in ("incomplete", "locks", "log", "metadata", "scripts")]
    folders = [".", WORK, *inside, "results", f"results/{dataset}"]
    folders += ["data", f"data/{dataset}"] if acquires else []
    problems = [found for name in folders if (found := _problem(root / name, name))]
    if problems:
        raise UserError("A run cannot work here:\n" + "\n".join(f"  {line}" for line in problems))


def _problem(path: Path, name: str) -> str:
    if path.is_symlink() and not path.exists():
        return (
            f"{name} is a link to {path.readlink()}, which is not there. Make that, or remove it."
        )
    if not path.exists():
        return ""
    if not path.is_dir():
        return f"{name} has to be a folder and is a file. Move it away."
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        place = path.resolve()
        return f"{name} cannot be written ({place}). Change its permissions, or work in a copy."
    return ""


def check_triggers(triggers: Iterable[str]) -> None:
    """Refuse a run that would take the results of another config for its own.

    Args:
        triggers: The values of Snakemake's option --rerun-triggers.

    Raises:
        UserError: One of `NEEDED` is not among them.
    """
    if missing := NEEDED - set(triggers):
        raise UserError(
            f"--rerun-triggers leaves out {', '.join(sorted(missing))}: old results of another "
            "config would be taken for new ones. Leave the option out, or name at least "
            f"{' '.join(sorted(NEEDED))} (it may stand in a profile)."
        )


def check_lock(root: Path, dataset: str) -> None:
    """Refuse a second run on the same results, and say what to do about a killed one.

    Args:
        root: The project's root.
        dataset: A data set of this run.

    Raises:
        UserError: Snakemake has locked the data set's results.
    """
    claimed = f"results/{dataset}/manifest.csv"
    locks = (path.read_text(errors="replace") for path in root.glob(f"{WORK}/locks/*.lock"))
    if not any(claimed in text.splitlines() for text in locks):
        return
    if others := _others(root):
        raise UserError(
            f"Another run is at work on results/{dataset}/ in this folder (process {others[0]}). "
            "Wait for its end, or work in a second copy of the project."
        )
    raise UserError(
        f"An earlier run on results/{dataset}/ was killed (or works on another machine: then wait "
        "for it). Type `snakemake --unlock`, then the same command again: it goes on where the "
        "other stopped."
    )


def _others(root: Path) -> list[int]:
    """Processes of other runs of Snakemake in this folder, and jobs that a killed one left."""
    import psutil

    own = psutil.Process()
    related = {own.pid, *(each.pid for each in [*own.parents(), *own.children(recursive=True)])}
    found = []
    for process in psutil.process_iter():
        try:
            at_work = process.pid not in related and "snakemake" in " ".join(process.cmdline())
            if at_work and Path(process.cwd()) == root:
                found.append(process.pid)
        except (psutil.Error, OSError):  # it has ended, or is somebody else's
            continue
    return found


def check_queue(root: Path, dataset: str) -> None:
    """Refuse a run beside jobs that Slurm still has of another one, which write the same files.

    Snakemake takes its jobs back when it is interrupted; when it is killed, they run on. Where
    there is no Slurm, or it does not answer, nothing is refused.

    Args:
        root: The project's root.
        dataset: A data set of this run.

    Raises:
        UserError: There are such jobs.
    """
    if not shutil.which("squeue"):
        return
    command = ["squeue", "--noheader", f"--user={getpass.getuser()}", "--format=%i|%j|%k|%Z"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    except subprocess.TimeoutExpired:
        return
    rows = [line.split("|", 3) for line in answer.splitlines() if line.count("|") >= 3]
    jobs = [
        (number, run)
        for number, run, comment, place in rows
        if f"{comment}_".partition("_wildcards_")[2].startswith(f"{dataset}_")
        and Path(place).resolve() == root.resolve()
    ]
    if jobs:
        number, run = jobs[0]
        raise UserError(
            f"Slurm still has {len(jobs)} of the jobs of another run on results/{dataset}/ in this "
            f"folder (the first is {number}). If that run is at work, wait for its end; if it was "
            f"killed, end its jobs by `scancel --name {run}`, then type the same command again."
        )


def check_recorded(dataset: str, unrecorded: list[str]) -> None:
    """Refuse results of which Snakemake does not know by what config they were made.

    Args:
        dataset: Their data set.
        unrecorded: Their paths.

    Raises:
        UserError: There are some.
    """
    if unrecorded:
        raise UserError(
            f"results/{dataset}/ was copied here, or {WORK}/ was deleted or damaged: there is no "
            f"record of how {unrecorded[0]} was made ({len(unrecorded)} such files), so another "
            f"config would go unnoticed. Copy {WORK}/ as well (rsync -a), or move "
            f"results/{dataset}/ away; or, if it fits the config, say so by `snakemake --touch "
            "--forceall --cores 1` with the same targets and config."
        )
