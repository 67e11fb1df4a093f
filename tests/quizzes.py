"""A quiz about small drawn X-rays, made by the script itself, without a network."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr import tables
from quiz import quiz
from quiz_readers import quiz_readers
from workspace import ROOT
from xrays import draw

PAGES = ROOT / "pages"
METHODS = ("gradcam", "edges")
LABELS = (0, 1, 1, 0, 1, 0, 1, 1, 0, 0)
PROBABILITIES = (0.1, 0.9, 0.35, 0.2, 0.7, 0.6, 0.95, 0.55, 0.05, 0.3)  # 2 and 5 are wrong
HOSTILE = "<img src=x onerror='hacked=1'>{{ 7*7 }}<!--</script><script>hacked=1</script>"
VERDICTS = {"noise": "pass", "shift": "cannot tell", "seeds": "fail"}


def write_files(
    folder: Path,
    labels: tuple[int, ...] = LABELS,
    probabilities: tuple[float, ...] = PROBABILITIES,
    size: tuple[int, int] = (96, 80),
    masks: bool = True,
    place: str = "X-rays",
) -> Path:
    """All that the quiz is made from: images `i0`, `i1`, ... of which each is asked about.

    Args:
        folder: To write to.
        labels, probabilities: Of the images; the threshold is 0.5.
        size: Height and width of the files.
        masks: Whether the true effusions are known.
        place: Folder of the X-rays.
    """
    random = np.random.default_rng(1)
    xrays = folder / place
    xrays.mkdir(parents=True)
    for row, label in enumerate(labels):
        pixels = cv2.resize(draw(bool(label), 96, random), size[::-1])
        _write(xrays / f"i{row}.png", pixels)
        mask = np.zeros(size, np.uint8)
        mask[60:80, 10:40] = 255 * label
        _write(xrays / f"mask{row}.png", mask)
    ids = [f"i{row}" for row in range(len(labels))]
    manifest = pd.DataFrame({"id": ids, "label": labels, "patient": ""})
    manifest["path"] = [str(xrays / f"{name}.png") for name in ids]
    manifest["mask"] = [str(xrays / f"mask{row}.png") * masks for row in range(len(ids))]
    manifest["class"] = np.where(manifest["label"] == 1, "effusion", "normal")
    manifest = manifest.assign(age="", sex="", view="", width=size[1], height=size[0])
    manifest = manifest.assign(bit_depth=8, sha256="0" * 64)
    tables.write_table(manifest, folder / "manifest.csv", "manifest")
    table = manifest.assign(subset="test", probability=probabilities, image_row=range(len(ids)))
    tables.write_table(table, folder / "predictions.csv", "predictions")
    tables.write_table(table, folder / "quiz.csv", "saliency")
    (folder / "metrics.json").write_text(json.dumps({"threshold": 0.5}))
    _write_maps(folder, table)
    rows = [
        {"method": method, "check": check, "verdict": verdict}
        for method in METHODS
        for check, verdict in VERDICTS.items()
    ]
    checks = pd.DataFrame(rows).assign(statistic="spearman_beyond_level", n=8, learned="")
    checks = checks.assign(value=0.5, low=0.4, high=0.6)
    tables.write_table(checks, folder / "checks.csv", "checks")
    return folder


def _write(path: Path, pixels: np.ndarray) -> None:
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())  # whatever the path


def _write_maps(folder: Path, table: pd.DataFrame) -> None:
    """Maps that are bright at the bottom; the first of each method is empty."""
    maps = np.tile(np.linspace(0, 1, 32, dtype=np.float32)[:, None], (len(table), 1, 32))
    maps[0] = 0
    rows = []
    for method in METHODS:
        np.save(folder / f"{method}.npy", maps)
        facts = {"method": method, "target": "effusion", "layer": "last", "peak": 1.0}
        rows.append(
            table.assign(row=range(len(table)), empty=[1] + [0] * (len(table) - 1), **facts)
        )
    tables.write_table(pd.concat(rows), folder / "maps.csv", "maps")


def set_beside(folder: Path) -> None:
    """Write readers.csv and readers_agreement.csv for the answers in the folder `readers`."""
    quiz_readers(
        folder=folder / "readers",
        dataset="mine",
        predictions=folder / "predictions.csv",
        scores=folder / "metrics.json",
        manifest=folder / "manifest.csv",
        readers=folder / "readers.csv",
        pairs=folder / "readers_agreement.csv",
    )


def write_quiz(folder: Path, source: str = "folder", size: int = 512) -> Path:
    """The page for what `write_files` wrote, and for the readers in the folder `readers`."""
    set_beside(folder)
    quiz(
        dataset="mine",
        source=source,
        experiment="pleura",
        size=size,
        chosen=folder / "quiz.csv",
        predictions=folder / "predictions.csv",
        scores=folder / "metrics.json",
        manifest=folder / "manifest.csv",
        maps={method: folder / f"{method}.npy" for method in METHODS},
        table=folder / "maps.csv",
        checks=folder / "checks.csv",
        readers=folder / "readers.csv",
        agreement=folder / "readers_agreement.csv",
        template=PAGES / "quiz.html",
        styles=[PAGES / f"{part}.css" for part in ("page", "quiz")],
        scripts=[PAGES / f"{part}.js" for part in ("page", "statistics", "viewer", "quiz")],
        output=folder / "quiz.html",
    )
    return folder / "quiz.html"


def write_reader(folder: Path, name: str, ratings: dict[str, int], dataset: str = "mine") -> Path:
    """A reader's file in the folder `readers`."""
    path = folder / "readers" / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    rows = [f"{dataset},{image},{rating}" for image, rating in ratings.items()]
    path.write_text("\n".join(["dataset,id,rating", *rows]) + "\n")
    return path
