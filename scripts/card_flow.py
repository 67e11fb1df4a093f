"""Count and draw the way of the images from found to used.

Reads manifest.csv, rejected.csv, split.csv and pairs.csv. Writes flow.csv, one row per step, and
flow.png. Promises that the images found are those left out and those used, and that these are the
parts of the split together.
"""

from pathlib import Path

from cxr import plots
from cxr.flow import draw_flow, flow
from cxr.folds import parts_by_id
from cxr.log import job_log
from cxr.tables import read_csv, read_table, write_table


def card_flow(
    name: str,
    manifest: Path,
    rejected: Path,
    split: Path,
    pairs: Path,
    table: Path,
    figure: Path,
) -> None:
    """Write flow.csv and flow.png.

    Args:
        name: The data set's name.
        manifest, rejected, split, pairs: The tables of these names.
        table, figure: flow.csv and flow.png to write.
    """
    counted = flow(
        manifest=read_table(manifest, "manifest"),
        rejected=read_table(rejected, "rejected"),
        parts=parts_by_id(read_csv(split)),
        pairs=read_table(pairs, "pairs"),
    )
    write_table(counted, table, "flow")
    plots.save(draw_flow(counted, f"{name}: images from found to used"), figure)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        card_flow(
            name=snakemake.wildcards.dataset,
            manifest=snakemake.input.manifest,
            rejected=snakemake.input.rejected,
            split=snakemake.input.split,
            pairs=snakemake.input.pairs,
            table=snakemake.output.table,
            figure=snakemake.output.figure,
        )
