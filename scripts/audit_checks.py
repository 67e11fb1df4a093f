"""Judge each saliency method by each check.

Reads sanity.csv, faithfulness.csv and localisation.csv; shortcut.csv and shortcut_use.csv where a
shortcut is planted; predictions.csv of the network that was to memorise permuted labels; and
manifest.csv (for the patients). Writes checks.csv, one row per method, check and statistic, with a
verdict: pass, fail or cannot tell.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import confounding, faithfulness, localisation, sanity, tables
from cxr.log import job_log, say
from cxr.methods import method_name
from cxr.permuted import FITTED, accuracy
from cxr.predictions import read_predictions


def sanity_rows(table: pd.DataFrame, patients: pd.Series, learned: float) -> list[dict]:
    """Rows of checks.csv for sanity and stability.

    A network that has not memorised the permuted labels can tell nothing by other maps, nor by
    the same ones.

    Args:
        table: sanity.csv.
        patients: str by id of the image, "" where unknown.
        learned: Share of the permuted labels that the network of this check has memorised, 0 to 1.
    """
    table = table.assign(patient=table["id"].map(patients)).rename(columns={"id": "row"})
    rows = sanity.verdict(table)
    permuted = rows["check"] == "permuted_labels"
    rows["learned"] = np.where(permuted, learned, np.nan)
    rows.loc[permuted & (rows["learned"] < FITTED), "verdict"] = "cannot tell"
    return rows.to_dict("records")


def faithfulness_rows(table: pd.DataFrame, patients: pd.Series) -> list[dict]:
    """Rows of checks.csv for deletion and insertion.

    Args:
        table: faithfulness.csv.
        patients: str by id of the image, "" where unknown.
    """
    found = []
    for method, part in table.groupby("method", sort=False):
        ids, better = faithfulness.from_table(part)
        found += faithfulness.rows(method, better, patients[ids].to_numpy())
    return found


def localisation_rows(table: pd.DataFrame, methods: list[str], patients: pd.Series) -> list[dict]:
    """Rows of checks.csv for localisation: each method above each of the two priors.

    Args:
        table: localisation.csv. Methods without rows there get some that cannot tell.
        methods: Keys of `cxr.methods.NAMES`.
        patients: str by id of the image, "" where unknown.
    """
    scores = {name: part.set_index("id") for name, part in table.groupby("method")}
    none, found = table[:0].set_index("id"), []
    for method in methods:
        own = scores.get(method, none)
        for prior in (localisation.MEAN, localisation.CENTRE):
            level = scores.get(prior, none).reindex(own.index)
            found += localisation.rows(method, own, level, prior, patients[own.index].to_numpy())
    return found


def shortcut_rows(table: pd.DataFrame, use: pd.DataFrame, patients: pd.Series) -> list[dict]:
    """Rows of checks.csv for a planted shortcut.

    Args:
        table: shortcut.csv.
        use: shortcut_use.csv.
        patients: str by id of the image, "" where unknown.
    """
    used, found = confounding.use_of_mark(use), []
    for method, part in table.groupby("method", sort=False):
        found += confounding.rows(method, part, patients[part["id"]].to_numpy(), used)
    return found


def audit_checks(
    alike: Path,
    faithful: Path,
    localised: Path,
    memorised: list[Path],
    shortcut: list[Path],
    manifest: Path,
    methods: list[str],
    output: Path,
) -> None:
    """Write checks.csv.

    Args:
        alike: sanity.csv.
        faithful: faithfulness.csv.
        localised: localisation.csv.
        memorised: predictions.csv of the network that was to memorise permuted labels; none in the
            smaller audit, which has no such check.
        shortcut: shortcut.csv and shortcut_use.csv; neither where no shortcut is planted.
        manifest: manifest.csv.
        methods: Keys of `cxr.methods.NAMES`.
        output: checks.csv to write.
    """
    patients = tables.read_csv(manifest, columns=["id", "patient"]).set_index("id")["patient"]
    learned = [accuracy(read_predictions(path, manifest), "train") for path in memorised]
    rows = [
        *sanity_rows(
            tables.read_table(alike, "sanity"), patients, learned[0] if learned else np.nan
        ),
        *faithfulness_rows(tables.read_table(faithful, "faithfulness"), patients),
        *localisation_rows(tables.read_table(localised, "localisation"), methods, patients),
    ]
    if shortcut:
        both = zip(shortcut, ("shortcut", "shortcut_use"), strict=True)
        rows += shortcut_rows(*(tables.read_table(path, name) for path, name in both), patients)
    places = {"key": lambda names: names.map(methods.index), "kind": "stable"}
    checks = pd.DataFrame(rows).sort_values("method", **places)
    tables.write_table(checks, output, "checks")
    for method, part in checks.groupby("method", sort=False):
        failed = ", ".join(part.loc[part["verdict"] == "fail", "check"].unique())
        say(f"{method_name(method)}: fails {failed or 'no check'}")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_checks(
            alike=snakemake.input.sanity,
            faithful=snakemake.input.faithfulness,
            localised=snakemake.input.localisation,
            memorised=snakemake.input.get("memorised", []),
            shortcut=snakemake.input.get("shortcut", []),
            manifest=snakemake.input.manifest,
            methods=snakemake.params.methods,
            output=snakemake.output[0],
        )
