"""Write the data sheet of a data set: where it comes from, what is in it, what is not known of it.

Reads manifest.csv, rejected.csv, boxes.csv, split.csv, leakage.csv and label_errors_summary.csv.
Writes datasheet.csv, one row per item, and the same as datasheet.md and datasheet.html. Promises
to look at no X-ray, and to name everything that it does not know as not given.
"""

from pathlib import Path
from typing import Any

from cxr.datasheet import rows
from cxr.folds import parts_by_id
from cxr.log import job_log, say
from cxr.sheets import NOT_GIVEN, write_texts
from cxr.tables import read_csv, read_table, write_table

TITLE = "Data sheet of the data set {name}"
ABOUT = (
    "What is known of these X-rays, after Gebru et al., Datasheets for Datasets (2021), in short. "
    "Written by pleura from the tables beside this file. Research and teaching only."
)


def datasheet(
    name: str,
    dataset: dict[str, Any],
    image: dict[str, Any],
    manifest: Path,
    rejected: Path,
    boxes: Path,
    split: Path,
    leakage: Path,
    errors: Path,
    outputs: dict[str, Path],
) -> None:
    """Write the data sheet.

    Args:
        name: The data set's name.
        dataset, image: `datasets.<name>` and `image` of the config.
        manifest, rejected, boxes, split, leakage: The tables of these names.
        errors: label_errors_summary.csv.
        outputs: Paths of the `table`, `text` (Markdown) and `page` (HTML) to write.
    """
    sheet = rows(
        name,
        dataset,
        image,
        manifest=read_table(manifest, "manifest"),
        rejected=read_table(rejected, "rejected"),
        boxes=read_table(boxes, "boxes"),
        parts=parts_by_id(read_csv(split)),
        leakage=read_table(leakage, "leakage"),
        errors=read_table(errors, "label_errors_summary"),
    )
    write_table(sheet, outputs["table"], "datasheet")
    title = TITLE.format(name=name)
    write_texts(title, ABOUT, sheet, outputs["text"], outputs["page"])
    unknown = sheet.loc[sheet["value"] == NOT_GIVEN, "item"]
    say(f"{outputs['text']}: {len(sheet)} items, not given: {', '.join(unknown) or 'none'}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        datasheet(
            name=snakemake.wildcards.dataset,
            dataset=snakemake.params.dataset,
            image=snakemake.params.image,
            manifest=snakemake.input.manifest,
            rejected=snakemake.input.rejected,
            boxes=snakemake.input.boxes,
            split=snakemake.input.split,
            leakage=snakemake.input.leakage,
            errors=snakemake.input.errors,
            outputs=dict(snakemake.output.items()),
        )
