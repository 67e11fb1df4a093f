"""What does the search for copies and for one person's X-rays find, and what does it miss?

    python benchmarks/leakage_power.py results/phantom [results/chest_xrays results/nih ...]

Each folder holds images.npy and manifest.csv, as pleura makes them. For each, prints:

- near-duplicates: a second version, of one kind at a time, of 60 X-rays is added to the set; how
  many of the 60 pairs are found (exact 95 % interval);
- where patients are known, one person's X-rays: the share of all pairs of one patient's X-rays that
  are found (95 % bootstrap interval over patients), the patients with several X-rays of whom a pair
  is found, of those with two X-rays with an exact 95 % interval, and how many pairs of two patients
  are found as well. First in each half of the patients, with the least likeness that gives at most
  2 false pairs in 100,000 in the *other* half; then with `cxr.pairs.SAME_PERSON`.

What was measured on the folders in `FOLDERS` is compared with `cxr.leaks.SEEN`, which the audit of
a split quotes; where they differ, says so and exits with 1.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from cxr.images import prepare
from cxr.leaks import SEEN
from cxr.likeness import describe
from cxr.pairs import RESEMBLING, SAME_PERSON, find_pairs, likely

COPIES = 60
FALSE = 2e-5  # of the pairs of two patients
SEED = 0
FOLDERS = {  # whose sums `SEEN` holds; nih is the 1,000 X-rays at 64 px that it names
    "near-duplicate": ("phantom", "chest_xrays"),
    "same-person": ("nih",),
    "resembling": ("nih",),
}
Counts = tuple[int, int, int, int]  # found, of how many, false pairs, of how many: as in `SEEN`


def grey(image: np.ndarray) -> np.ndarray:
    """A prepared X-ray as 8-bit grey values."""
    low, high = image.min(), image.max()
    return np.round((image - low) / (high - low) * 255).astype(np.uint8)


def zoomed(image: np.ndarray, scale: float, turn: float = 0, across: float = 0) -> np.ndarray:
    """An image scaled, turned (degrees) and shifted (share of its width) about its middle."""
    side = image.shape[0]
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), turn, scale)
    matrix[0, 2] += across * side
    return cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR)


def tone(image: np.ndarray, gamma: float) -> np.ndarray:
    """An image with its grey values bent."""
    return np.round((image / 255.0) ** gamma * 255).astype(np.uint8)


def clipped(image: np.ndarray) -> np.ndarray:
    """An image exposed so hard that a tenth of the pixels are black and a tenth white."""
    low, high = np.percentile(image, [10, 90])
    return np.clip((image - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """An image after JPEG compression."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)


def cropped(image: np.ndarray, share: float) -> np.ndarray:
    """An image without its outermost `share` on the left and below, stretched to a square."""
    cut = round(image.shape[0] * share)
    return image[: image.shape[0] - cut, cut:]


def equalised(image: np.ndarray) -> np.ndarray:
    """An image after contrast-limited adaptive histogram equalisation."""
    return cv2.createCLAHE(2.0, (8, 8)).apply(image)


VERSIONS = {
    "mirrored": lambda image: image[:, ::-1],
    "inverted": lambda image: 255 - image,
    "scaled by 0.85": lambda image: zoomed(image, 0.85),
    "scaled by 1.15": lambda image: zoomed(image, 1.15),
    "turned by 5 degrees": lambda image: zoomed(image, 1, 5),
    "shifted by 8 %": lambda image: zoomed(image, 1, 0, 0.08),
    "cropped by 8 %": lambda image: cropped(image, 0.08),
    "gamma 0.5": lambda image: tone(image, 0.5),
    "gamma 2": lambda image: tone(image, 2),
    "exposed too hard": clipped,
    "equalised (CLAHE)": equalised,
    "JPEG quality 20": lambda image: jpeg(image, 20),
    "mirrored, 1.1, gamma 0.7, JPEG 50": lambda image: jpeg(
        tone(zoomed(image[:, ::-1], 1.1), 0.7), 50
    ),
    "inverted, cropped 5 %, gamma 1.5": lambda image: 255 - tone(cropped(image, 0.05), 1.5),
}


