"""Draw a contact sheet of the likeliest label errors.

Reads label_errors.csv, label_errors_summary.csv, images.npy and manifest.csv with the masks of the
X-rays shown. Writes label_errors.png.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from cxr import plots, tables
from cxr.arrays import open_array
from cxr.log import job_log
from cxr.xrays import OUTLINED, read_fluid, show_xray

ROWS, COLUMNS = 4, 5


def draw_errors(
    errors: pd.DataFrame, images: np.ndarray, fluid: dict[str, np.ndarray], words: str
) -> plt.Figure:
    """X-rays whose labels the networks contradict, the likeliest errors first.

    Args:
        errors: Columns rank, id, label, probability and row, an image's row in `images`; at most
            `ROWS` x `COLUMNS` of them are drawn.
        images: Memory-mapped float32 (N, side, side).
        fluid: The true effusions by id where they are known, see `cxr.xrays.read_fluid`.
        words: Above the figure.
    """
    rows = max(1, min(ROWS, -(-len(errors) // COLUMNS)))
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=(9, 0.8 + 2.15 * rows), squeeze=False, layout="constrained"
    )
    plots.headline(figure, words)
    for axis in axes.flat:
        axis.axis("off")
    if errors.empty:
        axes[0, 0].text(0, 0.5, "no label is contradicted", transform=axes[0, 0].transAxes)
    for axis, error in zip(axes.flat, errors.itertuples(), strict=False):
        show_xray(axis, images[error.row], fluid.get(error.id))
        given = plots.CLASSES[error.label].name
        name = plots.short_name(error.id, 20)
        plots.caption(axis, f"{error.rank}: {name}\nlabel {given}, p = {error.probability:.2f}")
    return figure


def headline(errors: int, summary: pd.DataFrame, outlined: bool, title: str) -> str:
    """What the sheet shows, how many X-rays were checked, and whether it can be trusted."""
    fits = min(errors, ROWS * COLUMNS)
    shown = f"{fits} of {errors}" if fits < errors else f"{errors}"
    checked = f"{summary['checked'].sum()} of {summary['images'].sum()} X-rays checked"
    reason = summary["reason"].iloc[0]
    text = f"{title}: likely label errors ({shown}), {checked}" + f"; {OUTLINED}" * outlined
    return text if not reason else f"{text}\nCannot tell: {reason}"


def leakage_labels_figure(
    errors: Path, summary: Path, manifest: Path, images: Path, output: Path, title: str
) -> None:
    """Write label_errors.png.

    Args:
        errors: label_errors.csv.
        summary: label_errors_summary.csv.
        manifest: manifest.csv.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        output: label_errors.png to write.
        title: Data set and experiment.

    Raises:
        UserError: The mask of an X-ray shown cannot be read any more.
    """
    listed = tables.read_table(errors, "label_errors")
    known = tables.read_csv(manifest, columns=["id", "mask"])
    known["row"] = np.arange(len(known))
    shown = listed.head(ROWS * COLUMNS).merge(known, on="id")
    fluid = read_fluid(dict(zip(shown["id"], shown["mask"], strict=True)))
    found = tables.read_table(summary, "label_errors_summary")
    words = headline(len(listed), found, bool(fluid), title)
    array = open_array(images)
    plots.save(draw_errors(shown, array, fluid, words), output, dpi=110)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage_labels_figure(
            errors=snakemake.input.errors,
            summary=snakemake.input.summary,
            manifest=snakemake.input.manifest,
            images=snakemake.input.images,
            output=snakemake.output[0],
            title=f"{snakemake.wildcards.dataset}, {snakemake.params.experiment}",
        )
