"""How much of the list of likely label errors is right?

    python benchmarks/label_errors.py                     simulated networks
    python benchmarks/label_errors.py noise05 noise10     finished runs on phantoms

Without arguments, the classes lie apart on one scale that the network sees through a perfect
logistic regression, and a share of each class's labels is turned at random: n = 700, mean of 200
draws. One line per AUROC by true labels and share of wrong labels: the AUROC by the given labels
(what a user sees), the length of the list, its recall and precision, the precision of its first 20
rows, the share of wrong labels that the confident joint estimates (too large, unless the network
is very good), and the recall and precision for planted errors, which need no truth.

With names of data sets (`source: phantom` with `label_noise`), compares
results/<name>/label_errors.csv with `true_label` in data/<name>/labels.csv, with exact 95 %
intervals, as if no patient had two images. The commands for both are

    snakemake --cores 2 leakage --configfile noise.yaml --config dataset=noise05

where noise.yaml has `split: {folds: 5, test: 0}` and, under datasets,
`noise05: {source: phantom, label_noise: 0.05}`.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from cxr import confident, metrics  # noqa: E402

COUNT, DRAWS, FIRST = 700, 200, 20
AUROCS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
SHARES = (0, 0.05, 0.1)


def simulate(rng: np.random.Generator, auroc: float, share: float) -> tuple[np.ndarray, ...]:
    """Given labels, probabilities of the given label 1, and which labels are wrong, (n,) each."""
    separation = norm.ppf(auroc) * np.sqrt(2)
    true = np.arange(COUNT) % 2
    seen = rng.normal(separation * (true - 0.5))
    wrong = np.zeros(COUNT, dtype=bool)
    for label in (0, 1):
        rows = np.flatnonzero(true == label)
        wrong[rng.choice(rows, round(share * len(rows)), replace=False)] = True
    effusion = 1 / (1 + np.exp(-separation * seen))
    probabilities = (1 - share) * effusion + share * (1 - effusion)
    return np.where(wrong, 1 - true, true), probabilities, wrong


def measure(labels: np.ndarray, probabilities: np.ndarray, wrong: np.ndarray) -> list[float]:
    """The numbers of one line, after those that were asked for."""
    listed = confident.likely_errors(labels, probabilities)
    errors, sure = confident.error_counts(labels, probabilities).T
    return [
        metrics.auroc(labels, probabilities).value,
        len(listed),
        wrong[listed].sum() / wrong.sum() if wrong.any() else np.nan,
        wrong[listed].mean() if len(listed) else np.nan,
        wrong[listed[:FIRST]].mean() if len(listed) else np.nan,
        (errors / sure).mean(),
        *confident.planted_power(labels, probabilities, 0.05, FIRST, 1, 0),
    ]


def print_simulated() -> None:
    """Print the table of simulated networks."""
    rng = np.random.default_rng(1)
    names = "AUROC wrong | given listed recall precision first20 share planted: recall first20"
    print(names)
    for auroc in AUROCS:
        for share in SHARES:
            mean = np.mean([measure(*simulate(rng, auroc, share)) for _ in range(DRAWS)], axis=0)
            given, listed, *others = mean
            shown = " ".join(f"{value:8.2f}" for value in others)
            print(f"{auroc:5.2f} {share:5.2f} | {given:.2f} {listed:6.0f} {shown}")


def rate(hits: int, count: int) -> str:
    """A share with its exact 95 % interval."""
    if not count:
        return "none"
    low, high = binomtest(hits, count).proportion_ci()
    return f"{hits / count:.2f} ({low:.2f} to {high:.2f}, {hits} of {count})"


def print_measured(name: str) -> None:
    """Compare the list of a finished run with the truth."""
    results = ROOT / "results" / name
    truth = pd.read_csv(ROOT / "data" / name / "labels.csv")
    truth["path"] = f"data/{name}/" + truth["path"]
    known = pd.read_csv(results / "manifest.csv").merge(truth[["path", "true_label"]], on="path")
    wrong = set(known.loc[known["label"] != known["true_label"], "id"])
    listed = pd.read_csv(results / "label_errors.csv")["id"]
    summary = pd.read_csv(results / "label_errors_summary.csv")
    if summary["checked"].sum() < len(known):
        raise SystemExit(f"{name}: needs every image checked, by cross-validation (split.folds)")
    one = summary.iloc[0]
    print(
        f"{name}: {len(known)} X-rays, {len(wrong)} wrong labels; AUROC by the given labels "
        f"{one['auroc']:.3f} ({one['auroc_low']:.3f} to {one['auroc_high']:.3f}), "
        f"{one['verdict']}"
    )
    print(f"  recall            {rate(listed.isin(wrong).sum(), len(wrong))}")
    print(f"  precision         {rate(listed.isin(wrong).sum(), len(listed))}")
    first = listed.head(FIRST)
    print(f"  first {FIRST} rows     {rate(first.isin(wrong).sum(), len(first))}")
    print(
        f"  planted errors    recall {one['planted_recall']:.2f}, first {FIRST} rows "
        f"{one['planted_precision']:.2f}"
    )
    for row in summary.itertuples():
        part = known[known["label"] == row.label]
        share = part["id"].isin(wrong).mean()
        print(
            f"  labelled {row.label}: {share:.3f} wrong, estimated {row.share:.3f}, "
            f"at most {row.at_most:.3f}"
        )


if __name__ == "__main__":
    for dataset in sys.argv[1:]:
        print_measured(dataset)
    if len(sys.argv) == 1:
        print_simulated()
