"""The lesson's whole path by pleura and by a script without it, side by side.

    python benchmarks/lesson_speed.py FOLDER [IMAGES] [repeats]

Copies the project's tracked files into FOLDER, which must not exist, and links IMAGES, a folder
with the sub-folders effusion and normal (by default 700 phantoms are drawn first). These then take
turns, `repeats` (5) times, each in new processes on 2 cores, with and without augmentation:

- script: benchmarks/straight_line.py, which reads, trains and maps with the lesson's libraries;
- pleura: `snakemake --cores 2 saliency` with the experiment `lesson` alone and the two methods of
  the lesson, from the manifest to the maps, leakage search and agreement included; and again with
  nothing to do; and after an edit of the script that draws the maps;
- PyTorch, where it is installed: benchmarks/torch_epoch.py.

Writes FOLDER/lesson_speed.csv (what, augmented, repeat, seconds or MB), and prints the ratios:
lesson_speed.md and lesson_speed.png are the table and the picture.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import yaml
from matplotlib import pyplot as plt

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from cost_curves import copy_project

from cxr.plots import SERIES

ROOT = Path(__file__).resolve().parents[1]
AUGMENT = {"rotation": 20, "shift": 0.2, "zoom": 0.2, "flip": True}
RUN = "results/bench/lesson/seed-42"
FIGURE = "scripts/saliency_figures.py"
PARTS = {  # of the figure, with the script's steps and pleura's rules
    "prepare images": [
        "preprocess",
        "manifest_images",
        "preprocess_shard-1-of-1",
        "preprocess_gather",
    ],
    "find copies and same persons": ["leakage_pairs"],
    "split": ["split", "split_images"],
    "train, predict": ["train", "evaluate", "train_network"],
    "map, measure agreement": [
        "gradcam++",
        "scorecam",
        "saliency_images",
        "saliency_maps",
        "saliency_agreement",
    ],
    "draw": ["figures", "saliency_figures"],
}
REST = "import (script), Snakemake (pleura)"


def drawn(project: Path) -> Path:
    """A folder of 700 phantoms."""
    timed(["snakemake", "--cores", "2", "acquire"], project)
    return project / "data/phantom"


class Ended(NamedTuple):
    """A command that succeeded."""

    seconds: float
    text: str  # that it printed
    peak: float  # MB, resident, of its largest process


def timed(command: list[str], folder: Path) -> Ended:
    """Run a command; end everything if it fails."""
    programs = str(Path(sys.executable).parent)
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    with tempfile.TemporaryFile("w+") as told:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=told, stderr=told)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        text = told.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)}\n{text}")
    return Ended(seconds, text, usage.ru_maxrss / 1024)


def laps(text: str) -> dict[str, float]:
    """The lines `step<TAB>seconds` of a script."""
    pairs = (line.split("\t") for line in text.splitlines() if line.count("\t") == 1)
    return {step: float(seconds) for step, seconds in pairs}


def script(images: Path, augmented: bool) -> dict[str, float]:
    """One run of the script without pleura."""
    name = str(ROOT / "benchmarks/straight_line.py")
    run = timed([sys.executable, name, str(images), *["augment"] * augmented], ROOT)
    found, whole = laps(run.text), run.seconds
    epoch = found.pop("epoch")
    steps = {f"script: {step}": seconds for step, seconds in found.items()}
    return steps | {
        "script: imports": whole - sum(found.values()),
        "script": whole,
        "script: epoch": epoch,
        "script, MB": run.peak,
    }


def overlay(images: Path, augmented: bool) -> dict:
    """The config of the lesson's path."""
    return {
        "dataset": "bench",
        "datasets": {"bench": {"source": "folder", "path": str(images)}},
        "run": ["lesson"],
        "main": "lesson",
        "saliency": {"methods": ["gradcam_plus_plus", "scorecam"], "images": 10},
        "experiments": {"lesson": {"augment": AUGMENT if augmented else {}}},
    }


def pleura(project: Path, images: Path, augmented: bool) -> dict[str, float]:
    """One run of pleura from nothing, one with nothing to do, one after a figure was restyled."""
    config = project / "bench.yaml"
    config.write_text(yaml.safe_dump(overlay(images, augmented)), encoding="utf-8")
    shutil.rmtree(project / "results/bench", ignore_errors=True)
    shutil.rmtree(project / ".snakemake", ignore_errors=True)
    command = ["snakemake", "--cores", "2", "--configfile", config.name, "--", "saliency"]
    first = timed(command, project)
    found = {"pleura": first.seconds, "pleura, MB": first.peak}
    found["pleura, again"] = timed(command, project).seconds
    with (project / FIGURE).open("a", encoding="utf-8") as source:
        source.write("# restyled\n")
    found["pleura, figure"] = timed(command, project).seconds
    for path in sorted((project / "results/bench/benchmarks").rglob("*.tsv")):
        found[f"pleura: {path.stem}"] = pd.read_csv(path, sep="\t")["s"].sum()
    history = pd.read_csv(project / RUN / "history.csv")
    return found | {"pleura: epoch": history["seconds"][1:].median()}


