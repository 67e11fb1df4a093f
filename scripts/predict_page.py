"""Write the page that judges X-rays in the browser, by the main experiment's first network.

Reads model.keras, reference.json and metrics.json of that network, checks.csv of its audit, and the
page's parts in pages/. Writes predict.html. Promises that it holds all that it needs and asks for
nothing, and that it computes what `predict` computes.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from cxr import familiarity, warnings
from cxr.files import megabytes
from cxr.heatmaps import veil
from cxr.log import job_log, say
from cxr.model_file import read_facts, read_threshold
from cxr.page import render
from cxr.summaries import SUBSETS
from cxr.tables import read_table
from cxr.verdicts import trusted
from cxr.weights import Network, read_network

TITLE = "Ask the network:"
LIMITS = {  # see pages/warnings.js
    "colour": {"step": warnings.COLOUR_STEP, "share": warnings.COLOUR_SHARE},
    "thumbnail": familiarity.THUMBNAIL,
    "sides": familiarity.SIDES,
    "percentages": familiarity.PERCENTILES,
    "unlike": familiarity.UNLIKE,
    "better": familiarity.BETTER,
}


def packed(network: Network) -> dict[str, Any]:
    """A network as pages/network.js unpacks it: the arrays float32, little-endian, in base64."""

    def layer(given: Any) -> dict[str, Any]:
        arrays = {"kernel": _text(given.kernel), "bias": _text(given.bias)}
        return given._asdict() | arrays

    return {
        "side": network.side,
        "convolutions": [
            layer(each) | {"size": each.kernel.shape[0]} for each in network.convolutions
        ],
        "head": network.head,
        "dense": [layer(each) for each in network.dense],
    }


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


def performance(scores: dict[str, Any]) -> dict[str, Any]:
    """How the network did on its held-out images, for a sentence; scores: metrics.json."""
    held = "test" if "test" in scores else "oof"
    return {
        "n": scores[held]["n"],
        "kind": SUBSETS[held],
        **{name: _percent(scores[held][name]) for name in ("sensitivity", "specificity")},
    }


def _percent(metric: dict[str, Any]) -> str:
    """A share in words, with its interval where it has one."""
    if metric["value"] is None:
        return "an unknown share"
    value = f"{100 * metric['value']:.0f} %"
    low, high = metric.get("ci95") or (None, None)
    return value if low is None else f"{value} ({100 * low:.0f} to {100 * high:.0f} %)"


def predict_page(
    model: Path,
    reference: Path,
    scores: Path,
    checks: Path,
    template: Path,
    styles: list[Path],
    scripts: list[Path],
    worker: list[Path],
    output: Path,
) -> None:
    """Write predict.html.

    Args:
        model: model.keras.
        reference: reference.json.
        scores: metrics.json.
        checks: checks.csv of the smaller audit.
        template: pages/predict.html.
        styles: Of CSS, in the order in which they count.
        scripts: Of JavaScript, in the order in which they run.
        worker: The same, of what runs beside the page.
        output: predict.html to write.
    """
    facts = read_facts(model)
    audit = read_table(checks, "checks")
    verdicts = trusted({"gradcam"} & {*audit["method"]}, audit)
    data = {
        "dataset": facts["dataset"],
        "phantom": facts["source"] == "phantom",
        "experiment": facts["experiment"],
        "network": packed(read_network(model)),
        "facts": facts,
        "threshold": read_threshold(scores, facts["fold"]),
        "test": performance(json.loads(Path(scores).read_text())),
        "trust": " ".join(each["verdict"] for each in verdicts),
        "reference": familiarity.read_reference(reference, model),
        "words": warnings.WORDS,
        "limits": LIMITS,
        "veil": base64.b64encode((veil()(np.arange(256)) * 255).round().astype("u1")).decode(),
    }
    title = f"{TITLE} {facts['experiment']}, {facts['dataset']}"
    text = render(template, styles, scripts, title, data, worker=worker)
    Path(output).write_text(text, encoding="utf-8")
    say(f"{output}: {megabytes(len(text))}; open it in a browser")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        predict_page(
            model=snakemake.input.model,
            reference=snakemake.input.reference,
            scores=snakemake.input.scores,
            checks=snakemake.input.checks,
            template=snakemake.input.template,
            styles=snakemake.input.styles,
            scripts=snakemake.input.scripts,
            worker=snakemake.input.worker,
            output=snakemake.output[0],
        )
