"""Write the explorer: a page to look through all X-rays, and what a network says of each.

Reads manifest.csv, pairs.csv, label_errors.csv, metrics.json of the main experiment, checks.csv,
what the network says of every image (predictions.csv, features.npy, maps.csv in explore/), the
folders of pictures, and the page's parts in pages/. Writes explore.html. Promises that the page
holds all that it says, takes pictures from the folders beside it alone, as they come in sight, runs
no script but ours and asks for nothing else: a policy in the page forbids it.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.arrays import open_array
from cxr.files import megabytes
from cxr.log import job_log, say
from cxr.neighbours import nearest
from cxr.page import BESIDE, render
from cxr.predictions import USES, held_out
from cxr.summaries import SUBSETS, per_image
from cxr.tables import read_table
from cxr.verdicts import trusted
from cxr.words import run_name

NEIGHBOURS = 6
DOUBTED, COPY, PERSON = "label doubted", "likely copy", "suspected same person"
COPIES = ("identical", "near-duplicate")


def columns(manifest: pd.DataFrame, asked: pd.DataFrame) -> dict[str, list]:
    """Columns for the page: None where there is no value.

    Args:
        manifest: manifest.csv.
        asked: predictions.csv of all images.

    Returns:
        Those of the manifest, whose subset is called prescribed_subset here; subset, what the image
        is used for; and probability.
    """
    table = manifest.rename(columns={"subset": "prescribed_subset"})
    table = table.merge(asked[["id", "subset", "probability"]], on="id", validate="one_to_one")
    return table.astype(object).where(table.notna(), None).to_dict("list")


def flags(
    manifest: pd.DataFrame, doubted: Iterable[str], pairs: pd.DataFrame, rows: dict[str, int]
) -> dict[str, list[int]]:
    """Rows of the images that somebody should look at, by what it is about; no flag without images.

    Args:
        manifest: manifest.csv, with the flags of the files.
        doubted: Ids in label_errors.csv.
        pairs: pairs.csv. Patients who are known are not suspected.
        rows: In the manifest, by id.
    """
    copies = pairs[pairs["kind"].isin(COPIES)]
    persons = pairs[(pairs["kind"] == "same-person") & (pairs["patients"] == "unknown")]
    found = {DOUBTED: set(doubted)}
    for flag, part in ((COPY, copies), (PERSON, persons)):
        found[flag] = {*part["first"], *part["second"]}
    words = manifest.get("flags", pd.Series("", index=manifest.index)).fillna("").str.split()
    for flag in sorted(set(words.explode().dropna())):
        found[flag.replace("_", " ")] = set(manifest.loc[[flag in each for each in words], "id"])
    return {flag: sorted(map(rows.get, names)) for flag, names in found.items() if names}


def related(pairs: pd.DataFrame, rows: dict[str, int]) -> list[list]:
    """Copies and likely same persons: rows of both images, kind and likeness of each pair.

    Those of patients who are known to differ are left out, but for copies.

    Args:
        pairs: pairs.csv.
        rows: In the manifest, by id.
    """
    persons = (pairs["kind"] == "same-person") & (pairs["patients"] != "different")
    close = pairs[pairs["kind"].isin(COPIES) | persons]
    close = close.assign(first=close["first"].map(rows), second=close["second"].map(rows))
    return close[["first", "second", "kind", "likeness"]].to_numpy(object).tolist()


def mapped(table: pd.DataFrame, methods: list[str], rows: dict[str, int]) -> dict[str, dict]:
    """By method and row of the manifest, the class that a map shows; "" for an empty map.

    Args:
        table: maps.csv.
        methods: As in the config.
        rows: In the manifest, by id.
    """
    targets = table["target"].where(table["empty"] == 0, "")
    places = table["id"].map(rows)
    return {
        method: dict(zip(places[chosen].tolist(), targets[chosen], strict=True))
        for method in methods
        for chosen in [table["method"] == method]
    }


def explore(
    dataset: str,
    source: str,
    experiment: str,
    run: str,
    fold: int | None,
    methods: list[str],
    manifest: Path,
    asked: Path,
    scores: Path,
    features: Path,
    maps: Path,
    outlines: Path,
    pairs: Path,
    errors: Path,
    checks: Path,
    template: Path,
    styles: list[Path],
    scripts: list[Path],
    output: Path,
) -> None:
    """Write explore.html.

    Args:
        dataset: Its name.
        source: Of the data set, as in the config.
        experiment: The network's name.
        run: The network's folder in that of its experiment, such as seed-42.
        fold: The fold, with cross-validation, whose network it is.
        methods: Those whose maps the page shows.
        manifest: manifest.csv.
        asked: predictions.csv with every image.
        scores: metrics.json, for the threshold.
        features: features.npy, row i of the manifest's row i.
        maps: maps.csv.
        outlines: The folder of outlines.
        pairs: pairs.csv.
        errors: label_errors.csv.
        checks: checks.csv of the smaller audit.
        template: pages/explore.html.
        styles: Of CSS, in the order in which they apply.
        scripts: Of JavaScript, in the order in which they run.
        output: explore.html to write.
    """
    table, judged = read_table(manifest, "manifest"), read_table(asked, "predictions")
    found = read_table(pairs, "pairs")
    threshold = per_image(json.loads(Path(scores).read_text()), "threshold", pd.Series([f"{fold}"]))
    neighbours, distances = nearest(np.asarray(open_array(features)), NEIGHBOURS)
    rows = {name: row for row, name in enumerate(table["id"])}
    data = {
        "dataset": dataset,
        "phantom": source == "phantom",
        "experiment": experiment,
        "run": run_name(run),
        "threshold": float(threshold[0]),
        "held": held_out(judged),
        "subsets": {
            use: SUBSETS.get(use, "training") for use in USES if (judged["subset"] == use).any()
        },
        "methods": trusted(methods, read_table(checks, "checks")),
        "images": columns(table, judged),
        "flags": flags(table, read_table(errors, "label_errors")["id"], found, rows),
        "doubts": [DOUBTED],
        "pairs": related(found, rows),
        "maps": mapped(read_table(maps, "maps"), methods, rows),
        "outlined": sorted(rows[path.stem] for path in Path(outlines).glob("*.png")),
        "neighbours": neighbours.tolist(),
        "distances": distances.round(2).tolist(),
    }
    title = f"{dataset}: look through {len(table)} X-rays"
    text = render(template, styles, scripts, title, data, BESIDE)
    Path(output).write_text(text, encoding="utf-8")
    say(f"{output}: {len(table)} X-rays, {megabytes(len(text))}; open it in a browser")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        explore(
            dataset=snakemake.wildcards.dataset,
            source=snakemake.params.source,
            experiment=snakemake.params.experiment,
            run=snakemake.params.run,
            fold=snakemake.params.fold,
            methods=snakemake.params.methods,
            manifest=snakemake.input.manifest,
            asked=snakemake.input.asked,
            scores=snakemake.input.scores,
            features=snakemake.input.features,
            maps=snakemake.input.table,
            outlines=snakemake.input.outlines,
            pairs=snakemake.input.pairs,
            errors=snakemake.input.errors,
            checks=snakemake.input.checks,
            template=snakemake.input.template,
            styles=snakemake.input.styles,
            scripts=snakemake.input.scripts,
            output=snakemake.output[0],
        )
