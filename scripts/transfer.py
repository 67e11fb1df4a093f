"""Score networks on data sets that they did not learn from.

Reads predictions.csv and metrics.json (for the threshold) of every seed, what the same networks say
of other data sets, and the manifests (for the patients). Writes transfer.csv: the metrics of every
experiment with 95 % intervals, on held-out images of the own data set and on each other one.
"""

import json
from pathlib import Path

import pandas as pd

from cxr import tables
from cxr.comparison import by_experiment, read_run, score_runs, side_by_side
from cxr.log import job_log, say
from cxr.overlap import overlap_note
from cxr.predictions import held_out


def read_other(predictions: Path, scores: Path, manifest: Path) -> pd.DataFrame:
    """The predictions of one seed on another data set.

    Args:
        predictions: <other>.csv.
        scores: metrics.json of the seed on its own data set.
        manifest: manifest.csv of the other data set.

    Returns:
        id, label, probability, overlap, patient and threshold.
    """
    table = tables.read_table(predictions, "transferred")
    patients = tables.read_csv(manifest, columns=["id", "patient"])
    threshold = json.loads(Path(scores).read_text())["threshold"]
    return table.merge(patients, on="id", validate="one_to_one").assign(threshold=threshold)


def tested(dataset: str, subset: str, runs: dict[str, list[pd.DataFrame]]) -> pd.DataFrame:
    """Score every experiment on one data set.

    Args:
        dataset: Its name.
        subset: Its images: test, oof or all.
        runs: For each experiment the table of each seed, see `score_runs`; what its column
            overlap marks is left out.
    """
    every = next(iter(runs.values()))[0]
    new = every["overlap"] == ""
    kept = {name: [run[new] for run in seeds] for name, seeds in runs.items()}
    table = side_by_side({name: score_runs(seeds) for name, seeds in kept.items()})
    return table.assign(
        dataset=dataset,
        subset=subset,
        n=new.sum(),
        effusions=every.loc[new, "label"].sum(),
        patients=every.loc[new & (every["patient"] != ""), "patient"].nunique() or None,
        left_out=(~new).sum(),
        note="",
    ).astype({"patients": "Int64"})


def transfer(
    dataset: str,
    others: list[str],
    experiments: list[str],
    predictions: list[Path],
    scores: list[Path],
    transferred: list[Path],
    manifest: Path,
    manifests: list[Path],
    output: Path,
) -> None:
    """Write transfer.csv.

    Args:
        dataset: The data set that was learned from.
        others: The other data sets.
        experiments: The experiment of each run, the one that others are compared to first.
        predictions: predictions.csv of each run.
        scores: metrics.json of each run.
        transferred: What each run says of the first other data set, of the second, ...
        manifest: manifest.csv of the data set that was learned from.
        manifests: manifest.csv of each other one.
        output: transfer.csv to write.
    """
    own = [read_run(*run, manifest) for run in zip(predictions, scores, strict=True)]
    own = [run.assign(overlap="") for run in own]
    parts = [tested(dataset, held_out(own[0]), by_experiment(experiments, own))]
    patients = tables.read_csv(manifest, columns=["id", "patient"])["patient"]
    for number, (name, known) in enumerate(zip(others, manifests, strict=True)):
        paths = transferred[number * len(scores) : (number + 1) * len(scores)]
        runs = [read_other(*run, known) for run in zip(paths, scores, strict=True)]
        part = tested(name, "all", by_experiment(experiments, runs))
        parts.append(part.assign(note=overlap_note(runs[0], patients)))
    table = pd.concat(parts)
    tables.write_table(table, output, "transfer")
    for row in table[table["metric"] == "auroc"].itertuples():
        interval = "" if pd.isna(row.low) else f" ({row.low:.3f} to {row.high:.3f})"
        say(f"{row.experiment} on {row.dataset}  AUROC {row.value:.3f}{interval}, n = {row.n}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        transfer(
            dataset=snakemake.wildcards.dataset,
            others=snakemake.params.others,
            experiments=snakemake.params.experiments,
            predictions=snakemake.input.predictions,
            scores=snakemake.input.scores,
            transferred=snakemake.input.transferred,
            manifest=snakemake.input.manifest,
            manifests=snakemake.input.manifests,
            output=snakemake.output[0],
        )
