"""How much two chest X-rays look like the same picture, or like the same person.

Every X-ray is laid over the mean chest by an affine map (Evangelidis and Psarakis 2008, "Parametric
image alignment using enhanced correlation coefficient maximization"), so that pose and size count
no more, and reduced to its local contrast, in which exposure does not count: what remains are
ribs, clavicles, heart and devices. Whitened principal components (as in face recognition without
labels: Deng et al. 2005, "Facial expression recognition using whitened PCA and Gabor") then play
down what all chests share. Everything happens at 64 x 64 pixels, whatever the images' size.
"""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np

from cxr.parallel import in_order

SIDE = 64  # pixels
COMPONENTS = 150  # at most; a quarter of the number of images if that is less
SAMPLE = 2000  # images from which the mean chest and the components are learnt, at most
MEAN_OF = 400  # images behind the mean chest, at most
POSE, DETAIL = 10, 2.5  # standard deviations of the local contrast, pixels
DEPTH = 0.1  # contrast, in standard deviations of the image, below which a place counts as flat
BLUR = 5  # see `fit`
PLAUSIBLE = 0.4, 2.5  # factor by which a map changes areas
STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-3)

_distance = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
WINDOW = np.exp(-((_distance / (0.3 * SIDE)) ** 2) / 2).astype(np.float32)  # the chest's middle
WIDE, NARROW = WINDOW.ravel() > 0.3, WINDOW.ravel() > 0.5


class Described(NamedTuple):
    """A set of X-rays, ready to be compared."""

    laid: np.ndarray  # float32 (n, 64, 64), over the mean chest
    mirrored: np.ndarray  # the same of the mirror images
    vectors: np.ndarray  # float32 (n, components), of length 1
    mirror_vectors: np.ndarray
    mean: np.ndarray  # float32 (64 * 64,)
    components: np.ndarray  # float32 (64 * 64, components), whitening


def reduced(images: np.ndarray) -> np.ndarray:
    """X-rays at 64 x 64 pixels.

    Args:
        images: float32 (n, side, side), possibly mapped from a file; read one at a time.

    Returns:
        float32 (n, 64, 64).
    """
    method = cv2.INTER_AREA if images.shape[1] > SIDE else cv2.INTER_LINEAR
    small = np.empty((len(images), SIDE, SIDE), np.float32)
    for row, image in enumerate(images):
        small[row] = cv2.resize(np.asarray(image), (SIDE, SIDE), interpolation=method)
    return small


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
        images: float32 (n, 64, 64).
        threads: That work side by side.
        rounds: How often.
    """
    poses = [local_contrast(image, POSE) for image in _some(images, MEAN_OF)]
    mean = np.mean(poses, axis=0)
    for _ in range(rounds):
        over = partial(_over, mean)
        mean = np.mean(list(in_order(over, poses, threads)), axis=0)
    return mean


def _over(mean: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return warp(pose, fit(mean, pose, BLUR))


def _some(array: np.ndarray, limit: int) -> np.ndarray:
    """Rows of an array, evenly spread over it, `limit` at most."""
    return array[np.linspace(0, len(array) - 1, min(limit, len(array))).astype(int)]


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


def describe(images: np.ndarray, threads: int = 1) -> Described:
    """Make X-rays ready to be compared.

    Args:
        images: float32 (n, side, side), n at least 4; each of mean 0 and standard deviation 1.
        threads: That work side by side; their number changes no bit.
    """
    small = reduced(images)
    over = partial(lay, chest=mean_chest(small, threads))
    laid = np.array(list(in_order(over, small, threads)))
    mirrored = np.array(list(in_order(over, np.ascontiguousarray(small[:, :, ::-1]), threads)))
    contrasts = np.array([details(image) for image in laid])
    sample = _some(contrasts, SAMPLE)
    mean = sample.mean(axis=0)
    _, deviations, axes = np.linalg.svd(sample - mean, full_matrices=False)
    count = max(2, min(COMPONENTS, len(sample) // 4))
    components = (axes[:count] / np.maximum(deviations[:count], 1e-6)[:, None]).T
    mirror_contrasts = np.array([details(image) for image in mirrored])
    return Described(
        laid,
        mirrored,
        _unit((contrasts - mean) @ components),
        _unit((mirror_contrasts - mean) @ components),
        mean,
        components,
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def candidates(
    vectors: np.ndarray, others: np.ndarray, nearest: int, least: float, block: int = 1000
) -> Iterator[tuple[int, int]]:
    """The rows that are worth a closer look: of each row, its nearest among the others.

    Memory grows with `block` times the number of rows.

    Args:
        vectors: float32 (n, components), of length 1.
        others: The same of the same X-rays, or of their mirror images.
        nearest: Rows to return for each row, at most.
        least: The smallest cosine of a pair to be returned.
        block: Rows worked on at a time.

    Yields:
        A row of `vectors` and one of `others`, never the same.
    """
    nearest = min(nearest, len(vectors) - 1)
    for first in range(0, len(vectors), block):
        cosines = vectors[first : first + block] @ others.T
        rows = np.arange(len(cosines))
        cosines[rows, first + rows] = -np.inf
        found = np.argpartition(-cosines, nearest - 1, axis=1)[:, :nearest]
        for row in rows:
            yield from ((first + row, other) for other in found[row] if cosines[row, other] > least)


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
        contrasts = (local_contrast(image, scale) for image in (fixed, moving))
        moving = warp(moving, fit(*contrasts, blur))
    ours, theirs = details(fixed), details(moving)
    vector = _unit((theirs - known.mean) @ known.components)
    likeness = (_correlation(ours, theirs, WIDE) + known.vectors[first] @ vector) / 2
    return _correlation(ours, theirs, NARROW), float(likeness)


def _correlation(first: np.ndarray, second: np.ndarray, inside: np.ndarray) -> float:
    weights = WINDOW.ravel()[inside]  # undone: every place counts alike
    return float(np.corrcoef(first[inside] / weights, second[inside] / weights)[0, 1])
