"""An explorer of small drawn X-rays, made by the scripts themselves, without a network."""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from explore import explore
from explore_maps import explore_maps
from explore_xrays import explore_xrays
from quizzes import METHODS, write_files
from workspace import ROOT

PAGES = ROOT / "pages"
COUNT = 48
LABELS = tuple(row % 2 for row in range(COUNT))
SUBSETS = ("train", "train", "validation", "test", "test", "train")  # again and again
CHANCE = np.random.default_rng(7)
PROBABILITIES = tuple(
    round(float(np.clip(0.25 + 0.5 * label + CHANCE.normal(0, 0.25), 0, 1)), 3) for label in LABELS
)
FEATURES = np.random.default_rng(3).normal(size=(COUNT, 5)).astype(np.float32)
PAIRS = [  # first, second, kind, patients
    ("i3", "i5", "near-duplicate", "unknown"),
    ("i6", "i7", "same-person", "unknown"),
    ("i8", "i9", "same-person", "same"),
    ("i10", "i11", "resembling", "unknown"),
    ("i12", "i15", "same-person", "different"),
]
DOUBTED = ("i4", "i9")


def write_explorer_files(folder: Path, place: str = "X-rays", patient: str = "p{}") -> Path:
    """All that the page is made from, but for the pictures: images `i0`, `i1`, ...

    Args:
        folder: To write to.
        place: Folder of the X-rays.
        patient: What patients are called; each has two images, the last four have none.
    """
    write_files(folder, LABELS, PROBABILITIES, (96, 80), place=place)
    manifest = tables.read_table(folder / "manifest.csv", "manifest")
    rows = np.arange(COUNT)
    manifest["patient"] = [patient.format(row // 2) if row < COUNT - 4 else "" for row in rows]
    manifest["age"] = [None if row % 7 == 3 else 20.0 + row for row in rows]
    manifest["sex"] = np.where(rows % 3 == 0, "F", "M")
    manifest["view"] = np.where(rows % 5 == 0, "AP", "PA")
    manifest["subset"] = ""
    manifest["flags"] = ["burned_in lateral" if row == 12 else "" for row in rows]
    tables.write_table(manifest, folder / "manifest.csv", "manifest")
    subsets = np.resize(SUBSETS, COUNT)
    asked = manifest.assign(subset=subsets, probability=PROBABILITIES)
    tables.write_table(asked, folder / "predictions.csv", "predictions")
    np.save(folder / "features.npy", FEATURES)
    table = tables.read_table(folder / "maps.csv", "maps")
    tested = set(asked.loc[asked["subset"] == "test", "id"])
    table = table[table["id"].isin(tested)].assign(subset="test")
    table["empty"] = (table["id"] == "i3").astype(int)
    tables.write_table(table, folder / "maps.csv", "maps")
    pairs = pd.DataFrame(PAIRS, columns=["first", "second", "kind", "patients"])
    pairs = pairs.assign(likeness=0.9, correlation=0.9, mirrored=0)
    tables.write_table(pairs, folder / "pairs.csv", "pairs")
    errors = manifest[manifest["id"].isin(DOUBTED)].assign(rank=[1, 2], margin=-0.5)
    errors = errors.assign(suggested=0, probability=0.5, verdict="worth a look")
    tables.write_table(errors, folder / "label_errors.csv", "label_errors")
    return folder


def draw_explorer(folder: Path, size: int = 64) -> None:
    """The pictures beside the page."""
    kinds = ("xrays", "thumbnails", "outlines")
    explore_xrays(folder / "manifest.csv", size, 1, *(folder / "explore" / each for each in kinds))
    maps = {method: folder / f"{method}.npy" for method in METHODS}
    explore_maps(folder / "maps.csv", maps, folder / "explore" / "maps")


def write_explorer(folder: Path, source: str = "folder") -> Path:
    """The page of what `write_explorer_files` wrote."""
    explore(
        dataset="mine",
        source=source,
        experiment="pleura",
        run="seed-42",
        fold=None,
        methods=list(METHODS),
        manifest=folder / "manifest.csv",
        asked=folder / "predictions.csv",
        scores=folder / "metrics.json",
        features=folder / "features.npy",
        maps=folder / "maps.csv",
        outlines=folder / "explore" / "outlines",
        pairs=folder / "pairs.csv",
        errors=folder / "label_errors.csv",
        checks=folder / "checks.csv",
        template=PAGES / "explore.html",
        styles=[PAGES / f"{part}.css" for part in ("page", "explore")],
        scripts=[PAGES / f"{part}.js" for part in ("page", "viewer", "explore")],
        output=folder / "explore.html",
    )
    return folder / "explore.html"
