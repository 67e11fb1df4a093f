"""Whether two runs left the same, to the bit."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

TIMED = ("logs", "benchmarks", "times.csv", "times.png")  # they hold times


def held(page: str, name: str) -> Any:
    """One of the tables that Snakemake writes into its report for the page's scripts."""
    start = re.search(rf'<script id="[\w-]+">\s*var {name} = ', page)
    return json.JSONDecoder().raw_decode(page, start.end())[0]


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


def content(path: Path) -> Any:
    """What a result says, without dates, durations and what of the config it was made by."""
    match path.name:
        case "model.keras":
            return {name: array.tobytes() for name, array in weights(path).items()}
        case "history.csv":
            return [line.rpartition(",")[0] for line in path.read_text().splitlines()]
        case "run.json":
            record = json.loads(path.read_text())
            return {key: record[key] for key in ("inputs", "metrics_sha256", "versions")}
        case "report.html":
            results = held(path.read_text(), "results")
            for result in results.values():
                del result["job_properties"]  # parameters
            return {
                path: result for path, result in results.items() if Path(path).name not in TIMED
            }
        case "report.rst":
            return [line for line in path.read_text().splitlines() if "was written on" not in line]
        case _:
            return path.read_bytes()


def assert_same_results(one: Path, other: Path) -> None:
    """Every file under two folders of results is there in both and says the same, bit by bit."""
    names = {
        path.relative_to(folder)
        for folder in (one, other)
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in TIMED
    }
    assert {name.name for name in names} >= {
        *("images.npy", "predictions.csv", "metrics.json", "gradcam.npy", "maps.png"),
        *("comparison.png", "augmentation.png", "model.keras", "report.html", "datasheet.md"),
        *("flow.png", "model_card.json", "checklists.md", "explore.html"),
    }
    for name in sorted(names):
        assert content(one / name) == content(other / name), name
