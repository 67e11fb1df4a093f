"""A run that was killed or interrupted goes on by the same command, to the same bits."""

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from bits import assert_same_results
from tiny import OVERLAY, configure, finish, refuse
from xrays import draw

pytestmark = pytest.mark.slow

KILLS = 20
SMALLEST = {
    "datasets": {"phantom": {"normal": 16, "effusion": 16, "size": 64}},
    "image": {"size": 32},
    "experiments": {"small": {"filters": [2, 4], "epochs": 1}},
    "run": ["small"],
    "saliency": {"methods": ["gradcam"], "images": 2},
    "audit": {"quick_images": 1, "quick_slow_images": 1},
}


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """Also where the tests were started in the background by a shell, which has them ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def running(root: Path, target: str = "all") -> Iterator[subprocess.Popen]:
    """Snakemake at work, which leads a group of processes; what it says lands in output.txt.

    What still runs at the end of the block is killed. Jobs that outlived Snakemake are not.
    """
    command = [sys.executable, "-m", "snakemake", target, "--cores=2", f"--configfile={OVERLAY}"]
    with (root.parent / "output.txt").open("w") as file:
        process = subprocess.Popen(
            command, cwd=root, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        if process.poll() is None:  # else the number may be another process's by now
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(moment: Callable[[], bool], process: subprocess.Popen) -> None:
    """Wait for a moment that has to come while the process runs."""
    deadline = time.monotonic() + 600
    while not moment():
        assert process.poll() is None, "it ended before the moment came"
        assert time.monotonic() < deadline, "the moment did not come"
        time.sleep(0.01)


def end_when(root: Path, target: str, moment: Callable[[], bool], by: signal.Signals) -> str:
    """Run `target`, send a signal to Snakemake and its jobs at a moment; return what they said."""
    with running(root, target) as process:
        wait_for(moment, process)
        os.killpg(process.pid, by)
        process.wait(120)
    return (root.parent / "output.txt").read_text()


def kill_when(root: Path, target: str, moment: Callable[[], bool]) -> None:
    """Kill Snakemake and its jobs at a moment, without a warning."""
    end_when(root, target, moment, signal.SIGKILL)


def go_on(root: Path, target: str) -> None:
    """Unlock and run the same command again, as the message advises."""
    assert "--unlock" in refuse(root, target)
    finish(root, "--unlock")
    finish(root, target)


def copy_tree(root: Path, destination: Path) -> Path:
    return shutil.copytree(root, destination, symlinks=True)


def everything(leader: int) -> None:
    os.killpg(leader, signal.SIGKILL)


def snakemake_alone(leader: int) -> None:
    """Its jobs work on, and meet those of the next run."""
    os.kill(leader, signal.SIGKILL)


def interrupted(leader: int) -> None:
    """As Ctrl-C does."""
    os.killpg(leader, signal.SIGINT)


def jobs_begun(root: Path) -> int:
    return len([*root.glob("results/phantom/logs/**/*.log")])


def test_killed_twenty_times_at_random_moments(fresh: Path, tmp_path: Path) -> None:
    """Each time another job or a later one is at work, so that every stage has its turn."""
    configure(fresh, SMALLEST)
    undisturbed = copy_tree(fresh, tmp_path / "undisturbed")
    finish(undisturbed)
    chance = random.Random(6)
    moments = sorted(chance.sample(range(1, jobs_begun(undisturbed)), KILLS))
    ways = chance.sample([everything, snakemake_alone, interrupted] * 7, KILLS)
    for begun, way in zip(moments, ways, strict=True):
        with running(fresh) as process:
            wait_for(lambda: jobs_begun(fresh) >= begun, process)  # noqa: B023 (called at once)
            time.sleep(chance.uniform(0, 1.5))
            if process.poll() is None:
                way(process.pid)
            assert process.wait(120) <= (way is interrupted), (tmp_path / "output.txt").read_text()
        if way is not interrupted:
            finish(fresh, "--unlock")
    finish(fresh)
    images = [[*root.glob("data/phantom/*/*.png")] for root in (fresh, undisturbed)]
    assert len(images[0]) == len(images[1]) > 0
    for one in images[0]:
        assert one.read_bytes() == (undisturbed / one.relative_to(fresh)).read_bytes()
    assert_same_results(fresh / "results/phantom", undisturbed / "results/phantom")


def test_killed_acquisition_is_made_whole(fresh: Path, tmp_path: Path) -> None:
    configure(fresh, {"datasets": {"phantom": {"normal": 100, "effusion": 100}}})
    undisturbed = copy_tree(fresh, tmp_path / "undisturbed")
    partial = fresh / "data" / ".phantom.partial"
    kill_when(fresh, "manifest", lambda: len([*partial.glob("*/*.png")]) > 40)
    assert not any(fresh.glob("data/phantom/*"))
    go_on(fresh, "manifest")
    assert not partial.exists()
    finish(undisturbed, "manifest")
    manifests = [root / "results/phantom/manifest.csv" for root in (fresh, undisturbed)]
    assert manifests[0].read_bytes() == manifests[1].read_bytes()  # it holds checksums


def test_killed_preprocessing_is_made_whole(fresh: Path, tmp_path: Path) -> None:
    write_many(fresh / "mine", 150, 1024)
    dataset = {"source": "folder", "path": "mine"}
    configure(fresh, {"dataset": "mine", "datasets": {"mine": dataset}})
    finish(fresh, "manifest")
    undisturbed = copy_tree(fresh, tmp_path / "undisturbed")
    results = fresh / "results" / "mine"
    kill_when(fresh, "preprocess", lambda: bool([*results.glob("shards/*")]))
    assert not (results / "images.npy").exists()
    go_on(fresh, "preprocess")
    finish(undisturbed, "preprocess")
    array = "results/mine/images.npy"
    assert (fresh / array).read_bytes() == (undisturbed / array).read_bytes()


def write_many(folder: Path, count: int, size: int) -> None:
    """Large images, each file a link to the one of its class: only decoding takes long."""
    for name in ("effusion", "normal"):
        (folder / name).mkdir(parents=True)
        first = folder / name / "0.png"
        image = draw(name == "effusion", size, np.random.default_rng(1))
        assert cv2.imwrite(str(first), image)
        for i in range(1, count):
            (folder / name / f"{i}.png").hardlink_to(first)


def test_second_run_in_a_folder_is_refused_and_the_first_goes_on(fresh: Path) -> None:
    configure(fresh, {"datasets": {"phantom": {"normal": 200, "effusion": 200}}})
    partial = fresh / "data" / ".phantom.partial"
    with running(fresh, "manifest") as process:
        wait_for(lambda: any(partial.glob("*/*.png")), process)
        text = refuse(fresh, "manifest")
        assert f"at work on results/phantom/ in this folder (process {process.pid})." in text
        assert process.wait(240) == 0
    assert (fresh / "results/phantom/manifest.csv").exists()


def prepare_long_training(project: Path) -> Callable[[], bool]:
    """Ask for many epochs; return what tells that some are done."""
    configure(project, {"experiments": {"small": {"epochs": 300, "keep": "last"}}})
    log = project / "results/phantom/logs/small/seed-1/train.log"
    log.unlink()
    return lambda: log.exists() and bool(re.search(r"epoch +5/300", log.read_text()))


def test_interrupted_training_ends_quietly_and_needs_no_unlocking(project: Path) -> None:
    """As Ctrl-C does."""
    moment = prepare_long_training(project)
    text = end_when(project, "train", moment, signal.SIGINT)
    assert "interrupted" in text
    assert "Traceback" not in text
    finish(project, "train")
    history = project / "results/phantom/small/seed-1/history.csv"
    assert len(history.read_text().splitlines()) == 1 + 300  # not what the interruption left
