"""Pairs of X-rays that do not belong into different subsets: copies, and one person's X-rays."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.likeness import COMPONENTS, Described, candidates, compare, describe
from cxr.parallel import in_order

# benchmarks/leakage_power.py says what these find and what they miss
NEAR_DUPLICATE = 0.92  # correlation
SAME_PERSON, RESEMBLING = 0.6, 0.55  # likeness
NEAREST, LEAST = 5, 0.2  # of an X-ray's neighbours that are compared closely, and their cosine
NEAREST_MIRRORED = 2  # of the mirror images, which can only be copies
FEWEST_DUPLICATES, FEWEST_PERSONS = 8, 4 * COMPONENTS  # X-rays to learn from


def find_pairs(
    images: np.ndarray, manifest: pd.DataFrame, threads: int = 1, scratch: Path | None = None
) -> pd.DataFrame:
    """Find the pairs of X-rays that are, or may be, of one picture or of one person.

    Args:
        images: float32 (n, side, side), each of mean 0 and standard deviation 1.
        manifest: With the columns id, patient ("" where unknown) and sha256, a row per image.
        threads: That work side by side; their number changes no bit.
        scratch: Folder of the temporary files, see `cxr.likeness.describe`.

    Returns:
        pairs.csv as its schema describes it, pairs in the order of the manifest.
    """
    pairs = dict.fromkeys(copies(images, manifest["sha256"]), ("identical", 1.0, 1.0, False))
    if len(images) >= FEWEST_DUPLICATES:
        found = [
            (correlation, likeness, pair, mirror, kind)
            for correlation, likeness, pair, mirror in likely(
                describe(images, threads, scratch), threads
            )
            if (kind := kind_of(correlation, likeness, mirror, len(images)))
        ]
        for correlation, likeness, pair, mirror, kind in sorted(found, reverse=True):
            pairs.setdefault(pair, (kind, likeness, correlation, mirror))
    ids, patients = manifest["id"].to_numpy(), manifest["patient"].to_numpy()
    rows = [
        (ids[a], ids[b], kind, likeness, correlation, int(mirror), relation(*patients[[a, b]]))
        for (a, b), (kind, likeness, correlation, mirror) in sorted(pairs.items())
    ]
    names = ["first", "second", "kind", "likeness", "correlation", "mirrored", "patients"]
    return pd.DataFrame(rows, columns=names).round({"likeness": 3, "correlation": 3})


def copies(images: np.ndarray, checksums: pd.Series) -> list[tuple[int, int]]:
    """Rows of images whose files, or whose prepared pixels, are the same; a copy after its first.

    Args:
        images: float32 (n, side, side).
        checksums: Of the files, str (n,).
    """
    pixels = np.empty(len(images), "S32")
    for row, image in enumerate(images):
        pixels[row] = hashlib.sha256(np.ascontiguousarray(image)).digest()
    pairs = set()
    for keys in (pixels, checksums.to_numpy().astype("S")):
        _, firsts, groups = np.unique(keys, return_index=True, return_inverse=True)
        firsts = firsts[groups]
        rows = np.flatnonzero(firsts != np.arange(len(keys)))
        pairs |= set(zip(firsts[rows].tolist(), rows.tolist(), strict=True))
    return sorted(pairs)


def likely(
    known: Described, threads: int = 1
) -> Iterator[tuple[float, float, tuple[int, int], bool]]:
    """Pairs worth a closer look: correlation, likeness, rows, and whether one was mirrored."""
    for mirror, others, nearest in (
        (False, known.vectors, NEAREST),
        (True, known.mirror_vectors, NEAREST_MIRRORED),
    ):
        found = candidates(known.vectors, others, nearest, LEAST, threads)
        pairs = np.unique(np.sort(found, axis=1), axis=0)
        alike = in_order(lambda pair, mirror=mirror: compare(known, *pair, mirror), pairs, threads)
        for pair, (correlation, likeness) in zip(pairs, alike, strict=True):
            yield correlation, likeness, tuple(pair.tolist()), mirror


def kind_of(correlation: float, likeness: float, mirror: bool, count: int) -> str:
    """What two X-rays are to each other; "" if nothing speaks for more than chance.

    Args:
        correlation, likeness: See `cxr.likeness.compare`.
        mirror: Whether one was mirrored; nobody's heart changes sides, so only copies are.
        count: X-rays in all.
    """
    if correlation >= NEAR_DUPLICATE:
        return "near-duplicate"
    if mirror or count < FEWEST_PERSONS or likeness < RESEMBLING:
        return ""
    return "same-person" if likeness >= SAME_PERSON else "resembling"


def relation(first: str, second: str) -> str:
    """Whether two patients are the same, different, or (one of them) unknown."""
    if not first or not second:
        return "unknown"
    return "same" if first == second else "different"
