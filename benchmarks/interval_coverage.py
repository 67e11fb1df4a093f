"""How often do the 95 % intervals of cxr.intervals hold the truth?

    python benchmarks/interval_coverage.py coverage.csv [simulations, 2000 by default]

Simulates test sets of 105 images, half of them effusions, whose scores are normal in each class
(the binormal model), so that the truth is known: AUROC 0.75, 0.88 or 0.95; images of different
patients, or of patients with 1 to 4 images each, whose scores correlate by 0.5 and whose labels
mostly agree; probabilities that are too extreme (calibration slope 0.625). There are three runs of
a classifier, whose scores correlate by 0.9, and a rival, 0.05 lower in AUROC, whose scores
correlate with theirs by 0.8. Other truths than the AUROC's are those of a million images.

Prints and writes, for each setting and metric, the share (%) of simulations whose interval holds
the truth: of one run, of the mean of three runs, of the paired difference between that mean and
the rival, and, for comparison, of the percentile bootstrap over patients for one run. With 2,000
simulations, a share of 95 % has a standard error of 0.5. Takes two minutes on two cores.
"""

import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from cxr import intervals, metrics

IMAGES = 105
RUNS, RIVAL = slice(0, 3), slice(3, 4)  # rows of probabilities
BETWEEN_RUNS, TO_RIVAL = 0.9, 0.8  # correlation of scores
SLOPE = 0.625
RESAMPLES = 500  # of the bootstrap, for speed
SETTINGS = [(auroc, clustered) for clustered in (False, True) for auroc in (0.75, 0.88, 0.95)]


def draw(
    rng: np.random.Generator, images: int, auroc: float, clustered: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels (n,), probabilities (4, n) of three runs and a rival, and patients (n,)."""
    sizes = rng.integers(1, 5, images) if clustered else np.ones(images, int)
    patients = np.repeat(np.arange(images), sizes)[:images]
    of_patient = rng.integers(0, 2, images)[patients]
    changed = rng.random(images) < (0.15 if clustered else 0)
    labels = np.where(changed, rng.integers(0, 2, images), of_patient)
    shared = 0.5 if clustered else 0.0

    def noise() -> np.ndarray:
        own, patient = rng.normal(size=(2, images))
        return np.sqrt(shared) * patient[patients] + np.sqrt(1 - shared) * own

    common, rows = noise(), []
    for area, correlation in ((auroc, BETWEEN_RUNS),) * 3 + (
        (auroc - 0.05, TO_RIVAL**2 / BETWEEN_RUNS),
    ):
        distance = np.sqrt(2) * norm.ppf(area)
        error = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * noise()
        rows.append(expit(distance * (error + distance * (labels - 0.5)) / SLOPE))
    return labels, np.array(rows), patients


def bootstrap(
    labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Percentile intervals, (2,) by metric: patients drawn with all their images."""
    count = patients.max() + 1
    weights = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES)[:, patients].astype(
        float
    )
    positive, negative = weights * labels, weights * (1 - labels)
    called, right = probabilities >= 0.5, (probabilities >= 0.5) == (labels == 1)
    above = (probabilities[:, None] > probabilities) + 0.5 * (
        probabilities[:, None] == probabilities
    )
    at_least = (probabilities >= probabilities[:, None]).astype(float)
    precision = (positive @ at_least.T) / np.maximum(weights @ at_least.T, 1)
    excess = (probabilities - labels)[:, None] * np.eye(metrics.ECE_BINS)[
        metrics.bins(probabilities)
    ]
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    values = {
        "auroc": ((positive @ above) * negative).sum(axis=1) / pairs,
        "accuracy": weights @ right / weights.sum(axis=1),
        "sensitivity": positive @ right / positive.sum(axis=1),
        "specificity": negative @ right / negative.sum(axis=1),
        "ppv": positive @ called / (weights @ called),
        "npv": negative @ ~called / (weights @ ~called),
        "auprc": (positive * precision).sum(axis=1) / positive.sum(axis=1),
        "brier": weights @ (probabilities - labels) ** 2 / weights.sum(axis=1),
        "ece": np.abs(weights @ excess).sum(axis=1) / weights.sum(axis=1),
    }
    return {name: np.percentile(value, [2.5, 97.5]) for name, value in values.items()}


def limits(
    labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray
) -> dict[tuple[str, str], tuple[float, float]]:
    """Intervals by metric and by what they are for: one run, mean of three runs, difference."""
    names = np.array([f"p{patient}" for patient in patients], object)
    one, three, rival = (
        intervals.score(labels, rows, np.full(len(rows), 0.5), names)
        for rows in (probabilities[:1], probabilities[RUNS], probabilities[RIVAL])
    )
    return {
        (metric, kind): found
        for metric in one.values
        for kind, found in (
            ("one run", one.interval(metric)),
            ("three runs", three.interval(metric)),
            ("difference", intervals.difference(three, rival, metric)[1:]),
        )
    }


def truths(auroc: float) -> dict[tuple[str, str], float]:
    """What the intervals should hold, by metric and by what they are for."""
    labels, probabilities, _ = draw(np.random.default_rng(0), 1_000_000, auroc, clustered=False)
    own, rival = (
        {name: found.value for name, found in metrics.estimates(labels, row, 0.5).items()}
        for row in (probabilities[0], probabilities[3])
    )
    return {
        (metric, kind): value - (rival[metric] if kind == "difference" else 0)
        for metric, value in own.items()
        for kind in ("one run", "three runs", "difference", "bootstrap")
    }


def coverage(auroc: float, clustered: bool, simulations: int, images: int = IMAGES) -> pd.DataFrame:
    """Simulate one setting.

    Returns:
        One row per metric: auroc, patients (single or clustered), metric, and the share (%) of
        intervals that hold the truth in the columns one run, three runs, difference, bootstrap.
    """
    truth, rng = truths(auroc), np.random.default_rng(1)
    held = dict.fromkeys(truth, 0)
    for _ in range(simulations):
        labels, probabilities, patients = draw(rng, images, auroc, clustered)
        found = limits(labels, probabilities, patients)
        resampled = bootstrap(labels, probabilities[0], patients, rng)
        found |= {(metric, "bootstrap"): both for metric, both in resampled.items()}
        for key, (low, high) in found.items():
            held[key] += low is not None and low <= truth[key] <= high
    shares = (100 / simulations * pd.Series(held)).unstack(sort=False)
    shares = shares.rename_axis("metric").reset_index()
    shares.insert(0, "auroc", auroc)
    shares.insert(1, "patients", "clustered" if clustered else "single")
    return shares


def main(output: Path, simulations: int = 2000) -> None:
    """Print and write the coverage in every setting."""
    tasks = [(*setting, simulations) for setting in SETTINGS]
    with Pool(2) as pool:
        table = pd.concat(pool.starmap(coverage, tasks, chunksize=1), ignore_index=True)
    table.to_csv(output, index=False, float_format="%.2f")
    print(table.to_string(index=False, float_format=lambda value: f"{value:.4g}"))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
