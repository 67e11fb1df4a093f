"""Measure how far the methods agree.

Reads each <method>.npy and maps.csv of a network. Writes agreement.csv (each image and pair of
methods) and agreement_summary.csv (each pair of methods).
"""

from pathlib import Path

from cxr import tables
from cxr.agreement import agreement, summarise
from cxr.arrays import open_array
from cxr.log import job_log, say
from cxr.words import run_name


def saliency_agreement(
    methods: list[str],
    maps: list[Path],
    table: Path,
    pairs: Path,
    summary: Path,
    name: str,
) -> None:
    """Write agreement.csv and agreement_summary.csv.

    Args:
        methods: Names of the methods.
        maps: <method>.npy of each, float32 (n, side, side).
        table: maps.csv.
        pairs: agreement.csv to write.
        summary: agreement_summary.csv to write.
        name: Experiment and seed, for the progress lines.
    """
    arrays = {method: open_array(path) for method, path in zip(methods, maps, strict=True)}
    found = agreement(arrays, tables.read_table(table, "maps"))
    means = summarise(found)
    tables.write_table(found, pairs, "agreement")
    tables.write_table(means, summary, "agreement_summary")
    for row in means.itertuples():
        if not row.n:
            say(f"{name}  {row.first} and {row.second}: no image has two maps to compare")
            continue
        say(
            f"{name}  {row.first} and {row.second} agree by {row.spearman:.2f} "
            f"({row.low:.2f} to {row.high:.2f}), between different images {row.others:.2f}, "
            f"n = {row.n}"
        )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        saliency_agreement(
            methods=snakemake.params.methods,
            maps=snakemake.input.maps,
            table=snakemake.input.table,
            pairs=snakemake.output.pairs,
            summary=snakemake.output.summary,
            name=f"{snakemake.wildcards.experiment} {run_name(snakemake.wildcards.run)}",
        )
