"""Set people who read the X-rays beside the network, and beside each other.

Reads predictions.csv and metrics.json of the main experiment, manifest.csv, and every CSV file in
data/readers/, one per reader, as the quiz exports them. Writes readers.csv and
readers_agreement.csv, without rows where there are no readers. Promises to change no reader's file.
"""

from pathlib import Path

import pandas as pd

from cxr.comparison import read_run
from cxr.images import printable
from cxr.log import job_log, say
from cxr.readers import agreement, beside_network, read_ratings
from cxr.tables import columns, write_table


def read_readers(folder: Path, dataset: str, judged: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Each reader's ratings by the name of the file, see `cxr.readers.read_ratings`.

    What is no CSV file, or is about other data sets alone, is left out with a word.
    """
    found = {}
    for path in sorted(folder.glob("[!.]*")):
        name = printable(path.stem)
        if path.suffix != ".csv":
            say(f"{folder}: {printable(path.name)} left out, its name does not end in .csv")
            continue
        found[name] = read_ratings(path, dataset, judged)
        if found[name].empty:
            say(f"{folder}: {printable(path.name)} left out, it rates no X-ray of {dataset}")
            del found[name]
    return found


def quiz_readers(
    folder: Path,
    dataset: str,
    predictions: Path,
    scores: Path,
    manifest: Path,
    readers: Path,
    pairs: Path,
) -> None:
    """Write both tables.

    Args:
        folder: data/readers, which may be missing.
        dataset: Name of the data set.
        predictions: predictions.csv.
        scores: metrics.json.
        manifest: manifest.csv.
        readers: readers.csv to write.
        pairs: readers_agreement.csv to write.

    Raises:
        UserError: A reader's file is no table of ratings of held-out images.
    """
    rated = read_readers(Path(folder), dataset, read_run(predictions, scores, manifest))
    rows = [beside_network(table).assign(reader=name) for name, table in rated.items()]
    table = pd.concat(rows) if rows else pd.DataFrame(columns=columns("readers"))
    write_table(table, readers, "readers")
    write_table(agreement(rated), pairs, "readers_agreement")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        quiz_readers(
            folder=snakemake.params.folder,
            dataset=snakemake.wildcards.dataset,
            predictions=snakemake.input.predictions,
            scores=snakemake.input.scores,
            manifest=snakemake.input.manifest,
            readers=snakemake.output.readers,
            pairs=snakemake.output.agreement,
        )