def duplicates(images: np.ndarray, manifest: pd.DataFrame) -> Counts:
    """Print the recall of near-duplicates by version.

    Args:
        images: float32 (n, side, side), at least `COPIES` of them.
        manifest: Columns id, patient and sha256, a row per image.

    Returns:
        The copies of all versions; false pairs are those of the version that has most.
    """
    rows = np.random.default_rng(SEED).choice(len(images), COPIES, replace=False)
    known = manifest[["id", "patient", "sha256"]]
    added = known.iloc[rows].assign(
        id=[f"copy of {name}" for name in known["id"].iloc[rows]],
        sha256=[f"copy {row}" for row in rows],
    )
    table = pd.concat([known, added], ignore_index=True)
    wanted = set(zip(known["id"].iloc[rows], added["id"], strict=True))
    found, others = 0, []
    for name, change in VERSIONS.items():
        copies = [change(grey(images[row])) for row in rows]
        copies = [prepare(np.ascontiguousarray(c), images.shape[1], "area") for c in copies]
        pairs = find_pairs(np.concatenate([images, copies]), table)
        ends = zip(pairs["first"], pairs["second"], strict=True)
        pairs["wanted"] = [pair in wanted for pair in ends]
        near = pairs[pairs["kind"].isin(["identical", "near-duplicate"])]
        hits = int(near["wanted"].sum())
        interval = binomtest(hits, COPIES).proportion_ci()
        found += hits
        others.append(len(near) - hits)
        also = int((pairs["wanted"] & ~pairs.index.isin(near.index)).sum())
        print(
            f"  {name:34}{hits:3} of {COPIES} ({interval.low:.0%}-{interval.high:.0%}), "
            f"{also} more as one person; {others[-1]} other pairs"
        )
    return found, COPIES * len(VERSIONS), max(others), len(images) * (len(images) - 1) // 2


def found_persons(images: np.ndarray, patients: np.ndarray) -> pd.DataFrame:
    """Pairs worth a closer look: first, second (rows), likeness, and whether of one patient."""
    rows = [
        (first, second, likeness)
        for _, likeness, (first, second), mirror in likely(describe(images))
        if not mirror
    ]
    pairs = pd.DataFrame(rows, columns=["first", "second", "likeness"])
    return pairs.assign(same=patients[pairs["first"]] == patients[pairs["second"]])


def threshold(pairs: pd.DataFrame, patients: np.ndarray) -> float:
    """The least likeness that gives at most `FALSE` of the pairs of two patients."""
    allowed = int(FALSE * (len(patients) * (len(patients) - 1) / 2 - same_pairs(patients).sum()))
    return float(pairs.loc[~pairs["same"], "likeness"].nlargest(allowed + 1).iloc[-1]) + 1e-6


def same_pairs(patients: np.ndarray) -> pd.Series:
    """Number of pairs of X-rays of each patient with several."""
    counts = pd.Series(patients).value_counts()
    counts = counts[counts > 1]
    return counts * (counts - 1) // 2


