"""Draw the pairs of X-rays that are copies or look like one person's, the most alike first.

Reads leakage.csv, pairs.csv, manifest.csv, split.csv and images.npy. Writes leakage.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots, tables
from cxr.arrays import open_array
from cxr.folds import parts_by_id
from cxr.log import job_log
from cxr.together import straddling
from cxr.words import count
from cxr.xrays import show_xray

ROWS, COLUMNS = 5, 3  # of pairs


def draw_pairs(
    pairs: pd.DataFrame, facts: pd.DataFrame, images: np.ndarray, words: str
) -> plt.Figure:
    """Pairs of X-rays side by side; those that stand in two parts of the split are framed.

    Args:
        pairs: pairs.csv with the column across; at most `ROWS` x `COLUMNS` of them are drawn.
        facts: Columns row, in `images`, class and part, by id.
        images: Memory-mapped float32 (N, side, side).
        words: Above the figure.
    """
    rows = max(1, min(ROWS, -(-len(pairs) // COLUMNS)))
    figure = plt.figure(figsize=(10.5, 0.8 + 2.3 * rows), layout="constrained")
    plots.headline(figure, words)
    places = figure.subfigures(rows, COLUMNS, squeeze=False, wspace=0.04)
    if pairs.empty:
        places[0, 0].text(0.05, 0.5, "no pair was found")
    for place, pair in zip(places.flat, pairs.itertuples(), strict=False):
        mirrored = ", mirrored" if pair.mirrored else ""
        place.suptitle(
            f"{pair.kind}{mirrored}, likeness {pair.likeness:.2f}",
            fontsize=9,
            color=plots.ORANGE if pair.across else plots.BLACK,
            fontweight="bold" if pair.across else "normal",
        )
        for axis, name in zip(place.subplots(1, 2), (pair.first, pair.second), strict=True):
            show_xray(axis, images[facts.at[name, "row"]])
            described = f"{facts.at[name, 'class']}, {facts.at[name, 'part']}"
            plots.caption(axis, f"{plots.short_name(name, 20)}\n{described}", 7.5)
    return figure


def headline(checks: pd.DataFrame, shown: int, title: str) -> str:
    """What the sheet shows, and which checks fail or cannot tell."""
    pairs = checks[checks["check"] != "patients"]
    strong = pairs[pairs["check"] != "resembling"]
    number = count(int(strong["found"].sum()), "pair")
    text = f"{title}: {number} of copies or suspected same persons"
    across = int(strong["across"].sum())
    text += f", {shown} shown; {across} across parts of the split" + " (orange)" * (across > 0)
    for verdict in ("fail", "cannot tell"):
        named = checks.loc[checks["verdict"] == verdict, "check"]
        text += f"\n{verdict.capitalize()}: {', '.join(named)}" if len(named) else ""
    return text


def leakage_figure(
    checks: Path,
    pairs: Path,
    manifest: Path,
    split: Path,
    images: Path,
    output: Path,
    title: str,
) -> None:
    """Write leakage.png.

    Args:
        checks: leakage.csv.
        pairs: pairs.csv.
        manifest: manifest.csv.
        split: split.csv.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        output: leakage.png to write.
        title: Data set.
    """
    part = parts_by_id(tables.read_csv(split))
    known = tables.read_csv(manifest, columns=["id", "class"])
    facts = known.reset_index(names="row").set_index("id")
    found = tables.read_table(pairs, "pairs")
    found = found[(found["kind"] != "resembling") & (found["patients"] != "different")]
    found = found.assign(across=straddling(found, part))
    order = ["across", "likeness"]
    shown = found.sort_values(order, ascending=False, kind="stable").head(ROWS * COLUMNS)
    words = headline(tables.read_table(checks, "leakage"), len(shown), title)
    array = open_array(images)
    figure = draw_pairs(shown, facts.assign(part=part.astype(str)), array, words)
    plots.save(figure, output, dpi=110)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage_figure(
            checks=snakemake.input.checks,
            pairs=snakemake.input.pairs,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            images=snakemake.input.images,
            output=snakemake.output[0],
            title=snakemake.wildcards.dataset,
        )
