"""Write the quiz: a page that asks a person about X-rays and sets the network beside.

Reads quiz.csv and the X-rays that it names, predictions.csv and metrics.json of the main
experiment, the quiz's maps and maps.csv, checks.csv, readers.csv, readers_agreement.csv, and the
page's parts in pages/. Writes quiz.html. Promises that it holds all that it shows, runs no script
but ours and asks for nothing: a policy in the page forbids it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_curve

from cxr import pictures
from cxr.arrays import open_array
from cxr.comparison import read_run
from cxr.files import megabytes
from cxr.images import read_listed
from cxr.log import job_log, say
from cxr.page import records, render
from cxr.readers import CALLED, RATINGS
from cxr.summaries import SUBSETS
from cxr.tables import read_table
from cxr.verdicts import trusted

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


def curve(judged: pd.DataFrame) -> list[list[float]]:
    """The network's ROC on all held-out images: points [1 - specificity, sensitivity].

    Without points where all images are of one class.
    """
    if judged["label"].nunique() < 2:
        return []
    false_rate, true_rate, _ = roc_curve(judged["label"], judged["probability"])
    return np.column_stack([false_rate, true_rate]).round(4).tolist()


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
    styles: list[Path],
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
        styles: Of CSS, in the order in which they apply.
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
        "methods": trusted(arrays, read_table(checks, "checks")),
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
    text = render(template, styles, scripts, f"{TITLE} {dataset}", data)
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
            styles=snakemake.input.styles,
            scripts=snakemake.input.scripts,
            output=snakemake.output[0],
        )
