"""How do time and memory of each stage grow with the number of images?

    python benchmarks/cost_curves.py FOLDER [counts...]

Draws 700 phantoms of 128 px into FOLDER, which must not exist, and makes as many images of them as
each of `counts` says (700, 7,000 and 70,000): the mean of two of a class, moved, mirrored and with
a texture of its own, patients with four each. On each set, in a copy of the project in FOLDER, it
runs the workflow with two cores, the lesson's experiment at 64 px, and looks at all processes many
times a second. Other work on the machine disturbs the seconds more than the CPU seconds. All three
take about 20 minutes on two cores, half of them to search the 70,000 for copies and same persons.

Prints a table and writes costs.csv and costs.png into FOLDER: for each script and count the
seconds by the clock and of CPU, and the most anonymous memory (RssAnon, MB) of a process; printed
beside them, how many times as much time an image, and memory, it takes as with the count before.
`snakemake` stands for Snakemake's own process, its clock for the whole run.
"""

import contextlib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import cv2
import numpy as np
import pandas as pd
import psutil
import yaml
from anonymous import anonymous_mb

from cxr import plots
from cxr.augment import augment
from cxr.parallel import in_order
from cxr.phantom import draw_dataset

ROOT = Path(__file__).resolve().parents[1]
COUNTS = (700, 7_000, 70_000)
DRAWN, SIDE = 350, 128  # phantoms of each class, pixels
EACH = 4  # images of a patient
TARGETS = ["evaluate", "saliency", "leakage", "compare", "subgroups"]
PAUSE, LOOKS = 0.02, 10  # seconds between looks at a process, and looks before new ones are sought
CHANGES = {"rotation": 8, "shift": 0.05, "zoom": 0.1, "contrast": 0.2, "flip": True}
ACROSS = 6  # panels in a line of the figure
TEXTURE = 12  # grey values, standard deviation of what is an image's own


def read_drawn(folder: Path) -> list[np.ndarray]:
    """Phantoms by label, uint8 (n, side, side)."""
    return [
        np.array([cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(part.iterdir())])
        for part in (folder / "normal", folder / "effusion")
    ]


def blend(drawn: list[np.ndarray], number: int) -> np.ndarray:
    """Make an image, uint8 (side, side), a function of its number; odd ones have an effusion."""
    random = np.random.default_rng(number)
    pool = drawn[number % 2]
    image = pool[random.choice(len(pool), 2, replace=False)].mean(axis=0, dtype=np.float32)
    texture = cv2.GaussianBlur(random.standard_normal(image.shape, np.float32), (0, 0), 2)
    image = augment((image - 128) / 64, random, **CHANGES) * 64 + 128
    return np.clip(image + texture * TEXTURE / texture.std(), 0, 255).astype(np.uint8)


def write_images(folder: Path, drawn: list[np.ndarray], count: int) -> Path:
    """Write images and their table; return the table."""
    folder.mkdir(parents=True)

    def write(number: int) -> None:
        cv2.imwrite(str(folder / f"{number:06}.png"), blend(drawn, number))

    for _ in in_order(write, range(count), threads=2):
        pass
    numbers = np.arange(count)
    patients = numbers // EACH
    table = pd.DataFrame(
        {
            "path": [f"{number:06}.png" for number in numbers],
            "label": numbers % 2,
            "patient": patients,
            "age": 20 + patients % 70,
            "sex": np.where(patients % 2, "F", "M"),
            "view": np.where(patients % 3, "PA", "AP"),
        }
    )
    table.to_csv(folder / "labels.csv", index=False)
    return folder / "labels.csv"


def copy_project(folder: Path) -> Path:
    """Copy what git tracks; return the folder."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in names.strip("\0").split("\0"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def overlay(table: Path) -> dict:
    """The config of a run on a set of images."""
    dataset = {"source": "table", "path": str(table), "effusion": 1, "normal": 0}
    return {
        "dataset": "curves",
        "datasets": {"curves": dataset},
        "image": {"size": 64},
        "run": ["lesson"],
        "main": "lesson",
    }


def job_of(process: psutil.Process) -> str:
    """The script that a process runs for a rule; "" for other processes."""
    found = re.search(r"/tmp\w+\.(\w+)\.py$", " ".join(process.cmdline()[1:2]))
    return found[1] if found else ""


def look(process: psutil.Process, jobs: dict[psutil.Process, dict]) -> None:
    """Bring what is known of a process up to date, if it is a job's."""
    job = jobs[process]["job"] if process in jobs else job_of(process)
    if job:
        cpu, most = process.cpu_times(), jobs.get(process, {}).get("memory_mb", 0)
        jobs[process] = {
            "job": job,
            "seconds": time.time() - process.create_time(),
            "cpu_seconds": cpu.user + cpu.system,
            "memory_mb": max(most, anonymous_mb(process)),
        }


