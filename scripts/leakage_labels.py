"""List likely label errors, by confident learning on held-out predictions.

Reads the predictions.csv of one experiment's seeds and manifest.csv. Writes label_errors.csv, the
likely errors, and label_errors_summary.csv: how many images were checked, how many labels may be
wrong at the most, and whether the network is good enough to say. Promises that each image is judged
by networks alone that did not train on it.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from cxr import confident, tables
from cxr.comparison import auroc_of
from cxr.log import job_log, say
from cxr.predictions import held_out, read_predictions

LEAST_AUROC = 0.7  # below it a tenth of the list is right, where 5 % of the labels are wrong
LEAST_IMAGES = 30  # of each class
PLANTED = 0.05  # share of the labels that are made wrong to see whether they are found
FIRST = 20  # rows of the list that somebody looks at
REPEATS, SEED = 100, 1  # of planting errors
LABELS = {0: "normal", 1: "effusion"}


def mean_predictions(predictions: list[Path], manifest: Path) -> pd.DataFrame:
    """Probabilities of the images that a network did not train on, mean over the seeds.

    Args:
        predictions: predictions.csv of each seed.
        manifest: manifest.csv.

    Returns:
        Each image once: id, label, patient and probability. With cross-validation these are the
        out-of-fold and test images, otherwise the validation and test images.
    """
    runs = []
    for path in predictions:
        table = read_predictions(path, manifest)
        kept = {"oof": ["oof", "test"], "test": ["validation", "test"]}[held_out(table)]
        runs.append(table[table["subset"].isin(kept)].set_index("id"))
    mean = pd.concat([run["probability"] for run in runs]).groupby(level="id").mean()
    return runs[0][["label", "patient"]].join(mean).reset_index()


def list_errors(checked: pd.DataFrame) -> pd.DataFrame:
    """The likely errors, the likeliest first: label_errors.csv without the verdict."""
    labels, probabilities = (checked[name].to_numpy() for name in ("label", "probability"))
    rows = confident.likely_errors(labels, probabilities)
    found = checked.iloc[rows].reset_index(drop=True)
    return found.assign(
        rank=found.index + 1,
        suggested=1 - found["label"],
        margin=confident.margins(labels, probabilities)[rows],
    )


def judge(auroc_low: float | None, checks: list[int]) -> tuple[str, str]:
    """Whether the list is worth a look: a verdict and, if not, the reason.

    Args:
        auroc_low: Lower end of the 95 % interval of the AUROC; None where there is none.
        checks: Checked images of each class.
    """
    if min(checks) < LEAST_IMAGES:
        return "cannot tell", f"{min(checks)} images of a class were checked, not {LEAST_IMAGES}"
    if auroc_low is None or auroc_low < LEAST_AUROC:
        low = "unknown" if auroc_low is None else f"{auroc_low:.2f}"
        return "cannot tell", f"the AUROC's lower limit is {low}, not {LEAST_AUROC}"
    return "worth a look", ""


def summarise(checked: pd.DataFrame, images: dict[int, int]) -> pd.DataFrame:
    """One row per given label: label_errors_summary.csv.

    Args:
        checked: Columns id, label, patient and probability, one row per image.
        images: Images of the whole data set by label.
    """
    labels, probabilities = (checked[name].to_numpy() for name in ("label", "probability"))
    checks = np.bincount(labels, minlength=2)
    counts = confident.error_counts(labels, probabilities)
    auroc, low, high = auroc_of([checked])
    power = confident.planted_power(labels, probabilities, PLANTED, FIRST, REPEATS, SEED)
    verdict, reason = judge(low, checks)
    return pd.DataFrame(
        {
            "label": list(LABELS),
            "images": [images[label] for label in LABELS],
            "checked": checks,
            "threshold": confident.thresholds(labels, probabilities),
            "listed": counts[:, 0],
            "share": counts[:, 0] / counts[:, 1],
            "at_most": [binomtest(*row).proportion_ci().high for row in counts],
            "auroc": auroc,
            "auroc_low": low,
            "auroc_high": high,
            "planted_recall": power[0],
            "planted_precision": power[1],
            "verdict": verdict,
            "reason": reason,
        }
    )


def leakage_labels(predictions: list[Path], manifest: Path, errors: Path, summary: Path) -> None:
    """Write label_errors.csv and label_errors_summary.csv.

    Args:
        predictions: predictions.csv of each seed of one experiment.
        manifest: manifest.csv.
        errors: label_errors.csv to write.
        summary: label_errors_summary.csv to write.
    """
    checked = mean_predictions(predictions, manifest)
    images = (
        tables.read_csv(manifest, columns=["label"])["label"].astype(int).value_counts().to_dict()
    )
    listed = list_errors(checked)
    found = summarise(checked, images)
    one = found.iloc[0]
    tables.write_table(listed.assign(verdict=one["verdict"]), errors, "label_errors")
    tables.write_table(found, summary, "label_errors_summary")
    say(
        f"{len(listed)} likely label errors in {len(checked)} of {sum(images.values())} X-rays, "
        f"AUROC {one['auroc']:.3f}: {one['verdict']}{one['reason'] and ', as '}{one['reason']}"
    )
    for row in found.itertuples():
        say(f"  at most {row.at_most:.0%} of the labels {LABELS[row.label]} are wrong")
    say(
        f"  of labels made wrong on purpose ({PLANTED:.0%}) the list holds "
        f"{one['planted_recall']:.0%}, and its first {FIRST} rows are to "
        f"{one['planted_precision']:.0%} such"
    )


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        leakage_labels(
            predictions=snakemake.input.predictions,
            manifest=snakemake.input.manifest,
            errors=snakemake.output.errors,
            summary=snakemake.output.summary,
        )
