"""Images of another data set that are also in the one that is learned from."""

from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.arrays import scratch_array
from cxr.likeness import SIDE, reduced
from cxr.pairs import find_pairs
from cxr.together import COPIES, kept_together
from cxr.words import count


def pairs_across(
    own_images: np.ndarray,
    own: pd.DataFrame,
    other_images: np.ndarray,
    other: pd.DataFrame,
    same_patients: bool,
    scratch: Path | None = None,
) -> pd.DataFrame:
    """Find copies, and X-rays that seem to be of one person, in two data sets.

    Args:
        own_images, other_images: float32 (n, side, side), each of mean 0 and standard deviation 1;
            the sides may differ.
        own, other: Their manifests.
        same_patients: Whether both name the same patient alike.
        scratch: Folder of the temporary files, 49 kB an image; by default the system's.

    Returns:
        What `cxr.pairs.find_pairs` finds, first in `own` and second in `other`, without those
        that are known to be of two patients.
    """
    if not same_patients:
        own = own.assign(patient="")
    both = pd.concat([own, other], ignore_index=True)
    images = scratch_array((len(both), SIDE, SIDE), scratch)
    for row, image in enumerate(chain(own_images, other_images)):
        images[row] = reduced(image)
    found = find_pairs(images, both.assign(id=both.index), scratch=scratch)
    pairs = kept_together(found, "suspected")
    across = pairs[(pairs["first"] < len(own)) & (pairs["second"] >= len(own))]
    ids = both["id"]
    return across.assign(first=ids[across["first"]].array, second=ids[across["second"]].array)


def in_both(
    own: pd.DataFrame, other: pd.DataFrame, same_patients: bool, pairs: pd.DataFrame
) -> np.ndarray:
    """Why images of another data set are no new ones.

    Args:
        own: The manifest of the data set that is learned from.
        other: The manifest of the other one.
        same_patients: Whether both name the same patient alike.
        pairs: See `pairs_across`.

    Returns:
        str (n,), for each image of `other`: "file" (the same file), "copy" (the same X-ray),
        "person" (seems to be of a person in both), "patient" (of a patient in both) or "".
    """
    copied = pairs["kind"].isin(COPIES)
    files = other["sha256"].isin(own["sha256"])
    copies, persons = (other["id"].isin(pairs.loc[which, "second"]) for which in (copied, ~copied))
    patients = set(other.loc[files | copies | persons, "patient"])
    if same_patients:
        patients |= set(own["patient"])
    known = other["patient"].isin(patients - {""})
    reasons = {"file": files, "copy": copies, "patient": known & ~persons, "person": persons}
    return np.select(list(reasons.values()), list(reasons), "")


def overlap_note(table: pd.DataFrame, own_patients: pd.Series) -> str:
    """What was left out and why, and what could not be told.

    Args:
        table: The images of the other data set, columns overlap (see `in_both`) and patient.
        own_patients: Patients of the data set that was learned from.
    """
    reasons = {
        ("file", "copy"): "that both data sets hold",
        ("person",): "of what seem to be persons in both data sets",
        ("patient",): "of patients in both data sets",
    }
    left = {why: table["overlap"].isin(kinds).sum() for kinds, why in reasons.items()}
    parts = [f"left out {count(n, 'image')} {why}" for why, n in left.items() if n]
    new = table.loc[table["overlap"] == "", "patient"]
    shared = len(set(new) & set(own_patients) - {""})
    if shared:
        parts.append(
            f"{count(shared, 'patient')} of the same number in both, taken for different people"
        )
    return "; ".join(parts)
