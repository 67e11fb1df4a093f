"""Whether two runs left the same, to the bit."""

import json
import re
from pathlib import Path
from typing import Any

TIMED = ("logs", "benchmarks", "times.csv", "times.png")  # they hold times


def held(page: str, name: str) -> Any:
    """One of the tables that Snakemake writes into its report for the page's scripts."""
    start = re.search(rf'<script id="[\w-]+">\s*var {name} = ', page)
    return json.JSONDecoder().raw_decode(page, start.end())[0]


def content(path: Path) -> Any:
    """What a result says, without dates, durations and what of the config it was made by."""
    match path.name:
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
