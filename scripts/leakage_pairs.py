"""Find X-rays that are copies of each other, or that seem to be of one person.

Reads manifest.csv and images.npy. Writes pairs.csv, one row per pair, before anything is split.
Promises every exact copy; of near-duplicates and of one person's X-rays it finds a part, see
`cxr.pairs`.
"""

from pathlib import Path

from threadpoolctl import threadpool_limits

from cxr import tables
from cxr.arrays import open_array
from cxr.log import job_log, say
from cxr.pairs import find_pairs
from cxr.words import count


def leakage_pairs(manifest: Path, images: Path, output: Path, threads: int) -> None:
    """Write pairs.csv.

    Args:
        manifest: manifest.csv.
        images: images.npy, float32 (N, side, side), whose rows are those of the manifest.
        output: pairs.csv to write.
        threads: That register images side by side.
    """
    with threadpool_limits(1):  # on small images, NumPy's would only wait for each other
        known = tables.read_csv(manifest, columns=["id", "patient", "sha256"])
        pairs = find_pairs(open_array(images), known, threads, Path(output).parent)
    tables.write_table(pairs, output, "pairs")
    for kind, number in pairs["kind"].value_counts().items():
        say(f"{kind}: {count(number, 'pair')}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage_pairs(
            manifest=snakemake.input.manifest,
            images=snakemake.input.images,
            output=snakemake.output[0],
            threads=snakemake.threads,
        )
