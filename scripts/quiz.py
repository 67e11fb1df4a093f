"""Write the quiz: a page that asks a person about X-rays and sets the network beside.

Reads quiz.csv and the X-rays that it names, predictions.csv and metrics.json of the main
experiment, the quiz's maps and maps.csv, checks.csv, readers.csv, readers_agreement.csv, and the
page's parts in pages/. Writes quiz.html. Promises that it holds all that it shows, runs no script
but ours and asks for nothing: a policy in the page forbids it.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment
from scipy import stats
from sklearn.metrics import roc_curve

from cxr import pictures
from cxr.arrays import open_array
from cxr.comparison import read_run
from cxr.files import megabytes
from cxr.images import read_listed
from cxr.log import job_log, say
from cxr.methods import method_name
from cxr.readers import CALLED, RATINGS
from cxr.summaries import SUBSETS
from cxr.tables import read_table
from cxr.verdicts import in_words, standing

TITLE = "Effusion or not?"


def questions(
    chosen: pd.DataFrame,
    judged: pd.DataFrame,
    manifest: pd.DataFrame,
    maps: dict[str, np.ndarray],
    table: pd.DataFrame,
    size: int,
) -> list[dict[str, Any]]:
    """What the page knows of each X-ray: the picture, the truth, the network's answer and maps.

    Args:
        chosen: quiz.csv.
        judged: The held-out images: id, label, probability, threshold.
        manifest: manifest.csv.
        maps: Each method's maps, float32 (n, side, side), whose row i is of row i of `chosen`.
        table: maps.csv.
        size: Longest side of the X-rays, pixels.

    Raises:
        UserError: An image or a mask has gone or changed since the manifest was written.
    """
    judged, manifest = judged.set_index("id"), manifest.set_index("id")
    facts = table.set_index(["method", "row"])
    asked = []
    for row, name in enumerate(chosen["id"]):
        path, mask = manifest.loc[name, ["path", "mask"]]
        picture = pictures.xray(read_listed(path), size)
        judgement = judged.loc[name]
        asked.append(
            {
                "id": name,
                "path": path,
                "label": int(judgement["label"]),
                "probability": float(judgement["probability"]),
                "called": bool(judgement["probability"] >= judgement["threshold"]),
                "picture": pictures.xray_address(picture),
                "height": picture.shape[0],
                "width": picture.shape[1],
                "outline": (
                    pictures.outline_address(read_listed(mask), picture.shape) if mask else None
                ),
                "maps": {
                    method: {
                        "target": facts.at[(method, row), "target"],
                        "picture": (
                            None
                            if facts.at[(method, row), "empty"]
                            else pictures.map_address(array[row])
                        ),
                    }
                    for method, array in maps.items()
                },
            }
        )
    return asked


def methods(maps: dict[str, np.ndarray], checks: pd.DataFrame) -> list[dict[str, str]]:
    """The methods that the page can show, with what the audit makes of each.

    Args:
        maps: By method.
        checks: checks.csv.
    """
    rows = standing(checks)
    return [
        {"method": method, "name": method_name(method), "verdict": in_words(rows, method)}
        for method in maps
    ]


def curve(judged: pd.DataFrame) -> list[list[float]]:
    """The network's ROC on all held-out images: points [1 - specificity, sensitivity].

    Without points where all images are of one class.
    """
    if judged["label"].nunique() < 2:
        return []
    false_rate, true_rate, _ = roc_curve(judged["label"], judged["probability"])
    return np.column_stack([false_rate, true_rate]).round(4).tolist()


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for a page: None where there is no value."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def page(template: str, style: str, scripts: list[str], title: str, data: dict[str, Any]) -> str:
    """The page of HTML, with every text of `data` as text.

    Args:
        template: For Jinja, which escapes what is not ours.
        style: Of CSS.
        scripts: Of JavaScript, in the order in which they run.
        title: Of the page.
        data: What the scripts read, JSON.
    """
    program = "\n".join(['"use strict";', *scripts])
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src '{_digest(program)}'; style-src '{_digest(style)}'"
    )
    embedded = json.dumps(data, allow_nan=False).replace("<", "\\u003c")  # no tag ends it
    ours = {"policy": policy, "style": style, "program": program, "embedded": embedded}
    jinja = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return jinja.from_string(template).render(title=title, **ours, **data) + "\n"


def _digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def quiz(
    dataset: str,
    source: str,
    experiment: str,
    size: int,
    chosen: Path,
    predictions: Path,
    scores: Path,
    manifest: Path,
    maps: dict[str, Path],
    table: Path,
    checks: Path,
    readers: Path,
    agreement: Path,
    template: Path,
    style: Path,
    scripts: list[Path],
    output: Path,
) -> None:
    """Write quiz.html.

    Args:
        dataset: Its name.
        source: Of the data set, as in the config.
        experiment: The network's name.
        size: Longest side of the X-rays on the page, pixels.
        chosen: quiz.csv.
        predictions: predictions.csv.
        scores: metrics.json.
        manifest: manifest.csv.
        maps: <method>.npy by method.
        table: maps.csv.
        checks: checks.csv of the smaller audit.
        readers: readers.csv.
        agreement: readers_agreement.csv.
        template: pages/quiz.html.
        style: pages/quiz.css.
        scripts: Of JavaScript, in the order in which they run.
        output: quiz.html to write.
    """
    judged = read_run(predictions, scores, manifest)
    asked = read_table(chosen, "saliency")
    arrays = {method: open_array(path) for method, path in maps.items()}
    data = {
        "dataset": dataset,
        "phantom": source == "phantom",
        "experiment": experiment,
        "ratings": RATINGS,
        "called": CALLED,
        "quantiles": stats.t.ppf(0.975, np.arange(1, max(len(asked), 2))).tolist(),
        "held": {
            "kind": SUBSETS[judged["subset"].iloc[0]],
            "n": len(judged),
            "effusions": int(judged["label"].sum()),
            "curve": curve(judged),
        },
        "methods": methods(arrays, read_table(checks, "checks")),
        "readers": records(read_table(readers, "readers")),
        "agreement": records(read_table(agreement, "readers_agreement")),
        "questions": questions(
            asked,
            judged,
            read_table(manifest, "manifest"),
            arrays,
            read_table(table, "maps"),
            size,
        ),
    }
    parts = [Path(path).read_text(encoding="utf-8") for path in (template, style, *scripts)]
    title = f"{TITLE} {dataset}"
    text = page(parts[0], parts[1], parts[2:], title, data)
    Path(output).write_text(text, encoding="utf-8")
    say(f"{output}: {len(asked)} X-rays, {megabytes(len(text))}; open it in a browser")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        quiz(
            dataset=snakemake.wildcards.dataset,
            source=snakemake.params.source,
            experiment=snakemake.params.experiment,
            size=snakemake.params.size,
            chosen=snakemake.input.chosen,
            predictions=snakemake.input.predictions,
            scores=snakemake.input.scores,
            manifest=snakemake.input.manifest,
            maps=dict(zip(snakemake.params.methods, snakemake.input.maps, strict=True)),
            table=snakemake.input.table,
            checks=snakemake.input.checks,
            readers=snakemake.input.readers,
            agreement=snakemake.input.agreement,
            template=snakemake.input.template,
            style=snakemake.input.style,
            scripts=snakemake.input.scripts,
            output=snakemake.output[0],
        )
