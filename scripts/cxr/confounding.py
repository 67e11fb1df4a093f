"""Whether a network uses a planted shortcut, and whether saliency maps show it.

After Sun, Koch and Baumgartner (Right for the wrong reason: can interpretable ML techniques detect
spurious correlations?, MICCAI 2023). Everything rests on pairs of images that differ in the mark
alone, see `cxr.phantom.draw_pairs`. A map should show a mark that the network uses, and should not
show one that it does not use; the images prove which of the two it is, without any map.
"""

import numpy as np
import pandas as pd

from cxr import intervals, means, metrics

TOP = 0.1  # of the pixels count as highlighted, as in the code of Sun et al.
HALF = 0.5  # of a mark or of a correlation is seen or gone, and of the maps say yes or no: ours
NEGLIGIBLE = 0.02  # drop in AUROC: ours

USES, UNUSED, OPEN = "uses it", "does not use it", "cannot tell"
FOLLOWS, AS_DRAWN, AT_RANDOM, REMOVED, AGAINST = IMAGES = (
    "mark on effusions",
    "as they are",
    "mark at random",
    "mark removed",
    "mark on normals",
)
ADDED = "mark added"


def use_table(
    labels: np.ndarray,
    patients: np.ndarray,
    marked: np.ndarray,
    without: np.ndarray,
    with_mark: np.ndarray,
) -> pd.DataFrame:
    """What the mark does to a network's probabilities.

    Args:
        labels: int (n,), 0 or 1.
        patients: str (n,), "" where unknown.
        marked: bool (n,), whether the image as it is bears the mark.
        without: float (n,), the network's probabilities for the images without the mark.
        with_mark: float (n,), likewise with it.

    Returns:
        Rows of shortcut_use.csv: statistic, images, value, low, high (95 % over patients) and n;
        NaN where undefined. `auroc` of each of `IMAGES`, "mark at random" being the mean over all
        ways to deal the mark out, found by giving each image with and without; `auroc_drop` from
        "mark on effusions", so that it does not depend on who bears the mark in the data set;
        `probability_change`, mean, and `called_otherwise`, share, where it is added.
    """
    kinds = {
        FOLLOWS: [np.where(labels == 1, with_mark, without)],
        AS_DRAWN: [np.where(marked, with_mark, without)],
        AT_RANDOM: [without, with_mark],
        REMOVED: [without],
        AGAINST: [np.where(labels == 1, without, with_mark)],
    }
    groups = intervals.group(patients)
    scored = {name: _auroc(labels, versions, groups) for name, versions in kinds.items()}
    moved = means.by_patient(with_mark - without, patients)
    rows = [
        *(("auroc", name, *_ends(score, "auroc")) for name, score in scored.items()),
        *(
            ("auroc_drop", name, *intervals.difference(scored[FOLLOWS], scored[name], "auroc"))
            for name in (AT_RANDOM, REMOVED, AGAINST)
        ),
        ("probability_change", ADDED, *means.mean_interval(moved, bound=1)),
        ("called_otherwise", ADDED, *share(flipped(without, with_mark), patients)),
    ]
    columns = ["statistic", "images", "value", "low", "high"]
    table = pd.DataFrame(rows, columns=columns).assign(n=len(labels))
    return table.astype(dict.fromkeys(columns[2:], float))


def _auroc(labels: np.ndarray, versions: list[np.ndarray], groups: np.ndarray) -> intervals.Scored:
    times, together = len(versions), np.concatenate(versions)
    estimate = metrics.auroc(np.tile(labels, times), together)
    return intervals.combine([{"auroc": estimate}], np.tile(groups, times))


def _ends(scored: intervals.Scored, metric: str) -> tuple[float, float | None, float | None]:
    return scored.values[metric][0], *scored.interval(metric)


def share(parts: np.ndarray, patients: np.ndarray) -> tuple[float, float | None, float | None]:
    """Mean of shares, (n,) from 0 to 1 or bool, with its interval, see `cxr.intervals`."""
    scored = intervals.combine([{"share": metrics.mean(parts)}], intervals.group(patients))
    return _ends(scored, "share")


def use_of_mark(table: pd.DataFrame) -> str:
    """Whether a network uses the mark: by how much its AUROC drops when the mark tells nothing.

    USES where the interval of the drop from "mark on effusions" to "mark at random" lies above 0,
    UNUSED where it does not, but stays within `NEGLIGIBLE` on both sides of 0, OPEN otherwise.

    Args:
        table: shortcut_use.csv, see `use_table`.
    """
    drop = table.set_index(["statistic", "images"]).loc[("auroc_drop", AT_RANDOM)]
    if drop["low"] > means.ROUNDING:
        return USES
    return UNUSED if drop["low"] > -NEGLIGIBLE and drop["high"] < NEGLIGIBLE else OPEN


def flipped(without: np.ndarray, with_mark: np.ndarray) -> np.ndarray:
    """Images that the network calls otherwise with the mark, bool (n,), from 0.5 an effusion."""
    return (without >= 0.5) != (with_mark >= 0.5)


