"""Write the start page of the report.

Reads run.json, manifest.csv, rejected.csv, split.csv, leakage.csv, leakage_sensitivity.csv,
label_errors_summary.csv, comparison.csv, each network's metrics.json, summary and
agreement_summary.csv, and checks.csv. Writes report.rst, which Snakemake's report opens with. It
holds no number that these files do not hold.
"""

import json
from pathlib import Path

from cxr import startpage
from cxr.log import job_log
from cxr.size import parameters
from cxr.startpage_result import result
from cxr.tables import read_table


def report(
    record: Path,
    manifest: Path,
    rejected: Path,
    split: Path,
    comparison: Path,
    scores: list[Path],
    summaries: list[Path],
    agreements: list[Path],
    checks: Path,
    leakage: Path,
    sensitivity: Path,
    errors: Path,
    output: Path,
) -> None:
    """Write report.rst.

    Args:
        record: run.json.
        manifest: manifest.csv.
        rejected: rejected.csv.
        split: split.csv.
        comparison: comparison.csv.
        scores: metrics.json of every seed of every experiment in `run`, seed by seed.
        summaries: Text of each experiment's network, as Keras summarises it.
        agreements: agreement_summary.csv of each experiment's first seed.
        checks: checks.csv of the smaller audit of the main experiment.
        leakage: leakage.csv.
        sensitivity: leakage_sensitivity.csv.
        errors: label_errors_summary.csv.
        output: report.rst to write.
    """
    run = json.loads(Path(record).read_text())
    config = run["config"]
    names, seeds = config["run"], len(config["seeds"])
    source = config["datasets"][run["dataset"]]["source"]
    metrics = [json.loads(Path(path).read_text()) for path in scores]
    by_experiment = {name: metrics[i * seeds : (i + 1) * seeds] for i, name in enumerate(names)}
    counts = [parameters(Path(path).read_text()) for path in summaries]
    tables = [read_table(path, "agreement_summary") for path in agreements]
    table = read_table(comparison, "comparison")
    held = table["subset"].iloc[0]
    test = metrics[0][held]
    sections = [
        startpage.opening(run["dataset"], source, names),
        result(table, by_experiment),
        startpage.mistakes(
            {name: runs[0][held]["confusion"] for name, runs in by_experiment.items()}
        ),
        startpage.look_first(config["main"]),
        startpage.data(
            read_table(manifest, "manifest"),
            read_table(split, "split"),
            read_table(rejected, "rejected"),
        ),
        startpage.leakage(
            read_table(leakage, "leakage"),
            read_table(sensitivity, "leakage_sensitivity"),
            read_table(errors, "label_errors_summary"),
        ),
        startpage.networks(config, dict(zip(names, counts, strict=True))),
        startpage.saliency(
            dict(zip(names, tables, strict=True)), read_table(checks, "checks"), config["main"]
        ),
        startpage.limits(source, test["n"], test["confusion"]["tp"] + test["confusion"]["fn"]),
        startpage.reproduce(run),
    ]
    Path(output).write_text("\n\n".join(filter(None, sections)) + "\n")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        report(
            record=snakemake.input.record,
            manifest=snakemake.input.manifest,
            rejected=snakemake.input.rejected,
            split=snakemake.input.split,
            comparison=snakemake.input.comparison,
            scores=snakemake.input.scores,
            summaries=snakemake.input.summaries,
            agreements=snakemake.input.agreements,
            checks=snakemake.input.checks,
            leakage=snakemake.input.leakage,
            sensitivity=snakemake.input.sensitivity,
            errors=snakemake.input.errors,
            output=snakemake.output[0],
        )
