"""The same config gives the same bits, however many cores work on it, also after a kill."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from tiny import OVERLAY, call, configure, finish
from xrays import draw

pytestmark = pytest.mark.slow


def weights(model: Path) -> dict[str, np.ndarray]:
    """Every array in a .keras file, which is a zip that holds times as well."""
    found = {}

    def collect(name: str, node: h5py.Group | h5py.Dataset) -> None:
        if isinstance(node, h5py.Dataset):
            found[name] = node[()]

    with zipfile.ZipFile(model) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as arrays:
        arrays.visititems(collect)
    assert found
    return found


def assert_same_results(one: Path, other: Path) -> None:
    """Every number and figure under two folders of results is the same, bit by bit."""
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    suffixes = (".npy", ".csv", ".png", ".txt")
    exact = [name for name in names if name.suffix in suffixes or name.name == "metrics.json"]
    assert {name.name for name in exact} >= {
        *("images.npy", "predictions.csv", "metrics.json", "scorecam.npy", "maps.png"),
        *("comparison.png", "augmentation.png", "lesson_summary.txt"),
    }
    for name in exact:
        if name.name == "history.csv":  # it holds seconds
            assert without_seconds(one / name) == without_seconds(other / name), name
        else:
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in (name for name in names if name.suffix == ".keras"):
        mine, theirs = weights(one / name), weights(other / name)
        assert mine.keys() == theirs.keys()
        assert all(np.array_equal(mine[key], theirs[key]) for key in mine), name


def without_seconds(history: Path) -> list[str]:
    return [line.rpartition(",")[0] for line in history.read_text().splitlines()]


def test_cores_and_shards_change_no_bit(finished: Path, tmp_path: Path) -> None:
    made = shutil.ignore_patterns("data", "results", ".snakemake")
    root = shutil.copytree(finished, tmp_path / "again", ignore=made)
    configure(root, {"preprocess": {"shards": 3}})
    finish(root, cores=1)
    assert_same_results(finished / "results/phantom", root / "results/phantom")


def end_when(root: Path, target: str, moment: Callable[[], bool], by: signal.Signals) -> str:
    """Run `target`, send a signal to Snakemake and its jobs at a moment; return what they said."""
    output = root.parent / "output.txt"
    command = [sys.executable, "-m", "snakemake", target, "--cores=2", f"--configfile={OVERLAY}"]
    with output.open("w") as file:
        process = subprocess.Popen(
            command, cwd=root, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 120
        while not moment():
            assert process.poll() is None, "it ended before the moment came"
            assert time.monotonic() < deadline, "the moment did not come"
            time.sleep(0.01)
        os.killpg(process.pid, by)
        process.wait(60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return output.read_text()


def kill_when(root: Path, target: str, moment: Callable[[], bool]) -> None:
    """Kill Snakemake and its jobs at a moment, without a warning."""
    end_when(root, target, moment, signal.SIGKILL)


def go_on(root: Path, target: str) -> None:
    """Unlock and run the same command again, as Snakemake's message advises."""
    locked = call(root, target)
    assert locked.status == 1
    assert "--unlock" in locked.text
    finish(root, "--unlock")
    finish(root, target)


def copy_tree(root: Path, destination: Path) -> Path:
    return shutil.copytree(root, destination, symlinks=True)


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


def prepare_long_training(project: Path) -> Callable[[], bool]:
    """Ask for many epochs; return what tells that some are done."""
    configure(project, {"experiments": {"small": {"epochs": 300, "keep": "last"}}})
    log = project / "results/phantom/logs/small/seed-1/train.log"
    log.unlink()
    return lambda: log.exists() and bool(re.search(r"epoch +5/300", log.read_text()))


def test_killed_training_is_made_whole(project: Path, tmp_path: Path) -> None:
    moment = prepare_long_training(project)
    undisturbed = copy_tree(project, tmp_path / "undisturbed")
    kill_when(project, "train", moment)
    go_on(project, "all")
    finish(undisturbed, "all")
    assert_same_results(project / "results/phantom", undisturbed / "results/phantom")


def test_interrupted_training_ends_quietly_and_needs_no_unlocking(project: Path) -> None:
    """As Ctrl-C does."""
    moment = prepare_long_training(project)
    text = end_when(project, "train", moment, signal.SIGINT)
    assert "interrupted" in text
    assert "Traceback" not in text
    finish(project, "train")
    history = project / "results/phantom/small/seed-1/history.csv"
    assert len(history.read_text().splitlines()) == 1 + 300  # not what the interruption left
