"""How much two chest X-rays look like the same picture, or like the same person.

Every X-ray is laid over the mean chest by an affine map (Evangelidis and Psarakis 2008, "Parametric
image alignment using enhanced correlation coefficient maximization"), so that pose and size count
no more, and reduced to its local contrast, in which exposure does not count: what remains are
ribs, clavicles, heart and devices. Whitened principal components (as in face recognition without
labels: Deng et al. 2005, "Facial expression recognition using whitened PCA and Gabor") then play
down what all chests share. Everything happens at 64 x 64 pixels, whatever the images' size.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from cxr.arrays import scratch_array
from cxr.parallel import in_order

SIDE = 64  # pixels
COMPONENTS = 150  # at most; a quarter of the number of images if that is less
SAMPLE = 2000  # images from which the mean chest and the components are learnt, at most
MEAN_OF = 400  # images behind the mean chest, at most
POSE, DETAIL = 10, 2.5  # standard deviations of the local contrast, pixels
DEPTH = 0.1  # contrast, in standard deviations of the image, below which a place counts as flat
BLUR = 5  # see `fit`
PLAUSIBLE = 0.4, 2.5  # factor by which a map changes areas
BLOCK = 512  # X-rays described, or compared with as many others, at a time
STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)

_distance = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
WINDOW = np.exp(-((_distance / (0.3 * SIDE)) ** 2) / 2).astype(np.float32)  # the chest's middle
WIDE, NARROW = WINDOW.ravel() > 0.3, WINDOW.ravel() > 0.5


class Described(NamedTuple):
    """A set of X-rays, ready to be compared; what has a row per X-ray is in temporary files."""

    laid: np.ndarray  # float32 (n, 64, 64), over the mean chest
    mirrored: np.ndarray  # the same of the mirror images
    vectors: np.ndarray  # float32 (n, components), of length 1
    mirror_vectors: np.ndarray
    mean: np.ndarray  # float32 (64 * 64,)
    components: np.ndarray  # float32 (64 * 64, components), whitening


def reduced(image: np.ndarray) -> np.ndarray:
    """An X-ray, float32 (side, side), at 64 x 64 pixels."""
    method = cv2.INTER_AREA if len(image) > SIDE else cv2.INTER_LINEAR
    return cv2.resize(np.asarray(image), (SIDE, SIDE), interpolation=method)


def local_contrast(image: np.ndarray, scale: float) -> np.ndarray:
    """An image less its surroundings' mean, over their standard deviation.

    Args:
        image: float32 (height, width), standard deviation near 1.
        scale: Standard deviation of the Gaussian that says how far surroundings reach, pixels.
    """
    difference = image - cv2.GaussianBlur(image, (0, 0), scale)
    variance = cv2.GaussianBlur(difference * difference, (0, 0), scale)
    return difference / np.sqrt(variance + DEPTH**2)


def fit(
    template: np.ndarray, image: np.ndarray, blur: int, start: np.ndarray | None = None
) -> np.ndarray:
    """The affine map that lays an image over a template; `start` where no likely one is found.

    Args:
        template: float32 (64, 64).
        image: float32 (64, 64).
        blur: Side of the Gaussian that smooths both, an odd number of pixels.
        start: Where to begin, float32 (2, 3); by default the identity.

    Returns:
        float32 (2, 3), from the template's to the image's coordinates.
    """
    start = np.eye(2, 3, dtype=np.float32) if start is None else start
    motion = cv2.MOTION_AFFINE
    try:  # OpenCV writes into the map it is given
        found = cv2.findTransformECC(template, image, start.copy(), motion, STEPS, None, blur)[1]
    except cv2.error:  # it did not converge
        return start
    smallest, largest = PLAUSIBLE
    return found if smallest < np.linalg.det(found[:, :2]) < largest else start


def warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """An image after the map that `fit` returns."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, matrix, image.shape, flags=flags, borderMode=cv2.BORDER_REPLICATE)


def mean_chest(images: np.ndarray, threads: int, rounds: int = 3) -> np.ndarray:
    """The mean local contrast of some X-rays, sharpened by laying them over it, again and again.

    Args:
        images: float32 (n, side, side).
        threads: That work side by side.
        rounds: How often.
    """
    poses = [local_contrast(reduced(images[row]), POSE) for row in _some(len(images), MEAN_OF)]
    mean = np.mean(poses, axis=0)
    for _ in range(rounds):
        over = partial(_over, mean)
        mean = np.mean(list(in_order(over, poses, threads)), axis=0)
    return mean


