"""What a split leaks, check by check, and what each check can see."""

import pandas as pd
from scipy.stats import binomtest

from cxr.pairs import FEWEST_DUPLICATES, FEWEST_PERSONS
from cxr.together import COPIES, straddling

KINDS = (*COPIES, "same-person", "resembling")
ENOUGH = 20  # patients with two X-rays, to measure the power on the data set itself
# Measured, and compared with what is measured again, by benchmarks/leakage_power.py: copies, or
# pairs of the patients with two X-rays, that are found, of how many; and pairs of two patients that
# are found, of how many
NIH = "1,000 NIH X-rays of 264 patients, 64 px"
SEEN = {
    "near-duplicate": (1612, 1680, 0, 489_300, "copies of X-rays and phantoms, changed in 14 ways"),
    "same-person": (25, 49, 9, 491_169, NIH),
    "resembling": (28, 49, 53, 491_169, NIH),
}


def checks(manifest: pd.DataFrame, parts: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """Check a split for patients and for pairs of images that stand in two of its parts.

    Args:
        manifest: With the columns id, label and patient ("" where unknown).
        parts: The part of each image, by id; see `cxr.folds.parts`.
        pairs: pairs.csv.

    Returns:
        leakage.csv, as its schema describes it.
    """
    rows = [_patients(manifest, parts)]
    labels = manifest.set_index("id")["label"]
    for kind in KINDS:
        part = of_kind(pairs, kind)
        across = part[straddling(part, parts)]
        differ = labels[part["first"]].to_numpy() != labels[part["second"]].to_numpy()
        row = {"check": kind, "found": len(part), "across": len(across)}
        row |= {"labels_differ": int(differ.sum())} | power(kind, pairs, manifest)
        rows.append(row | dict(zip(("verdict", "reason"), _judge(row, manifest), strict=True)))
    return pd.DataFrame(rows)


def of_kind(pairs: pd.DataFrame, kind: str) -> pd.DataFrame:
    """The pairs of one kind, without those of patients who are known to differ; but with copies."""
    believed = (pairs["patients"] != "different") | pairs["kind"].isin(COPIES)
    return pairs[(pairs["kind"] == kind) & believed]


def relatives(kind: str, manifest: pd.DataFrame, parts: pd.Series, pairs: pd.DataFrame) -> set[str]:
    """The images that have a relative in another part of the split.

    Args:
        kind: `patients`, or a kind of pairs.csv.
        manifest, parts, pairs: See `checks`.

    Returns:
        Their ids.
    """
    if kind == "patients":
        known = manifest[manifest["patient"] != ""]
        spread = _spread(known, parts)
        return set(known.loc[known["patient"].isin(spread.index[spread > 1]), "id"])
    part = of_kind(pairs, kind)
    across = part[straddling(part, parts)]
    return {*across["first"], *across["second"]}


def _spread(known: pd.DataFrame, parts: pd.Series) -> pd.Series:
    """In how many parts each patient stands."""
    return parts.astype(str)[known["id"]].groupby(known["patient"].to_numpy()).nunique()


def _patients(manifest: pd.DataFrame, parts: pd.Series) -> dict:
    known = manifest[manifest["patient"] != ""]
    groups = known.groupby("patient")
    spread = _spread(known, parts)
    row = {
        "check": "patients",
        "found": int((groups.size() > 1).sum()),
        "across": int((spread > 1).sum()),
        "labels_differ": int((groups["label"].nunique() > 1).sum()),
    }
    unknown = len(manifest) - len(known)
    if row["across"]:
        return row | {"verdict": "fail", "reason": "patients stand in more than one part"}
    if unknown:
        return row | {
            "verdict": "cannot tell",
            "reason": f"the patient of {unknown} of {len(manifest)} X-rays is unknown",
        }
    return row | {"verdict": "pass", "reason": "the patient of every X-ray is known"}


def power(kind: str, pairs: pd.DataFrame, manifest: pd.DataFrame) -> dict:
    """What the search for a kind of pairs sees, measured on the data set itself if it can be.

    Args:
        kind: As in pairs.csv.
        pairs: pairs.csv.
        manifest: With the columns id and patient.

    Returns:
        `recall` with `recall_low` and `recall_high`, its exact 95 % interval: the share of copies,
        or of persons with two X-rays, that are found; `false_pairs`, of 100,000 pairs of unrelated
        X-rays, or of two persons, that are found as well; `measured_on`.
    """
    if kind == "identical":
        return {"recall": 1.0, "false_pairs": 0.0, "measured_on": "compared byte by byte"}
    found, there, wrong, others, where = SEEN[kind]
    patient = manifest.set_index("id")["patient"]
    counts = patient[patient != ""].value_counts()
    two = counts.index[counts == 2]
    if kind != "near-duplicate" and len(two) >= ENOUGH and len(manifest) >= FEWEST_PERSONS:
        hits = pairs[pairs["kind"].isin(KINDS[: KINDS.index(kind) + 1])]
        same = patient[hits.loc[hits["patients"] == "same", "first"]]
        found, there = int(same.isin(two).sum()), len(two)
        wrong = int((hits["patients"] == "different").sum())
        others = _pairs(counts.sum()) - _pairs(counts).sum()
        where = "this data set, whose patients are known"
    interval = binomtest(found, there).proportion_ci()
    return {
        "recall": found / there,
        "recall_low": interval.low,
        "recall_high": interval.high,
        "false_pairs": wrong / others * 1e5,
        "measured_on": where,
    }


def _pairs(number):
    return number * (number - 1) // 2


def _judge(row: dict, manifest: pd.DataFrame) -> tuple[str, str]:
    """A verdict on one kind of pairs, and why."""
    kind, count = row["check"], len(manifest)
    chance = row["false_pairs"] * _pairs(count) / 1e5
    if row["across"] and kind != "resembling":
        by_chance = f"; about {chance:.0f} are found by chance" if kind == "same-person" else ""
        return "fail", f"such pairs stand in two parts{by_chance}"
    if kind == "identical":
        return "pass", "every copy is found"
    if count < FEWEST_DUPLICATES or (count < FEWEST_PERSONS and kind != "near-duplicate"):
        return "cannot tell", f"{count} X-rays are too few for the search"
    if kind == "near-duplicate":
        return "pass", f"{row['recall']:.0%} of such copies are found"
    if (manifest["patient"] != "").all():
        return "pass", "patients are known"
    missed = f"of persons with two X-rays, {1 - row['recall']:.0%} go unnoticed"
    return "cannot tell", f"{missed}; about {chance:.0f} such pairs are found by chance"
