"""Means over images and patients with their 95 % intervals, and what the intervals say.

An advantage is how much better something is than what knows nothing, image by image; its interval
is read as those of trials of superiority and equivalence are.
"""

import numpy as np
import pandas as pd
from scipy.special import stdtrit  # scipy.stats takes 0.35 s longer to import

from cxr.metadata import one_each

MARGIN = 0.02  # of an advantage: one that lies below it would be of no use
FEWEST = 6  # with fewer, not even a sign test can tell at 5 %: 2 * 0.5**5 > 0.05

ROUNDING = 1e-9  # an interval that is not wider is that of values all the same


def mean_interval(values: np.ndarray, bound: float = np.inf) -> tuple[float, float, float]:
    """Mean and 95 % interval by Student's t; NaN where there are too few values.

    Args:
        values: float (n,), without NaN.
        bound: The largest absolute value that there can be, where the interval is cut.
    """
    if not len(values):
        return np.nan, np.nan, np.nan
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, np.nan, np.nan
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    half = stdtrit(len(values) - 1, 0.975) * error
    return mean, float(max(mean - half, -bound)), float(min(mean + half, bound))


def by_patient(values: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """The mean of each patient's values, for images of one patient are not independent.

    Args:
        values: float (n,); NaN is left out.
        patients: str (n,), "" where unknown, a patient of its own.

    Returns:
        float64 (patients,), of each that has a value.
    """
    return pd.Series(values).groupby(one_each(patients), sort=False).mean().dropna().to_numpy()


def verdict(low: float, high: float, n: int) -> str:
    """What the interval of an advantage says.

    "pass": it lies above 0, so there is an advantage. "fail": it lies below `MARGIN`, so there
    is none of any use, and there may be harm. "cannot tell": it reaches from 0 or below to the
    margin or above, there are fewer than `FEWEST` images or patients, or all of their values are
    the same, from which no interval follows.

    Args:
        low, high: 95 % limits; NaN where unknown.
        n: Images or patients that the interval is over.
    """
    if n < FEWEST or not high - low > ROUNDING:  # NaN, too
        return "cannot tell"
    if low > 0:
        return "pass"
    return "fail" if high < MARGIN else "cannot tell"


def joint(verdicts: list[str]) -> str:
    """The verdict of several statistics: theirs where they agree, "cannot tell" where not.

    Passing all of them, each at 95 %, is passing at 95 %: the intersection-union test (Berger,
    Technometrics 1982) needs no correction.
    """
    return verdicts[0] if len(set(verdicts)) == 1 else "cannot tell"


def advantage_row(
    method: str, check: str, statistic: str, better: np.ndarray, patients: np.ndarray | None = None
) -> dict:
    """A row of checks.csv for an advantage.

    Args:
        method: Name of the method.
        check: Name of the check.
        statistic: Name of the advantage.
        better: float (n,), -1 to 1, the advantage in each image; NaN where there is none.
        patients: See `by_patient`; None where all are unknown.

    Returns:
        method, check, statistic, value, low, high, n (images) and verdict.
    """
    better = np.asarray(better, dtype=np.float64)
    means = by_patient(better, np.full(len(better), "") if patients is None else patients)
    value, low, high = mean_interval(means, bound=1)
    return {
        "method": method,
        "check": check,
        "statistic": statistic,
        "value": value,
        "low": low,
        "high": high,
        "n": int((~np.isnan(better)).sum()),
        "verdict": verdict(low, high, len(means)),
    }


def joint_row(rows: list[dict], statistic: str) -> dict:
    """The row of checks.csv for several advantages together.

    Args:
        rows: See `advantage_row`.
        statistic: Its name.

    Returns:
        The row whose interval reaches lowest, with the verdict of all of them.
    """
    least = min(rows, key=lambda row: np.nan_to_num(row["low"], nan=-np.inf))
    return least | {"statistic": statistic, "verdict": joint([row["verdict"] for row in rows])}
