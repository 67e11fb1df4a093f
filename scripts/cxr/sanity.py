"""Sanity checks: what two maps of an image have in common, and what follows from it.

Tables of comparisons, from `cxr.randomisation` and `cxr.stability`, have a row per image and draw:
`method,check,stage,layers,draw,row,spearman,ssim,spearman_level,ssim_level`. The level is what the
two similarities are set against. They are NaN where one of the two maps is empty, which resembles
nothing; such rows are left out of all means.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from cxr import similarity
from cxr.means import by_patient, mean_interval

MARGIN = 0.05  # of similarity: a smaller difference is none
CEILING = 0.9  # of the level: above it, maps of different images are all the same
UNCHANGED = 0.999  # similarity above which maps have not changed at all
FEWEST = 5  # patients that a verdict needs


def comparisons(
    method: str,
    check: str,
    maps: np.ndarray,
    others: np.ndarray,
    level: pd.DataFrame,
    stage: int = 1,
    layers: str = "",
    draw: int = 0,
) -> pd.DataFrame:
    """Compare two maps of each image: a part of a table of comparisons, see the module.

    Args:
        method: Name of the method.
        check: Name of the check.
        maps: float (n, side, side), see `cxr.randomisation.small_maps`.
        others: Likewise, of the same images.
        level: float `spearman` and `ssim` of each image, what to set the two against.
        stage: See `cxr.randomisation.Stage`.
        layers: Likewise.
        draw: Number of the draw.
    """
    facts = {"method": method, "check": check, "stage": stage, "layers": layers, "draw": draw}
    rows = similarity.compare(maps, others).join(level.add_suffix("_level"))
    return rows.assign(row=np.arange(len(rows)), **facts)[
        [*facts, "row", *similarity.MEASURES, *(f"{name}_level" for name in similarity.MEASURES)]
    ]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """The means of a table of comparisons, for a figure.

    Returns:
        A row per method, check and stage: `layers`, `n` images with a value, `empty`, the share of
        the comparisons without one, and for each measure its mean over images and draws, `_low`
        and `_high`, its 95 % interval over images by Student's t, `_draws`, the standard deviation
        over draws of the mean over images, and `_level`.
    """
    rows = []
    for (method, check, stage), part in table.groupby(["method", "check", "stage"], sort=False):
        facts = {"method": method, "check": check, "stage": stage, "layers": part["layers"].iloc[0]}
        known = part.dropna(subset="spearman")
        facts |= {"n": known["row"].nunique(), "empty": 1 - len(known) / len(part)}
        for name in similarity.MEASURES:
            mean, low, high = mean_interval(known.groupby("row")[name].mean().to_numpy(), bound=1)
            facts |= {
                name: mean,
                f"{name}_low": low,
                f"{name}_high": high,
                f"{name}_draws": known.groupby("draw")[name].mean().std(),
                f"{name}_level": known.groupby("row")[f"{name}_level"].mean().mean(),
            }
        rows.append(facts)
    return pd.DataFrame(rows)


class Difference(NamedTuple):
    """How far two maps of an image are more alike than the level, over patients.

    Attributes:
        alike: Mean similarity over images.
        level: Mean level over images.
        value: Mean difference of the two over patients.
        low: Lower end of its 95 % interval over patients by Student's t; NaN for fewer than two.
        high: Upper end.
        n: Images.
        patients: Their patients.
        worst: Largest mean difference of a draw.
    """

    alike: float
    level: float
    value: float
    low: float
    high: float
    n: int
    patients: int
    worst: float

    def side(self, bound: float) -> str:
        """Where the interval lies: "above" the bound, up to it ("below"), or "open"."""
        if self.patients < FEWEST or np.isnan(self.low):
            return "open"
        return "above" if self.low > bound else "below" if self.high <= bound else "open"


def difference(part: pd.DataFrame, measure: str = "spearman") -> Difference:
    """Set the similarities of one check and stage against their level, image by image.

    The mean over draws comes first, then that over the images of a patient. The interval is for
    these draws, and takes the patients as independent, though each is part of the level of the
    others.

    Args:
        part: Rows of a table of comparisons, of one method, check and stage, with the `patient` of
            each image, str, "" where unknown.
        measure: "spearman" or "ssim".
    """
    names = [measure, f"{measure}_level"]
    known = part.dropna(subset=names)
    if not len(known):
        return Difference(np.nan, np.nan, np.nan, np.nan, np.nan, 0, 0, np.nan)
    images = known.groupby("row").agg({**dict.fromkeys(names, "mean"), "patient": "first"})
    alike, level = images[names].to_numpy().T
    differences = by_patient(alike - level, images["patient"].to_numpy())
    alike_by_draw, level_by_draw = known.groupby("draw")[names].mean().to_numpy().T
    return Difference(
        float(alike.mean()),
        float(level.mean()),
        *mean_interval(differences, bound=2),
        len(alike),
        len(differences),
        float((alike_by_draw - level_by_draw).max()),
    )


def fallen(found: Difference) -> str:
    """Whether maps have fallen to the level of different images (Arun et al. 2021).

    - "fail" if the maps have not changed at all (mean similarity above `UNCHANGED`), as those of
      an edge detector, however alike its maps of different images are;
    - "cannot tell" if the level is above `CEILING`: where a network's maps are the same for all
      images, any change falls below their level;
    - "fail" if the interval of the difference to the level lies above `MARGIN`;
    - "pass" if it does not reach beyond `MARGIN`, nor does the mean of any draw (maps that are now
      as before, now the opposite would have a mean of 0);
    - else "cannot tell", as with fewer than `FEWEST` patients whose maps are not empty.
    """
    if found.patients >= FEWEST and found.alike > UNCHANGED:
        return "fail"
    if found.level > CEILING or (found.side(MARGIN) == "below" and found.worst > MARGIN):
        return "cannot tell"
    return {"above": "fail", "below": "pass", "open": "cannot tell"}[found.side(MARGIN)]


def stays(found: Difference) -> str:
    """Whether two maps of an image are more alike than maps of different images.

    - "pass" if the interval of the difference lies above `MARGIN`;
    - "cannot tell" if it does not, and the level is above `CEILING`: where all maps are the same,
      no two can be more alike;
    - "fail" if the interval does not reach beyond `MARGIN`;
    - else "cannot tell", as with too few patients whose maps are not empty.
    """
    side = found.side(MARGIN)
    if side == "below" and found.level > CEILING:
        return "cannot tell"
    return {"above": "pass", "below": "fail", "open": "cannot tell"}[side]


def differs(found: Difference) -> str:
    """Whether maps for the two classes are less alike than two maps for one class.

    - "pass" if the interval of the difference lies below `-MARGIN`;
    - "fail" if it lies above: the maps show the same for either class;
    - else "cannot tell", as with too few patients whose maps are not both empty.
    """
    return {"above": "fail", "below": "pass", "open": "cannot tell"}[found.side(-MARGIN)]


def check_rows(
    table: pd.DataFrame, rule: Callable[[Difference], str], measure: str = "spearman"
) -> pd.DataFrame:
    """A row of checks.csv for each method and check of a table of comparisons.

    Args:
        table: One stage of each check, with patients, see `difference`.
        rule: Gives the verdict.
        measure: "spearman" or "ssim".

    Returns:
        `method,check,statistic,value,low,high,n,verdict`; the statistic is the mean difference
        between similarity and level, `<measure>_beyond_level`.
    """
    rows = []
    for (method, check), part in table.groupby(["method", "check"], sort=False):
        found = difference(part, measure)
        numbers = {name: getattr(found, name) for name in ("value", "low", "high", "n")}
        facts = {"method": method, "check": check, "statistic": f"{measure}_beyond_level"}
        rows.append(facts | numbers | {"verdict": rule(found)})
    names = ["method", "check", "statistic", "value", "low", "high", "n", "verdict"]
    return pd.DataFrame(rows, columns=names)


RULES = {
    "randomisation": fallen,
    "permuted_labels": fallen,
    "target": differs,
    "noise": stays,
    "shift": stays,
    "seeds": stays,
}


def verdict(table: pd.DataFrame, measure: str = "spearman") -> pd.DataFrame:
    """The verdict on each method and check, as rows of checks.csv; see `check_rows`.

    Args:
        table: Tables of comparisons, one below the other, with patients. Of the randomised
            networks, those decide in which all layers are drawn anew, group after group from the
            output down.
        measure: "spearman", which decides, or "ssim".
    """
    table = table[table["check"] != "independent"].replace(
        {"check": {"cascading": "randomisation"}}
    )
    last = table[table["stage"] == table.groupby(["method", "check"])["stage"].transform("max")]
    parts = [
        check_rows(part, RULES[check], measure) for check, part in last.groupby("check", sort=False)
    ]
    return pd.concat(parts, ignore_index=True)