def watch(command: list[str], folder: Path) -> pd.DataFrame:
    """Run Snakemake and look at its jobs.

    Returns:
        A row per job and one for Snakemake itself: job, seconds, cpu_seconds and memory_mb, the
        most that it was seen to hold.
    """
    run = psutil.Popen(command, cwd=folder)
    jobs = {run: {"job": "snakemake"}}
    while run.poll() is None:
        processes = [run, *run.children(recursive=True)]
        for _ in range(LOOKS):
            for process in processes:
                with contextlib.suppress(psutil.Error):  # it has ended
                    look(process, jobs)
            time.sleep(PAUSE)
    if run.returncode:
        raise SystemExit(f"The run in {folder} failed: {' '.join(command)}")
    return pd.DataFrame(jobs.values())


def costs(top: Path, drawn: list[np.ndarray], count: int) -> pd.DataFrame:
    """What the jobs of a run on `count` images cost: columns images and those of `watch`."""
    project = copy_project(top / f"{count}" / "pleura")
    table = write_images(top / f"{count}" / "images", drawn, count)
    (project / "curves.yaml").write_text(yaml.safe_dump(overlay(table)), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "curves.yaml"]
    found = watch([*command, "--quiet", "all", "--", *TARGETS], project)
    found = found.groupby("job", as_index=False).agg(
        {"seconds": "sum", "cpu_seconds": "sum", "memory_mb": "max"}
    )
    return found.assign(images=count)[["images", *found.columns]]


def compared(table: pd.DataFrame) -> pd.DataFrame:
    """Costs, with those an image and the memory as multiples of what they are with fewer images."""
    table = table.sort_values(["job", "images"]).reset_index(drop=True)
    before = table.groupby("job").shift()
    for name, per in (("seconds", "images"), ("cpu_seconds", "images"), ("memory_mb", None)):
        now, then = (each[name] / (each[per] if per else 1) for each in (table, before))
        table[f"{name}_ratio"] = now / then
    return table


def draw(table: pd.DataFrame) -> plots.plt.Figure:
    """Each job's CPU seconds and memory by the number of images, log-log."""
    jobs = table.groupby("job")["cpu_seconds"].max().sort_values(ascending=False).index
    lines = -(-len(jobs) // ACROSS)
    figure, axes = plots.plt.subplots(
        lines, ACROSS, figsize=(11, 2 * lines), layout="constrained", sharex=True, sharey=True
    )
    style = {"xscale": "log", "yscale": "log", "xlim": (table["images"].min() / 2, None)}
    for axis, job in zip(axes.flat, jobs, strict=False):
        part = table[table["job"] == job]
        axis.plot(part["images"], part["memory_mb"], "s--", color=plots.ORANGE, label="memory, MB")
        axis.plot(part["images"], part["cpu_seconds"], "o-", color=plots.BLUE, label="CPU seconds")
        axis.set(**style, xticks=table["images"].unique())
        axis.minorticks_off()
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.yaxis.set_major_formatter("{x:g}")
        plots.caption(axis, job)
    for axis in axes.flat[len(jobs) :]:
        axis.set_visible(False)
    figure.supxlabel("images")
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower right")
    return figure


def main(folder: str, *counts: int) -> None:
    top = Path(folder).absolute()
    top.mkdir(parents=True)
    draw_dataset(top / "drawn", DRAWN, DRAWN, SIDE)
    drawn, tables = read_drawn(top / "drawn"), []
    for count in counts or COUNTS:
        tables.append(costs(top, drawn, count))
        table = compared(pd.concat(tables))
        table.round(3).to_csv(top / "costs.csv", index=False)
        plots.save(draw(table), top / "costs.png")
        shutil.rmtree(top / f"{count}")
    print(table.to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
