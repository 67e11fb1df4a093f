"""95 % intervals of metrics and of paired differences, over patients.

A metric is moved by leaving out each patient in turn; the squares of these moves add up to its
variance (the jackknife; for the AUROC that of DeLong et al., Biometrics 1988, summed by patient
as in Obuchowski, Biometrics 1997). The interval is Wilson's (JASA 1927), which is symmetric on
the logit scale, with the effective number of patients that gives this variance, and Student's t.
`benchmarks/interval_coverage.py` measures how often such intervals hold the truth.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

from cxr import metrics
from cxr.metadata import one_each

# Chosen by simulation (benchmarks/interval_coverage.py): they matter with few patients or errors
PRIOR = 0.05  # patients that move a metric as if their images were all right or all wrong
CALLS = ("accuracy", "sensitivity", "specificity", "ppv", "npv")
DISCORDANT = dict.fromkeys(CALLS, 0.25) | {"auprc": 0.1}  # images that one classifier alone finds


class Mean(NamedTuple):
    """A metric's mean over the runs of a classifier.

    Attributes:
        value: The mean.
        bias: What few images add to it, about; 0 but for the calibration error.
        chance: Up to here it may be 0 in truth; 0 but for the calibration error.
        moves: float (g,), how far it moves without each patient.
        size: Effective number of patients that it rests on: (sum of images)^2 / sum of images^2
            over patients (Kish 1965), of the smaller class where it rests on both.
        classes: Number of classes that it rests on by themselves: 2 for the AUROC, else 1.
        images: Number of images that it rests on.
    """

    value: float
    bias: float
    chance: float
    moves: np.ndarray
    size: float
    classes: int
    images: int

    @property
    def error(self) -> float:
        """Half the width of a symmetric 95 % interval."""
        return self.quantile * float(np.sqrt(self.moves @ self.moves))

    @property
    def quantile(self) -> float:
        """Of Student's t, 97.5 %."""
        return float(t.ppf(0.975, max(self.size - 1, 1)))


@dataclass(frozen=True)
class Scored:
    """Metrics of the runs of a classifier on the same images.

    Attributes:
        values: float (s,) by metric, one per run, NaN where undefined.
        means: By metric; None where a run has no value or the metric rests on one patient.
    """

    values: dict[str, np.ndarray]
    means: dict[str, Mean | None]

    def interval(self, metric: str) -> tuple[float, float] | tuple[None, None]:
        """95 % interval over patients of the mean over the runs; (None, None) where there is none.

        It contains the mean. That of the calibration error is for the error without what few
        images add to it, so the mean lies near its upper end.
        """
        mean = self.means[metric]
        return (None, None) if mean is None else LIMITS.get(metric, _wilson)(mean)


def score(
    labels: np.ndarray, probabilities: np.ndarray, thresholds: np.ndarray, patients: np.ndarray
) -> Scored:
    """Score the runs of a classifier by every metric of metrics.json.

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (s, n), 0 to 1, one row per run.
        thresholds: float (s,), one per run, or (s, n), one per image of each run.
        patients: str (n,); "" where unknown, an image of its own.
    """
    groups = group(patients)
    runs = [
        metrics.estimates(labels, row, threshold)
        for row, threshold in zip(probabilities, thresholds, strict=True)
    ]
    added = np.mean([ece_by_chance(labels, row, groups) for row in probabilities], axis=0)
    return combine(runs, groups, {"ece": (float(added[0]), float(added[1]))})


def difference(
    first: Scored, second: Scored, metric: str
) -> tuple[float, float, float] | tuple[float, None, None]:
    """Difference of a metric between two classifiers on the same images, with its 95 % interval.

    The interval is put together from the two classifiers' own (MOVER: Zou and Donner, Statistics
    in Medicine 2008) and their correlation over patients. That part of the errors which they
    share moves both to the same side. Two that call every image alike need not do so on the next
    one: the limits are not 0 then, while those of the AUROC of a classifier and its copy are.

    Args:
        first: Of the same images in the same order as `second`.
        second: Is taken off the first.
        metric: Name of the metric.

    Returns:
        The difference of the means over runs, NaN where undefined, and its limits, None where
        one of the two has no interval.
    """
    gap = float(first.values[metric].mean() - second.values[metric].mean())
    one, other = first.means[metric], second.means[metric]
    if one is None or other is None:
        return gap, None, None
    below, above = _arms(metric, one)
    other_below, other_above = _arms(metric, other)
    shared = _correlation(metric, one, other)
    low = gap - one.bias + other.bias - _reach(below, above, other_below, other_above, shared)
    high = gap - one.bias + other.bias + _reach(above, below, other_above, other_below, shared)
    return gap, min(low, gap), max(high, gap)


def group(patients: np.ndarray) -> np.ndarray:
    """Number the patients of str (n,), each unknown one ("") by itself: int (n,), 0 to g - 1."""
    return np.unique(one_each(patients), return_inverse=True)[1]


def combine(
    runs: list[dict[str, metrics.Estimate]],
    groups: np.ndarray,
    added: dict[str, tuple[float, float]] | None = None,
) -> Scored:
    """Join the estimates of the runs of a classifier.

    Args:
        runs: The estimates of each run by metric.
        groups: int (n,), see `group`.
        added: Bias and chance, see `Mean`, of the means over the runs, by metric.
    """
    values = {name: np.array([run[name].value for run in runs]) for name in runs[0]}
    means = {
        name: _mean([run[name] for run in runs], groups, *(added or {}).get(name, (0.0, 0.0)))
        for name in runs[0]
    }
    return Scored(values, means)


