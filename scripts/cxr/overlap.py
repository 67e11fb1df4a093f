"""Images of another data set that are also in the one that is learned from."""

import numpy as np
import pandas as pd

from cxr.words import count


def in_both(own: pd.DataFrame, other: pd.DataFrame, same_patients: bool) -> np.ndarray:
    """Why images of another data set are no new ones.

    Args:
        own: The manifest of the data set that is learned from.
        other: The manifest of the other one.
        same_patients: Whether both name the same patient alike.

    Returns:
        str (n,), for each image of `other`: "file" (the same file), "patient" (another one of a
        patient who is in both) or "".
    """
    files = other["sha256"].isin(own["sha256"])
    patients = set(other.loc[files, "patient"])
    if same_patients:
        patients |= set(own["patient"])
    known = other["patient"].isin(patients - {""})
    return np.select([files, known], ["file", "patient"], "")


def overlap_note(table: pd.DataFrame, own_patients: pd.Series) -> str:
    """What was left out and why, and what could not be told.

    Args:
        table: The images of the other data set, columns overlap (see `in_both`) and patient.
        own_patients: Patients of the data set that was learned from.
    """
    files, others = ((table["overlap"] == why).sum() for why in ("file", "patient"))
    parts = []
    if files:
        parts.append(f"left out {count(files, 'image')} that both data sets hold")
    if others:
        parts.append(f"left out {count(others, 'image')} of patients in both data sets")
    new = table.loc[table["overlap"] == "", "patient"]
    shared = len(set(new) & set(own_patients) - {""})
    if shared:
        parts.append(
            f"{count(shared, 'patient')} of the same number in both, taken for different people"
        )
    return "; ".join(parts)