def torch(project: Path) -> dict[str, float]:
    """One epoch of PyTorch in its faster layout; nothing where it is not installed."""
    if find_spec("torch") is None:
        return {}
    name, images = ROOT / "benchmarks/torch_epoch.py", project / "results/bench/images.npy"
    return {"torch: epoch": min(laps(timed([sys.executable, name, images], ROOT).text).values())}


def measure(project: Path, images: Path, repeats: int) -> pd.DataFrame:
    """All runs, in turns."""
    rows = []
    for repeat in range(repeats):
        for augmented in (False, True):
            found = script(images, augmented) | pleura(project, images, augmented)
            found |= {} if augmented else torch(project)
            rows += [(what, augmented, repeat, seconds) for what, seconds in found.items()]
            print(f"{repeat} {augmented}: {found['script']:.1f} s, {found['pleura']:.1f} s")
    return pd.DataFrame(rows, columns=["what", "augmented", "repeat", "seconds"])


def tell(medians: pd.Series) -> str:
    """The table of ratios, from medians by what and augmented."""
    pairs = {
        "the lesson, from files to maps": ("pleura", "script"),
        "the same again, nothing to do": ("pleura, again", "script"),
        "the same after an edit of its last figure": ("pleura, figure", "script"),
        "an epoch of training": ("pleura: epoch", "script: epoch"),
        "an epoch of PyTorch": ("pleura: epoch", "torch: epoch"),
    }
    lines = ["| | augmented | pleura, s | without, s | ratio |", "| --- | --- | --- | --- | --- |"]
    for name, (ours, theirs) in pairs.items():
        for augmented in (False, True):
            if (theirs, augmented) in medians:
                one, two = medians[ours, augmented], medians[theirs, augmented]
                told = f"{one:.2f} | {two:.2f} | {one / two:.2f}"
                lines.append(f"| {name} | {'yes' if augmented else 'no'} | {told} |")
    return "\n".join(lines)


def draw(medians: pd.Series, path: Path) -> None:
    """Seconds of each part, the script's above pleura's."""
    figure, axes = plt.subplots(2, 1, figsize=(9, 4), sharex=True, layout="constrained")
    for axis, augmented in zip(axes, (False, True), strict=True):
        steps = medians.xs(augmented, level="augmented")
        for row, who in enumerate(("pleura", "script")):
            left = 0.0
            for (part, names), colour in zip(PARTS.items(), SERIES, strict=False):
                seconds = sum(steps.get(f"{who}: {name}", 0.0) for name in names)
                axis.barh(row, seconds, left=left, color=colour, edgecolor="white", label=part)
                left += seconds
            axis.barh(row, max(0, steps[who] - left), left=left, color="0.8", label=REST)
            axis.text(steps[who] + 0.2, row, f"{steps[who]:.1f} s", va="center", fontsize=9)
        axis.set_yticks([0, 1], ["pleura", "script"])
        axis.set_title("with augmentation" if augmented else "without augmentation", loc="left")
        axis.grid(visible=False)
        axis.set_xlim(0, medians[["script", "pleura"]].max() * 1.08)
    axes[-1].set_xlabel("seconds")
    handles, labels = axes[0].get_legend_handles_labels()
    count = len(PARTS) + 1
    figure.legend(handles[:count], labels[:count], loc="outside lower center", ncols=4, fontsize=9)
    figure.savefig(path, dpi=110)


def main(folder: Path, images: Path | None, repeats: int) -> None:
    """Measure, and write what was found."""
    folder.mkdir(parents=True)
    project = copy_project(folder / "pleura")
    table = measure(project, (images or drawn(project)).resolve(), repeats)
    table.to_csv(folder / "lesson_speed.csv", index=False)
    medians = table.groupby(["what", "augmented"])["seconds"].median()
    peaks = [f"{who} {medians[f'{who}, MB'].max():.0f} MB" for who in ("pleura", "script")]
    told = f"{tell(medians)}\n\nMedians of {repeats}. Largest process: {', '.join(peaks)}.\n"
    (folder / "lesson_speed.md").write_text(told, encoding="utf-8")
    draw(medians, folder / "lesson_speed.png")
    print(told)


if __name__ == "__main__":
    place, *rest = sys.argv[1:]
    given = [Path(part) for part in rest if not part.isdigit()]
    counts = [int(part) for part in rest if part.isdigit()]
    main(Path(place), given[0] if given else None, counts[0] if counts else 5)
