"""How fast is the manifest, how much memory does it take, and how many jobs is a run?

    python benchmarks/manifest_speed.py FOLDER [images] [repeats] [threads] [release]

Writes synthetic releases in the layout of the NIH's into FOLDER, which must not exist. Prints

- speed: the manifest of `images` (10,000) images of 256 px against a bare loop on as many threads
  that reads, hashes (SHA-256) and decodes the same files. They take turns; medians of `repeats` (3)
  of seconds by the clock and of CPU, after a round that does not count. Other work on the machine
  disturbs the clock more.
- memory: the most anonymous memory (RssAnon) of a process that makes the manifest of 10,000 and of
  `release` (112,120) images of 32 px, above what it has before it begins;
- jobs: how many jobs a dry run of the workflow counts for 700 and for `release` images, and how
  long it takes.
"""

import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import cv2
import numpy as np
import psutil
import yaml
from anonymous import anonymous_mb

from cxr.config import load
from cxr.images import decode
from manifest import manifest

ROOT = Path(__file__).resolve().parents[1]
HEADER = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender"


def write_release(folder: Path, count: int, side: int) -> Path:
    """Write a release of images that compress about as X-rays do, no two of them alike."""
    random = np.random.default_rng(0)
    smooth = cv2.resize(random.normal(128, 40, (9, 9)), (side, side), interpolation=cv2.INTER_CUBIC)
    rows = [f"{HEADER},View Position\n"]
    for number in range(count):
        part = folder / f"images_{1 + number * 12 // count:03}" / "images"
        part.mkdir(parents=True, exist_ok=True)
        name = f"{number // 4:08}_{number % 4:03}.png"
        image = np.roll(smooth, number, axis=1) + random.normal(0, 3, (side, side))
        cv2.imwrite(str(part / name), np.clip(image, 0, 255).astype(np.uint8))
        finding = "Effusion" if number % 8 == 0 else "No Finding"
        rows.append(f"{name},{finding},0,{number // 4},60,M,PA\n")
    (folder / "labels.csv").write_text("".join(rows))
    return folder


def overlay(folder: Path) -> dict:
    """The config of a run on a release."""
    nih = {"source": "nih", "images": str(folder), "labels": str(folder / "labels.csv")}
    return {"dataset": "nih", "datasets": {"nih": nih}}


def settled(folder: Path) -> dict:
    """The data set's part of the config, defaults filled in."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["datasets"] |= overlay(folder)["datasets"]
    return load(config | {"dataset": "nih"}, ROOT)["datasets"]["nih"]


def make_manifest(dataset: dict, folder: Path, threads: int) -> None:
    """What the rule does."""
    with tempfile.TemporaryDirectory() as output:
        manifest(
            dataset=dataset,
            name="nih",
            folder=folder,
            root=ROOT,
            max_rejected=0.01,
            min_size=32,
            exclude=["lateral"],
            key_file=Path(output, "pseudonyms.key"),
            threads=threads,
            manifest_csv=Path(output, "manifest.csv"),
            rejected_csv=Path(output, "rejected.csv"),
            boxes_csv=Path(output, "boxes.csv"),
        )


def bare(paths: list[Path], threads: int) -> None:
    """Read, hash and decode, and nothing else."""

    def look(path: Path) -> str:
        data = path.read_bytes()
        decode(data)
        return hashlib.sha256(data).hexdigest()

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(look, paths):
            pass


def seconds(run: Callable[[], None]) -> tuple[float, float]:
    """By the clock and of CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - cpu


def race(folder: Path, repeats: int, threads: int) -> None:
    cv2.setNumThreads(1)
    dataset, paths = settled(folder), sorted(folder.rglob("*.png"))
    contestants = {
        "manifest": lambda: make_manifest(dataset, folder, threads),
        "bare loop": lambda: bare(paths, threads),
    }
    rounds = [{name: seconds(run) for name, run in contestants.items()} for _ in range(repeats + 1)]
    found = {name: np.array([one[name] for one in rounds[1:]]) for name in contestants}
    print(f"\n{len(paths):,} images, {threads} threads: seconds by the clock and of CPU, and speed")
    for name, spent in found.items():
        clock, cpu = np.median(spent, axis=0)
        ratios = np.median(spent / found["manifest"], axis=0)
        speed = f"manifest at {ratios[0]:.2f} and {ratios[1]:.2f}"
        print(f"  {name:20}{clock:8.2f}{cpu:8.2f}   {speed}")


def peak_mb(folder: Path, threads: int) -> float:
    """The most memory that a manifest takes above what there was, MB."""
    dataset = settled(folder)
    this, done = psutil.Process(), threading.Event()
    before, seen = anonymous_mb(this), [0.0]

    def watch() -> None:
        while not done.wait(0.01):
            seen.append(anonymous_mb(this))

    watcher = threading.Thread(target=watch)
    watcher.start()
    make_manifest(dataset, folder, threads)
    done.set()
    watcher.join()
    return max(seen) - before


def memory(folder: Path, threads: int) -> None:
    """`peak_mb` in a process of its own."""
    command = f"import manifest_speed as m; print(m.peak_mb(m.Path({str(folder)!r}), {threads}))"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT / "benchmarks",
        capture_output=True,
        text=True,
        check=True,
    )
    print(f"  {folder.name:>8} images: {float(done.stdout.split()[-1]):7.1f} MB")


def jobs(folder: Path) -> None:
    """The jobs that a dry run counts."""
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(overlay(folder)), encoding="utf-8")
    command = ["-m", "snakemake", "--dry-run", "--quiet", "rules", "--cores", "2", "--configfile"]
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command, str(file)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    total = re.search(r"^total\s+(\d+)", done.stdout + done.stderr, re.MULTILINE)[1]
    print(f"  {folder.name:>8} images: {total} jobs, {time.perf_counter() - start:.1f} s")


def main(
    folder: str, images: int = 10_000, repeats: int = 3, threads: int = 2, release: int = 112_120
) -> None:
    top = Path(folder).absolute()
    top.mkdir(parents=True)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    race(write_release(top / "256px", images, 256), repeats, threads)
    small = [write_release(top / f"{count}", count, 32) for count in (700, 10_000, release)]
    print("\nmemory of the manifest")
    for one in small[1:]:
        memory(one, threads)
    print("\njobs of a dry run")
    for one in (small[0], small[2]):
        jobs(one)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
