"""Put what a network makes of new X-rays on one page.

Reads predictions.csv and the pictures beside it, model.keras and metrics.json for what the network
is, and the page's parts in pages/. Writes predictions.html, which holds all that it shows, runs no
script and asks for nothing: a policy in the page forbids it.
"""

import base64
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from cxr import tables
from cxr.files import megabytes
from cxr.log import job_log, say
from cxr.model_file import read_facts, read_threshold
from cxr.page import records, render
from cxr.warnings import summarise
from cxr.words import count
from cxr.xrays import reduced

SHOWN = 1000  # images on the page
SIDE, QUALITY = 320, 85  # of its pictures, pixels and JPEG's per cent
EVIDENCE = {"predicted": "the class that is called", "effusion": "an effusion", "normal": "normal"}


def picture_address(path: Path) -> str | None:
    """A smaller copy of a picture as an address that holds it; None where there is none."""
    if not path.exists():
        return None
    small = reduced(cv2.imread(str(path)), SIDE)
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return f"data:image/jpeg;base64,{base64.b64encode(coded).decode()}"


def describe_images(table: pd.DataFrame, xrays: Path, overlays: Path) -> list[dict[str, Any]]:
    """Rows of predictions.csv with warnings apart and pictures, None where there is none."""
    return [
        row
        | {
            "warnings": row["warning"].split("; ") if row["warning"] else [],
            "xray": picture_address(xrays / f"{row['id']}.png"),
            "overlay": picture_address(overlays / f"{row['id']}.png"),
        }
        for row in records(table)
    ]


def predict_overview(
    name: str,
    table: Path,
    xrays: Path,
    overlays: Path,
    model: Path,
    metrics: Path | None,
    reference: Path | None,
    target: str,
    template: Path,
    styles: list[Path],
    output: Path,
) -> None:
    """Write predictions.html.

    Args:
        name: What the images are called.
        table: predictions.csv.
        xrays, overlays: Folders of pictures.
        model: model.keras.
        metrics: metrics.json, or None where it does not lie beside the model.
        reference: reference.json, or None where it does not.
        target: Whose evidence the maps show, as in the config.
        template: pages/predictions.html.
        styles: Of CSS, in the order in which they apply.
        output: predictions.html to write.
    """
    facts, found = read_facts(model), tables.read_table(table, "predicted")
    shown = found[:SHOWN]
    data = {
        **{key: facts[key] for key in ("dataset", "experiment", "seed")},
        "phantom": facts["source"] == "phantom",
        "summary": summarise(found),
        "threshold": read_threshold(metrics, facts["fold"]) if metrics else 0.5,
        "scored": bool(metrics),
        "checked": bool(reference),
        "evidence": EVIDENCE[target],
        "left_out": len(found) - len(shown),
        "images": describe_images(shown, Path(xrays), Path(overlays)),
    }
    text = render(template, styles, [], f"Predictions: {name}", data)
    Path(output).write_text(text, encoding="utf-8")
    say(f"{output}: {count(len(shown), 'image')}, {megabytes(len(text))}; open it in a browser")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        predict_overview(
            name=snakemake.wildcards.name,
            table=snakemake.input.table,
            xrays=snakemake.input.xrays,
            overlays=snakemake.input.overlays,
            model=snakemake.input.model,
            metrics=snakemake.input.get("metrics"),
            reference=snakemake.input.get("reference"),
            target=snakemake.params.target,
            template=snakemake.input.template,
            styles=snakemake.input.styles,
            output=snakemake.output[0],
        )
