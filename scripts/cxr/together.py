"""Which images a split keeps in one subset: a patient's, copies, and suspected same persons'."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

COPIES = ("identical", "near-duplicate")
KINDS = {  # of pairs that stay together, by split.together
    "suspected": (*COPIES, "same-person"),
    "duplicates": COPIES,
    "patients": (),
    "images": (),
}


def kept_together(pairs: pd.DataFrame, together: str) -> pd.DataFrame:
    """The pairs that a split keeps in one subset.

    Args:
        pairs: pairs.csv.
        together: As split.together in the config. Two patients who are known to differ are not
            one person, however alike their X-rays.
    """
    wanted = pairs["kind"].isin(KINDS[together])
    persons = (pairs["kind"] == "same-person") & (pairs["patients"] == "different")
    return pairs[wanted & ~persons]


def groups(ids: np.ndarray, patients: np.ndarray, pairs: pd.DataFrame) -> np.ndarray:
    """Name the groups of images that belong together, by patient or by pair, however indirectly.

    Args:
        ids: str (n,), the images.
        patients: str (n,), "" where unknown.
        pairs: With the columns first and second, ids.

    Returns:
        str (n,), the same name throughout a group: its first patient's, or, where no patient is
        known, its first image's after a space; "" for an image that belongs to no other.
    """
    rows = pd.Series(np.arange(len(ids)), ids)
    known = np.flatnonzero(patients != "")
    persons = np.unique(patients[known], return_inverse=True)[1] + len(ids)  # nodes like images
    starts = np.concatenate([rows[pairs["first"]], known])
    ends = np.concatenate([rows[pairs["second"]], persons])
    nodes = len(ids) + len(known)
    links = coo_array((np.ones(len(starts)), (starts, ends)), shape=(nodes, nodes))
    parts = connected_components(links, directed=False)[1][: len(ids)]
    first = pd.DataFrame({"patient": patients, "id": ids}, dtype=object).replace(
        {"patient": {"": None}}
    )
    first = first.groupby(parts).first()
    names = first["patient"].fillna(" " + first["id"])
    return np.where(np.isin(parts, parts[starts]), names[parts], "")


def split_groups(manifest: pd.DataFrame, pairs: pd.DataFrame, together: str) -> np.ndarray:
    """Name the groups of images that a split keeps together; see `groups`.

    Args:
        manifest: With the columns id and patient.
        pairs: pairs.csv.
        together: As split.together in the config; `images` leaves even patients aside.
    """
    patients = manifest["patient"].to_numpy(dtype=object)
    if together == "images":
        patients = np.full(len(patients), "", dtype=object)
    return groups(manifest["id"].to_numpy(), patients, kept_together(pairs, together))


def reunite(
    subsets: np.ndarray, labels: np.ndarray, groups: np.ndarray, order: tuple[str, ...], seed: int
) -> np.ndarray:
    """Mend a split that was drawn image by image, so that it parts no group.

    Each group goes to the first subset of `order` that it already stands in. For an image that
    moves, one of the same class that belongs to no group moves the other way, drawn at random, so
    every subset keeps its numbers of both classes, as long as there are such images.

    Args:
        subsets: str (n,), as drawn.
        labels: int (n,), 0 or 1.
        groups: str (n,), "" for an image that belongs to no other; see `groups`.
        order: The subsets, the preferred first.
        seed: Random state.

    Returns:
        str (n,), the subset of each image.
    """
    random = np.random.default_rng(seed)
    mended = subsets.copy()
    for name in pd.unique(groups[groups != ""]):
        members = np.flatnonzero(groups == name)
        target = min(mended[members], key=order.index)
        for row in members[mended[members] != target]:
            free = (mended == target) & (groups == "") & (labels == labels[row])
            if free.any():
                mended[random.choice(np.flatnonzero(free))] = mended[row]
            mended[row] = target
    return mended


def straddling(pairs: pd.DataFrame, parts: pd.Series) -> np.ndarray:
    """Which pairs stand in two parts of a split.

    Args:
        pairs: With the columns first and second, ids.
        parts: The part of each image, by id; see `cxr.folds.parts`.

    Returns:
        bool, one per pair.
    """
    first, second = (parts.astype(str)[pairs[side]].to_numpy() for side in ("first", "second"))
    return first != second
