"""Write the data sheet of a data set: where it comes from, what is in it, what is not known of it.

Reads manifest.csv, rejected.csv, boxes.csv, split.csv, leakage.csv and label_errors_summary.csv.
Writes datasheet.csv, one row per item, and the same as datasheet.md and datasheet.html. Promises
to look at no X-ray, and to name everything that it does not know as not given.
"""

import re
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment

from cxr.datasheet import rows
from cxr.folds import parts_by_id
from cxr.log import job_log, say
from cxr.tables import read_csv, read_table, write_table

TITLE = "Data sheet of the data set {name}"
ABOUT = (
    "What is known of these X-rays, after Gebru et al., Datasheets for Datasets (2021), in short. "
    "Written by pleura from the tables beside this file. Research and teaching only."
)
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { max-width: 54rem; margin: 2rem auto; padding: 0 1rem; font: 0.92rem/1.5 sans-serif; }
body { color: #1f2937; background: #ffffff; }
h1 { font-size: 1.6rem; }
h2 { font-size: 1.15rem; margin: 1.6rem 0 0.4rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; }
th, td { padding: 0.35rem 0.6rem 0.35rem 0; border-top: 1px solid #d1d5db; }
th, td { text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { width: 13rem; font-weight: normal; color: #4b5563; }
.unknown { color: #92400e; font-style: italic; }
</style>
<h1>{{ title }}</h1>
<p>{{ about }}</p>
{% for section, items in sections -%}
<h2>{{ section }}</h2>
<table>
{% for item, value in items -%}
<tr><th scope="row">{{ item }}</th>
<td{% if value == "not given" %} class="unknown"{% endif %}>{{ value }}</td></tr>
{% endfor -%}
</table>
{% endfor -%}
</html>
"""
_MARKUP = re.compile(r"([\\`*_<>|\[\]&$~])")


def sections_of(sheet: pd.DataFrame) -> list[tuple[str, list[tuple[str, str]]]]:
    """The items and values of each section, in order."""
    return [
        (section, list(zip(part["item"], part["value"], strict=True)))
        for section, part in sheet.groupby("section", sort=False)
    ]


def markdown(name: str, sheet: pd.DataFrame) -> str:
    """The data sheet in Markdown: a heading and a table for each section."""
    lines = [f"# {_escape(TITLE.format(name=name))}", "", ABOUT]
    for section, items in sections_of(sheet):
        lines += ["", f"## {section}", "", "| | |", "| --- | --- |"]
        lines += [f"| {_escape(item)} | {_escape(value)} |" for item, value in items]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    """Text on one line in which each mark of Markdown stands for itself."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def page(name: str, sheet: pd.DataFrame) -> str:
    """The data sheet as a page of HTML, without scripts and with every text escaped."""
    template = Environment(autoescape=True).from_string(PAGE)
    title = TITLE.format(name=name)
    return template.render(title=title, about=ABOUT, sections=sections_of(sheet)) + "\n"


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
    Path(outputs["text"]).write_text(markdown(name, sheet), encoding="utf-8")
    Path(outputs["page"]).write_text(page(name, sheet), encoding="utf-8")
    unknown = sheet.loc[sheet["value"] == "not given", "item"]
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