def report(
    name: str, pairs: pd.DataFrame, known: np.ndarray, patients: np.ndarray, least: float
) -> Counts:
    """Print what is found from some likeness on.

    Args:
        name: Before the numbers.
        pairs: See `found_persons`.
        known: str (n,), patients of all images, in which `pairs` names rows.
        patients: Those of the images that `pairs` is about.
        least: The likeness.

    Returns:
        Those of the patients with two X-rays.
    """
    there = same_pairs(patients)
    hits = pairs[pairs["likeness"] >= least]
    right = pd.Series(known[hits.loc[hits["same"], "first"]]).value_counts()
    right = right.reindex(there.index, fill_value=0)
    draws = np.random.default_rng(SEED).integers(0, len(there), (1000, len(there)))
    resampled = right.to_numpy()[draws].sum(axis=1) / there.to_numpy()[draws].sum(axis=1)
    low, high = np.percentile(resampled, [2.5, 97.5])
    two = right[there == 1]
    both = binomtest(int(two.sum()), max(1, len(two))).proportion_ci()
    others = len(patients) * (len(patients) - 1) // 2 - there.sum()
    wrong = int((~hits["same"]).sum())
    rate = binomtest(wrong, int(others)).proportion_ci()
    seen = (right > 0).sum()
    print(
        f"  {name:32}likeness {least:.2f}: {right.sum()} of {there.sum()} pairs "
        f"({right.sum() / there.sum():.1%}, {low:.1%}-{high:.1%}), a pair of {seen} of "
        f"{len(there)} patients, of those with two X-rays {two.sum()} of {len(two)} "
        f"({two.mean():.0%}, {both.low:.0%}-{both.high:.0%}); "
        f"{wrong} of {others:,} false ({wrong / others * 1e5:.1f} in 100,000, "
        f"{rate.low * 1e5:.1f}-{rate.high * 1e5:.1f})"
    )
    return int(two.sum()), len(two), wrong, int(others)


def persons(images: np.ndarray, patients: np.ndarray) -> dict[str, Counts]:
    """Print how many pairs of one patient's X-rays are found, and how many false ones.

    Args:
        images: float32 (n, side, side).
        patients: str (n,), all known.

    Returns:
        By kind of pairs, among all images.
    """
    pairs = found_persons(images, patients)
    names = np.unique(patients)
    chosen = np.random.default_rng(SEED).permutation(names)[: len(names) // 2]
    inside = np.isin(patients, chosen)
    ends = inside[pairs["first"]], inside[pairs["second"]]
    halves = [
        (pairs[ends[0] & ends[1]], patients[inside]),
        (pairs[~ends[0] & ~ends[1]], patients[~inside]),
    ]
    for number, (half, other) in enumerate((halves, halves[::-1]), start=1):
        least = threshold(*other)
        report(f"half {number}, chosen on the other", half[0], patients, half[1], least)
        report(f"half {number}", half[0], patients, half[1], SAME_PERSON)
    return {
        "same-person": report("all", pairs, patients, patients, SAME_PERSON),
        "resembling": report("all, resembling too", pairs, patients, patients, RESEMBLING),
    }


def compare(measured: dict[tuple[str, str], Counts]) -> None:
    """End with what differs where `SEEN` does not hold what was measured, by folder and kind."""
    different = []
    for kind, folders in FOLDERS.items():
        parts = [measured.get((name, kind), (0,) * 4) for name in folders]
        found, told = tuple(map(sum, zip(*parts, strict=True))), SEEN[kind][:4]
        if found[3] != told[3]:
            print(f"{kind}: not compared with cxr.leaks.SEEN, which is of other images")
        elif found != told:
            different.append(f"{kind}: measured {found}, but cxr.leaks.SEEN says {told}")
    if different:
        raise SystemExit("\n".join(different))


def main(folders: list[Path]) -> None:
    """Print both parts for each folder, and compare them with `SEEN`."""
    cv2.setNumThreads(1)
    measured = {}
    for folder in folders:
        images = np.load(folder / "images.npy", mmap_mode="r")
        manifest = pd.read_csv(folder / "manifest.csv", dtype=str, keep_default_na=False)
        patients = manifest["patient"].to_numpy()
        print(f"{folder.name}: {len(images)} X-rays, {images.shape[1]} px")
        found = persons(images, patients) if (patients != "").all() else {}
        found["near-duplicate"] = duplicates(images, manifest)
        measured |= {(folder.name, kind): counts for kind, counts in found.items()}
    compare(measured)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main([Path(name) for name in sys.argv[1:]])
