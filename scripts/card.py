"""Write the model card of the main experiment.

Reads run.json, the network's summary, CITATION.cff, manifest.csv, datasheet.csv, comparison.csv,
leakage.csv and leakage_sensitivity.csv; of its first seed metrics.json, subgroups.csv and the small
audit's checks.csv; and transfer.csv, where there is one. Writes model_card.csv, one row per item,
the same as model_card.md and model_card.html, and model_card.json with MONAI's keys. Promises to
hold no number that these files do not hold.
"""

import json
from pathlib import Path

import yaml

from cxr.card import rows, side
from cxr.log import job_log, say
from cxr.monai import metadata
from cxr.sheets import write_texts
from cxr.size import parameters
from cxr.tables import read_table, write_table

TITLE = "Model card of {name}, trained on {dataset}"
ABOUT = (
    "What this network is, what it is for, how it was made and how far its numbers go, after "
    "Mitchell et al., Model Cards for Model Reporting (2019), in short. Written by pleura from the "
    "tables of the run. Research and teaching only: not a medical device."
)


def card(
    record: Path,
    summary: Path,
    software: Path,
    manifest: Path,
    datasheet: Path,
    comparison: Path,
    scores: Path,
    subgroups: Path,
    checks: Path,
    leakage: Path,
    sensitivity: Path,
    transfer: Path | None,
    outputs: dict[str, Path],
) -> None:
    """Write the model card.

    Args:
        record: run.json.
        summary: Text of the network, as Keras summarises it.
        software: CITATION.cff.
        manifest, datasheet, comparison, leakage: The tables of these names.
        scores: metrics.json of the first seed.
        subgroups, checks: The tables of these names of the first seed.
        sensitivity: leakage_sensitivity.csv.
        transfer: transfer.csv; None where there are no other data sets.
        outputs: Paths of the `table`, `text` (Markdown), `page` (HTML) and `metadata` (JSON).
    """
    run = json.loads(Path(record).read_text())
    name = run["config"]["main"]
    compared = read_table(comparison, "comparison")
    images = read_table(manifest, "manifest")
    sheet = rows(
        run,
        parameters(Path(summary).read_text()),
        software=yaml.safe_load(Path(software).read_text(encoding="utf-8")),
        prescribed="subset" in images and (images["subset"] != "").any(),
        datasheet=read_table(datasheet, "datasheet"),
        comparison=compared,
        scores=json.loads(Path(scores).read_text()),
        subgroups=read_table(subgroups, "subgroups"),
        checks=read_table(checks, "checks"),
        leakage=read_table(leakage, "leakage"),
        sensitivity=read_table(sensitivity, "leakage_sensitivity"),
        transfer=read_table(transfer, "transfer") if transfer else None,
    )
    title = TITLE.format(name=name, dataset=run["dataset"])
    own = compared[compared["experiment"] == name]
    described = metadata(sheet, own, run, side(run["config"]))
    write_table(sheet, outputs["table"], "model_card")
    write_texts(title, ABOUT, sheet, outputs["text"], outputs["page"])
    Path(outputs["metadata"]).write_text(
        json.dumps(described, indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    say(f"{outputs['text']}: {len(sheet)} items")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        card(
            record=snakemake.input.record,
            summary=snakemake.input.summary,
            software=snakemake.input.software,
            manifest=snakemake.input.manifest,
            datasheet=snakemake.input.datasheet,
            comparison=snakemake.input.comparison,
            scores=snakemake.input.scores,
            subgroups=snakemake.input.subgroups,
            checks=snakemake.input.checks,
            leakage=snakemake.input.leakage,
            sensitivity=snakemake.input.sensitivity,
            transfer=snakemake.input.get("transfer"),
            outputs=dict(snakemake.output.items()),
        )
