"""Score a network by age, sex and view.

Reads predictions.csv and metrics.json (for the threshold) of one seed, and manifest.csv. Writes
subgroups.csv: metrics of the held-out images with 95 % intervals, and each subgroup's difference to
the rest. Subgroups that are too small to judge are named and not scored.
"""

from pathlib import Path

from cxr import tables
from cxr.comparison import read_run
from cxr.log import job_log, say
from cxr.metadata import COLUMNS
from cxr.subgroups import compare_subgroups


def subgroups(predictions: Path, scores: Path, manifest: Path, output: Path, name: str) -> None:
    """Write subgroups.csv.

    Args:
        predictions: predictions.csv.
        scores: metrics.json.
        manifest: manifest.csv.
        output: subgroups.csv to write.
        name: What the progress lines begin with.
    """
    table = read_run(predictions, scores, manifest)
    table = table.join(tables.read_csv(manifest, columns=["id", *COLUMNS])[list(COLUMNS)], on="row")
    found = compare_subgroups(table, table["threshold"].to_numpy())
    tables.write_table(found, output, "subgroups")
    if found.empty:
        say(f"{name}  no subgroups: age, sex and view are unknown or the same for all images")
    small = found[found["note"] != ""].drop_duplicates(["group", "value"])
    if len(small):
        say(f"{name}  too few to judge: {', '.join(small['group'] + ' ' + small['value'])}")
    apart = found[(found["difference_low"] > 0) | (found["difference_high"] < 0)]
    for row in apart.itertuples():
        say(
            f"{name}  {row.group} {row.value}: {row.metric} {row.estimate:.3f}, "
            f"{row.difference:+.3f} ({row.difference_low:+.3f} to {row.difference_high:+.3f}) "
            f"beside the rest, n = {row.n}"
        )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        subgroups(
            predictions=snakemake.input.predictions,
            scores=snakemake.input.scores,
            manifest=snakemake.input.manifest,
            output=snakemake.output[0],
            name="{experiment} seed {seed}".format(**snakemake.wildcards),
        )
