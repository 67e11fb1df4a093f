"""A page of predictions of new X-rays, made by the script itself, without training."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr import pictures
from cxr.model_file import write_facts
from cxr.network import build_network
from cxr.tables import write_table
from predict_overview import predict_overview
from train import stored_facts
from workspace import ROOT
from xrays import draw

PAGES = ROOT / "pages"
HOSTILE = "<img src=x onerror='hacked=1'>{{ 7*7 }}<!--</script><script>hacked=1</script>.png"


def write_predictions(folder: Path, number: int = 4) -> Path:
    """predictions.csv, pictures and a model; i0 is hostile, i1 without a map, i2 not readable."""
    random = np.random.default_rng(0)
    for name in ("xrays", "overlays"):
        (folder / name).mkdir(parents=True)
    for row in {*range(number)} - {2}:
        picture = draw(bool(row % 2), 96, random)[:, :80]
        cv2.imwrite(str(folder / f"xrays/i{row}.png"), picture)
        if row != 1:
            mapped = pictures.overlay(picture, np.eye(8, dtype=np.float32))
            cv2.imwrite(str(folder / f"overlays/i{row}.png"), mapped[..., ::-1])
    table = pd.DataFrame({"id": [f"i{row}" for row in range(number)]})
    table = table.assign(image=table["id"] + ".png", probability=0.25, prediction="normal")
    table = table.assign(warning="", distance=0.9)
    table.loc[0, ["image", "prediction", "probability"]] = [HOSTILE, "effusion", 0.875]
    table.loc[1, "warning"] = "first of two; second of two"
    table.loc[2, ["probability", "distance"]] = np.nan
    table.loc[2, ["prediction", "warning"]] = ["", "cannot be read: empty file"]
    write_table(table, folder / "predictions.csv", "predicted")
    build_network(16, [2], [3]).save(folder / "model.keras")
    given = {"dataset": "drawn", "source": "phantom", "experiment": "small", "seed": 3}
    image = {"size": 16, "resize": "area"}
    facts = stored_facts(given | {"fold": None, "image": image}, {"test_flip": 0, "threads": 1}, 16)
    write_facts(folder / "model.keras", facts)
    (folder / "metrics.json").write_text(json.dumps({"threshold": 0.375}))
    return folder


def write_overview(folder: Path, beside: bool = True) -> Path:
    """predictions.html of `write_predictions`; `beside` the model lie metrics and a reference."""
    page = folder / "predictions.html"
    predict_overview(
        name="new",
        table=folder / "predictions.csv",
        xrays=folder / "xrays",
        overlays=folder / "overlays",
        model=folder / "model.keras",
        metrics=folder / "metrics.json" if beside else None,
        reference=folder / "reference.json" if beside else None,
        target="effusion",
        template=PAGES / "predictions.html",
        styles=[PAGES / "page.css", PAGES / "predictions.css"],
        output=page,
    )
    return page