def confounder_sensitivity(maps: np.ndarray, places: np.ndarray, top: float = TOP) -> np.ndarray:
    """Share of the mark's pixels among the highest pixels of each map, as Sun et al. define it.

    |T and C| / |C|, T being the pixels with the `top` share of the highest values and C those of
    the mark. Where pixels tie for the last places, each gets its share of them: a map that is the
    same everywhere scores `top`, as a random one does on average.

    Args:
        maps: float (n, side, side), of images with the mark.
        places: bool (n, side, side), where the mark is.

    Returns:
        float64 (n,), 0 to 1; NaN where there is no mark, or one larger than T, such as another
        exposure, which is everywhere.
    """
    count = max(1, round(top * maps[0].size)) if len(maps) else 0
    return np.array(
        [
            _share_on_top(cam.ravel(), place.ravel(), count)
            for cam, place in zip(maps, places, strict=True)
        ],
        dtype=float,
    )


def _share_on_top(cam: np.ndarray, place: np.ndarray, count: int) -> float:
    if not 0 < place.sum() <= count:
        return np.nan
    cut = np.partition(cam, -count)[-count]
    above, level = cam > cut, cam == cut
    dealt = (count - above.sum()) / level.sum()
    return float((above[place].sum() + dealt * level[place].sum()) / place.sum())


def explanation_ncc(with_mark: np.ndarray, without: np.ndarray) -> np.ndarray:
    """Normalised cross-correlation of the maps of an image with and without the mark.

    mean((a - mean a)(b - mean b)) / (sd a sd b), the paper's explanation NCC: near 1 where the
    explanation stays the same although the mark changed, low where it shows the change.

    Args:
        with_mark: float (n, side, side), one map per image.
        without: Likewise, of the same images.

    Returns:
        float64 (n,), -1 to 1; NaN where one of the two is the same everywhere.
    """
    values = np.full(len(with_mark), np.nan)
    for row, pair in enumerate(zip(with_mark, without, strict=True)):
        if all(np.ptp(cam) > 0 for cam in pair):
            a, b = (cam - cam.mean(dtype=np.float64) for cam in pair)
            length = np.sqrt((a * a).sum() * (b * b).sum())
            values[row] = np.clip((a * b).sum() / length, -1, 1)
    return values


def rows(method: str, part: pd.DataFrame, patients: np.ndarray, use: str) -> list[dict]:
    """Rows of checks.csv: whether a method's maps show the mark, and whether they should.

    A map shows the mark where at least `HALF` of its place is highlighted with it, and not without
    it: a map that always lights up a corner shows nothing. Where the network uses the mark, the
    images that it calls otherwise with it are looked at alone, as in Sun et al.: they are known to
    be called by the mark.

    Args:
        method: Its name.
        part: Its rows of shortcut.csv.
        patients: str (n,), of these rows, "" where unknown.
        use: What `use_of_mark` says of the network.

    Returns:
        method, check, statistic, value, low, high, n and verdict of `mark_shown`, the share of
        the maps that show the mark: the detection rate or, where the network does not use it, the
        rate of false alarms; and the means of `confounder_sensitivity` and `explanation_ncc`. Fewer
        than `cxr.means.FEWEST` patients tell nothing.
    """
    looked_at = (part["called_otherwise"] == 1).to_numpy() | (use != USES)
    part, patients = part[looked_at], patients[looked_at]
    if len(set(intervals.group(patients))) < means.FEWEST:
        use = OPEN
    ncc, placed = part["explanation_ncc"].to_numpy(), part["sensitivity_marked"].notna().to_numpy()
    shown, level = part.loc[placed, ["sensitivity_marked", "sensitivity_without"]].to_numpy().T
    rate = share((shown >= HALF) & (level < HALF), patients[placed])
    highlighted = share(shown, patients[placed])
    left = means.mean_interval(means.by_patient(ncc, patients), bound=1)
    found = {
        "mark_shown": (rate, placed, verdict(*rate[1:], use)),
        "confounder_sensitivity": (highlighted, placed, verdict(*highlighted[1:], use)),
        "explanation_ncc": (left, ~np.isnan(ncc), verdict(1 - left[2], 1 - left[1], use)),
    }
    return [
        {"method": method, "check": "shortcut", "statistic": name}
        | dict(zip(("value", "low", "high"), ends, strict=True))
        | {"n": int(counted.sum()), "verdict": said}
        for name, (ends, counted, said) in found.items()
    ]


def verdict(low: float | None, high: float | None, use: str) -> str:
    """Whether a method's maps are right about the mark.

    They say that the network uses it where the interval of what they show lies above `HALF`, and
    that it does not where it lies below: "pass" where this is so, "fail" where it is not, "cannot
    tell" where the interval reaches to both sides, there is none, or the use is not known.
    """
    if use == OPEN or low is None or not (low > HALF or high < HALF):  # NaN, too
        return "cannot tell"
    return "pass" if (low > HALF) == (use == USES) else "fail"