def _over(mean: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return warp(pose, fit(mean, pose, BLUR))


def _some(count: int, limit: int) -> np.ndarray:
    """Row numbers below `count`, evenly spread, `limit` at most."""
    return np.linspace(0, count - 1, min(limit, count)).astype(int)


def lay(image: np.ndarray, chest: np.ndarray) -> np.ndarray:
    """Lay an X-ray over the mean chest; one with black bones is inverted first.

    Args:
        image: float32 (64, 64).
        chest: float32 (64, 64), see `mean_chest`.
    """
    pose = local_contrast(image, POSE)
    sign = np.float32(-1 if np.vdot(pose, chest) < 0 else 1)
    whole = fit(chest, sign * pose, BLUR)
    return warp(sign * image, fit(chest * WINDOW, sign * pose, BLUR, whole))


def details(image: np.ndarray) -> np.ndarray:
    """The local contrast in the middle of a laid X-ray, float32 (64 * 64,)."""
    return (local_contrast(image, DETAIL) * WINDOW).ravel()


def describe(images: np.ndarray, threads: int = 1, scratch: Path | None = None) -> Described:
    """Make X-rays ready to be compared.

    Args:
        images: float32 (n, side, side), n at least 4; each of mean 0 and standard deviation 1.
        threads: That work side by side; their number changes no bit.
        scratch: Folder of the temporary files, 33 kB an X-ray; by default the system's.

    Raises:
        UserError: The disk has no room for them.
    """
    count, chest = len(images), mean_chest(images, threads)
    laid, mirrored = (scratch_array((count, SIDE, SIDE), scratch) for _ in range(2))

    def lay_both(row: int) -> None:
        image = reduced(images[row])
        laid[row] = lay(image, chest)
        mirrored[row] = lay(np.ascontiguousarray(image[:, ::-1]), chest)

    for _ in in_order(lay_both, range(count), threads):
        pass
    mean, components = principal(np.array([details(laid[row]) for row in _some(count, SAMPLE)]))
    vectors = [_vectors(of, mean, components, threads, scratch) for of in (laid, mirrored)]
    return Described(laid, mirrored, *vectors, mean, components)


def principal(sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the whitened principal components of X-rays.

    Args:
        sample: float32 (n, 64 * 64), see `details`.

    Returns:
        float32 (64 * 64,) and (64 * 64, components).
    """
    mean = sample.mean(axis=0)
    centred = (sample - mean).astype(np.float64)
    variances, places = np.linalg.eigh(centred @ centred.T)  # in a sixth of the time of an SVD
    count = max(2, min(COMPONENTS, len(sample) // 4))
    variances, places = np.maximum(variances[-count:], 1e-6), places[:, -count:]
    return mean, (centred.T @ places / variances).astype(np.float32)


def _vectors(
    laid: np.ndarray,
    mean: np.ndarray,
    components: np.ndarray,
    threads: int,
    scratch: Path | None,
) -> np.ndarray:
    """X-rays by their components, see `Described`."""
    vectors = scratch_array((len(laid), components.shape[1]), scratch)

    def project(first: int) -> None:
        block = slice(first, first + BLOCK)
        contrasts = np.array([details(image) for image in laid[block]])
        vectors[block] = _unit((contrasts - mean) @ components)

    for _ in in_order(project, range(0, len(laid), BLOCK), threads, part=1):
        pass
    return vectors


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def candidates(
    vectors: np.ndarray,
    others: np.ndarray,
    nearest: int,
    least: float,
    threads: int = 1,
    block: int = BLOCK,
) -> np.ndarray:
    """The pairs that are worth a closer look: each row and its nearest among the others.

    Time grows with the square of the number of rows: some 8 % of what all of the search for pairs
    takes with 70,000 rows, a half with 800,000.

    Args:
        vectors: float32 (n, components), of length 1.
        others: The same of the same X-rays, or of their mirror images.
        nearest: Others of each row, at most; of equally near ones the first.
        least: The smallest cosine of a pair.
        threads: That work side by side.
        block: Rows worked on at a time.

    Returns:
        int (pairs, 2): a row of `vectors` and one of `others`, never the same.
    """

    def search(start: int) -> np.ndarray:
        return _nearest(vectors, others, nearest, least, start, block)

    found = in_order(search, range(0, len(vectors), block), threads, part=1)
    return np.concatenate(list(found))


def _nearest(
    vectors: np.ndarray, others: np.ndarray, nearest: int, least: float, start: int, block: int
) -> np.ndarray:
    """What `candidates` returns, of the block of rows from `start` on."""
    own = vectors[start : start + block]
    floor = np.full(len(own), least, np.float32)  # the cosine that an other has to exceed
    rows, columns, cosines = np.empty(0, int), np.empty(0, int), np.empty(0, np.float32)
    for first in range(0, len(others), block):
        found = own @ others[first : first + block].T
        if first == start:
            np.fill_diagonal(found, -np.inf)  # no pair with itself
        row, column = np.nonzero(found > floor[:, np.newaxis])
        rows, columns = np.append(rows, row), np.append(columns, first + column)
        cosines = np.append(cosines, found[row, column])
        order = np.lexsort((-cosines, rows))
        rank = np.arange(len(rows)) - np.searchsorted(rows[order], rows[order])
        order, rank = order[rank < nearest], rank[rank < nearest]
        rows, columns, cosines = rows[order], columns[order], cosines[order]
        last = rank == nearest - 1
        floor[rows[last]] = cosines[last]
    return np.column_stack([start + rows, columns])


def compare(known: Described, first: int, second: int, mirror: bool) -> tuple[float, float]:
    """Register one X-ray to another and see how alike they are.

    Args:
        known: All X-rays.
        first, second: Their rows.
        mirror: Take the second one's mirror image.

    Returns:
        The correlation of their local contrasts, and the mean of it and of the cosine of their
        whitened components; both from -1 to 1. The first is near 1 for two versions of a picture,
        the second tells persons apart.
    """
    fixed, moving = known.laid[first], (known.mirrored if mirror else known.laid)[second]
    for scale, blur in ((POSE, BLUR), (DETAIL, 3)):
        ours = local_contrast(fixed, scale)
        moving = warp(moving, fit(ours, local_contrast(moving, scale), blur))
    ours, theirs = (ours * WINDOW).ravel(), details(moving)
    vector = _unit((theirs - known.mean) @ known.components)
    likeness = (_correlation(ours, theirs, WIDE) + known.vectors[first] @ vector) / 2
    return _correlation(ours, theirs, NARROW), float(likeness)


def _correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float:
    weights = WINDOW.ravel()[inside]  # undone: every place counts alike
    return float(np.corrcoef(first[inside] / weights, second[inside] / weights)[0, 1])