def ece_by_chance(
    labels: np.ndarray, probabilities: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """What chance adds to the calibration error: few images in many bins (Broecker 2012).

    Each bin's gap is a normal variable around the one seen, and its size a folded normal one
    (Leone et al., Technometrics 1961).

    Args:
        labels: int (n,), 0 or 1.
        probabilities: float (n,), 0 to 1.
        groups: int (n,), see `group`.

    Returns:
        How much the error rises on average by taking another sample from this one, and the error
        that 2.5 % of samples exceed where the classifier is perfectly calibrated.
    """
    level = metrics.bins(probabilities)
    moves = np.zeros((groups.max() + 1, metrics.ECE_BINS))
    np.add.at(moves, (groups, level), (probabilities - labels) / len(labels))
    gaps = np.abs(moves.sum(axis=0))
    errors = np.sqrt((moves**2).sum(axis=0))
    z = np.divide(gaps, errors, out=np.zeros_like(gaps), where=errors > 0)
    bias = (2 * errors * (norm.pdf(z) - z * norm.sf(z))).sum()
    middle, spread = np.sqrt(2 / np.pi) * errors.sum(), np.sqrt((1 - 2 / np.pi) * errors @ errors)
    return float(bias), float(middle + norm.ppf(0.975) * spread)


def _mean(
    runs: list[metrics.Estimate], groups: np.ndarray, bias: float, chance: float
) -> Mean | None:
    if any(np.isnan(run.value) for run in runs):
        return None
    shares = [[np.bincount(groups, base) / base.sum() for base in run.bases] for run in runs]
    if np.max(shares) == 1:
        return None
    return Mean(
        value=float(np.mean([run.value for run in runs])),
        bias=bias,
        chance=chance,
        moves=np.mean([_moves(*pair, groups) for pair in zip(runs, shares, strict=True)], axis=0),
        size=float(min(1 / (share @ share) for both in shares for share in both)),
        classes=len(runs[0].bases),
        images=min(int(base.sum()) for run in runs for base in run.bases),
    )


def _moves(run: metrics.Estimate, shares: list[np.ndarray], groups: np.ndarray) -> np.ndarray:
    influence = run.influence.copy()
    for base, share in zip(run.bases, shares, strict=True):
        # Without the patient there are fewer images for the others to make up the mean of
        influence[base] /= 1 - share[groups[base]]
    return np.bincount(groups, influence)


def _wilson(mean: Mean) -> tuple[float, float]:
    """Of a metric from 0 to 1."""
    patients = mean.classes * mean.size  # few are needed where they hardly move it: at 0 and 1
    binomial = mean.value * (1 - mean.value)
    doubt = PRIOR / patients
    count = (binomial + doubt) / (mean.moves @ mean.moves + doubt / patients)
    excess = mean.quantile**2 / count
    middle = (mean.value + excess / 2) / (1 + excess)
    reach = np.sqrt(excess * binomial + excess**2 / 4) / (1 + excess)
    low, high = max(middle - reach, 0.0), min(middle + reach, 1.0)  # but for rounding
    return float(min(low, mean.value)), float(max(high, mean.value))


def _debiased(mean: Mean) -> tuple[float, float]:
    centre = mean.value - mean.bias
    low = 0.0 if mean.value <= mean.chance else max(centre - mean.error, 0.0)
    return min(low, mean.value), max(min(centre + mean.error, 1.0), mean.value)


def _positive(mean: Mean) -> tuple[float, float]:
    factor = np.exp(mean.error / mean.value) if mean.value > 0 else 1.0
    return float(mean.value / factor), float(mean.value * factor)


def _real(mean: Mean) -> tuple[float, float]:
    return mean.value - mean.error, mean.value + mean.error


LIMITS = {
    "ece": _debiased,
    "log_loss": _positive,
    "calibration_slope": _real,
    "calibration_intercept": _real,
}


def _arms(metric: str, mean: Mean) -> tuple[float, float]:
    """How far the limits lie below and above the value less its bias."""
    if metric == "ece":
        return mean.error, mean.error
    low, high = LIMITS.get(metric, _wilson)(mean)
    return mean.value - low, high - mean.value


def _correlation(metric: str, one: Mean, other: Mean) -> float:
    """Correlation of two means over patients.

    Two classifiers that call every image alike need not do so on the next one, so as much is added
    to the variance of their difference as Agresti and Min do (Biostatistics 2005).
    """
    doubts = [DISCORDANT.get(metric, 0.0) / mean.images**2 for mean in (one, other)]
    first, second = (
        np.sqrt(mean.moves @ mean.moves + doubt)
        for mean, doubt in zip((one, other), doubts, strict=True)
    )
    if first * second == 0:
        return 0.0
    return float(np.clip(np.round(one.moves @ other.moves / (first * second), 12), -1, 1))


def _reach(
    below: float, above: float, other_below: float, other_above: float, shared: float
) -> float:
    """How far a difference reaches down, by the reaches of both and their correlation."""
    apart = below**2 + other_above**2
    if shared <= 0:
        return float(np.sqrt(apart - 2 * shared * below * other_above))
    together = max(below - other_below, other_above - above, 0.0)
    return float(np.sqrt((1 - shared) * apart + shared * together**2))
