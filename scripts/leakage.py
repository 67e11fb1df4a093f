"""Check a split for leakage: patients, copies and one person's X-rays in more than one part.

Reads manifest.csv, split.csv and pairs.csv. Writes leakage.csv, one row per check: what was found,
what of it stands in two subsets (with cross-validation, in two folds), and what the check can see.
Promises to say "cannot tell" where finding nothing would mean little.
"""

from pathlib import Path

from cxr import tables
from cxr.folds import parts_by_id
from cxr.leaks import checks
from cxr.log import job_log, say


def leakage(manifest: Path, split: Path, pairs: Path, output: Path) -> None:
    """Write leakage.csv.

    Args:
        manifest: manifest.csv.
        split: split.csv.
        pairs: pairs.csv.
        output: leakage.csv to write.
    """
    known = tables.read_table(manifest, "manifest", ["id", "label", "patient"])
    part = parts_by_id(tables.read_csv(split))
    table = checks(known, part, tables.read_table(pairs, "pairs"))
    tables.write_table(table.round(4), output, "leakage")
    for row in table.itertuples():
        say(f"{row.check}: {row.verdict}, {row.across} of {row.found} across ({row.reason})")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage(
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            pairs=snakemake.input.pairs,
            output=snakemake.output[0],
        )
