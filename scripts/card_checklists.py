"""Fill the reporting checklists CLAIM and TRIPOD+AI from the model card.

Reads model_card.csv and the checklists in report/. Writes checklists.csv, one row per item, and the
same as checklists.md and checklists.html. Promises to call nothing answered that the card does not
tell: that is marked as for the authors to write.
"""

from pathlib import Path

import pandas as pd
import yaml

from cxr.checklists import as_sheet, fill
from cxr.log import job_log, say
from cxr.sheets import write_texts
from cxr.tables import read_table, write_table

TITLE = "Reporting checklists: {experiment} on {dataset}"
ABOUT = (
    "The items of {names} in our own words, each answered from the results (here), not "
    "applicable, or for you to write: {counts}. This helps to write a paper and to review one; "
    "that an item is answered does not say that the study is good. Submit the published "
    "checklists. {sources}"
)


def card_checklists(
    dataset: str,
    experiment: str,
    source: str,
    card: Path,
    checklists: list[Path],
    outputs: dict[str, Path],
) -> None:
    """Write the filled checklists.

    Args:
        dataset, experiment: Names of the data set and the main experiment.
        source: Of the data set, as in the config.
        card: model_card.csv.
        checklists: Paths of the checklists.
        outputs: Paths of the `table`, `text` (Markdown) and `page` (HTML) to write.
    """
    told = read_table(card, "model_card")
    asked = [yaml.safe_load(Path(path).read_text(encoding="utf-8")) for path in checklists]
    filled = pd.concat([fill(each, told, source == "phantom") for each in asked])
    write_table(filled, outputs["table"], "checklists")
    counts = ", ".join(f"{n} {status}" for status, n in filled["status"].value_counts().items())
    title = TITLE.format(experiment=experiment, dataset=dataset)
    about = ABOUT.format(
        names=" and ".join(each["name"] for each in asked),
        counts=counts,
        sources=" ".join(f"{each['name']} is by {each['source']}." for each in asked),
    )
    sheet = as_sheet(filled)
    write_texts(title, about, sheet, outputs["text"], outputs["page"])
    say(f"{outputs['text']}: {counts}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        card_checklists(
            dataset=snakemake.wildcards.dataset,
            experiment=snakemake.params.experiment,
            source=snakemake.params.source,
            card=snakemake.input.card,
            checklists=snakemake.input.checklists,
            outputs=dict(snakemake.output.items()),
        )
