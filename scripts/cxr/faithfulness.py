"""Does the network change its mind where a map says that it looks? Deletion and insertion.

Deletion takes an image's pixels away, those first that the map holds important; insertion puts
them back in the same order (Petsiuk et al., RISE, BMVC 2018). The area under the curve of the
probability should be small for the one and large for the other. Its size by itself says little:
a removed pixel has to become something, and an X-ray with nothing in it may well be called an
effusion. So a map is compared with random maps of the same image and grain, and twice: removed
pixels are blurred, or imputed from what is around them (see `cxr.imputation`).
"""

from collections.abc import Callable

import cv2
import numpy as np
import pandas as pd

from cxr.draws import seeded
from cxr.imputation import blur, impute
from cxr.means import advantage_row, joint_row

Predict = Callable[[np.ndarray], np.ndarray]
STEPS = 10  # of a curve
DRAWS = 2  # random maps of an image
BASELINES = ("blur", "imputation")
CHECKS = ("deletion", "insertion")
SIGNS = np.array([1, -1])  # of the checks: a small area is good for the one, a large one the other
CELLS = ["id", "baseline", "check"]  # that an advantage has in a table


def random_like(cam: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random map of the same grain: the map's amplitudes with random phases.

    Such surrogates (Theiler et al., Physica D 1992) have the map's autocorrelation and nothing
    else of it. The grain matters: single pixels taken at random leave enough of an image to
    impute the rest from, and any map of larger pieces would look bad beside them.

    Args:
        cam: float (side, side), not the same everywhere. It is mirrored at its edges, so that
            these do not look like edges of the map.
        rng: Draws the phases.

    Returns:
        float64 (side, side), in arbitrary units.
    """
    tiled = np.pad(cam.astype(np.float64), ((0, len(cam)), (0, len(cam))), mode="symmetric")
    phases = np.angle(np.fft.rfft2(rng.normal(size=tiled.shape)))
    spectrum = np.abs(np.fft.rfft2(tiled)) * np.exp(1j * phases)
    return np.fft.irfft2(spectrum, s=tiled.shape)[: len(cam), : len(cam)]


def ranks(cam: np.ndarray, control: np.ndarray) -> np.ndarray:
    """The place of each pixel in a map's order, 0 for the most important.

    Where the map says nothing, as on the plateaus of a CAM or in the blocks of occlusion, the
    order is that of a random map: it favours no place, and what knows nothing does as well as
    chance. (A map that is the same everywhere becomes the random map.)

    Args:
        cam: float (side, side).
        control: float (side, side), the random map.

    Returns:
        int (side, side), 0 to pixels - 1.
    """
    order = np.lexsort((-control.ravel(), -cam.ravel()))
    places = np.empty(cam.size, dtype=np.int64)
    places[order] = np.arange(cam.size)
    return places.reshape(cam.shape)


def curve_images(
    image: np.ndarray, places: np.ndarray, baseline: str, noise: np.ndarray
) -> np.ndarray:
    """The images along both curves, without their ends.

    Args:
        image: float32 (side, side).
        places: int (side, side), see `ranks`.
        baseline: One of `BASELINES`.
        noise: float (side, side), see `cxr.imputation.impute`.

    Returns:
        float32 (2 * (STEPS - 1), side, side): deletion, 1 / STEPS removed to all but 1 / STEPS;
        insertion, 1 / STEPS there to all but 1 / STEPS.
    """
    shares = places / places.size
    removed = [shares < step / STEPS for step in range(1, STEPS)]
    removed += [~first for first in removed]
    if baseline == "blur":
        return np.where(np.stack(removed), blur(image), image)
    return np.stack([impute(image, mask, noise) for mask in removed])


def areas(
    predict: Predict, image: np.ndarray, orders: list[np.ndarray], noise: np.ndarray
) -> np.ndarray:
    """Areas under the curves of one image, by the trapezoidal rule, for several orders.

    Args:
        predict: The probabilities of the target class, float64 (n,), of float32 (n, side, side).
        image: float32 (side, side), as the network sees it.
        orders: int (side, side) each, see `ranks`.
        noise: float (side, side), see `cxr.imputation.impute`.

    Returns:
        float64 (orders, baselines, checks), 0 to 1.
    """
    everything = np.ones(image.shape, dtype=bool)
    result = np.empty((len(orders), len(BASELINES), len(CHECKS)))
    for column, baseline in enumerate(BASELINES):
        nothing = blur(image) if baseline == "blur" else impute(image, everything, noise)
        ends = predict(np.stack([image, nothing])).sum() / 2
        for row, places in enumerate(orders):
            inner = predict(curve_images(image, places, baseline, noise))
            result[row, column] = (ends + inner.reshape(len(CHECKS), -1).sum(axis=1)) / STEPS
    return result


def advantages(
    predict: Predict,
    images: np.ndarray,
    targets: np.ndarray,
    maps: np.ndarray,
    empty: np.ndarray,
    draws: int = DRAWS,
) -> np.ndarray:
    """How far each map does better than random maps of its image and grain.

    The random numbers depend on the image alone.

    Args:
        predict: The probabilities of the classes, float64 (n, classes), of float32 (n, side, side).
        images: float32 (n, side, side), as the network sees them.
        targets: int (n,), the class that each map shows.
        maps: float (n, size, size), reduced to the images' side by averaging areas.
        empty: bool (n,), the maps that say nothing.
        draws: Random maps of an image.

    Returns:
        float64 (n, baselines, checks), -1 to 1: the random maps' mean area less the map's for
        deletion, the reverse for insertion. Above 0 the map is better. NaN for empty maps.
    """
    result = np.full((len(images), len(BASELINES), len(CHECKS)), np.nan)
    for row in np.flatnonzero(~empty):
        image, target = images[row], targets[row]
        rng = seeded(image, "faithfulness")
        cam = cv2.resize(maps[row], image.shape, interpolation=cv2.INTER_AREA)
        noise = rng.normal(size=image.shape)
        controls = [random_like(cam, rng) for _ in range(draws)]
        orders = [ranks(cam, controls[0]), *(ranks(control, control) for control in controls)]
        own, *others = areas(lambda x, one=target: predict(x)[:, one], image, orders, noise)
        result[row] = SIGNS * (np.mean(others, axis=0) - own)
    return result


def to_table(ids: list[str], better: np.ndarray) -> pd.DataFrame:
    """Advantages as rows of faithfulness.csv.

    Args:
        ids: Of n images.
        better: float64 (n, baselines, checks), see `advantages`.

    Returns:
        id, baseline, check, advantage.
    """
    index = pd.MultiIndex.from_product([ids, BASELINES, CHECKS], names=CELLS)
    return pd.Series(better.ravel(), index, name="advantage").reset_index()


def from_table(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The ids and advantages that `to_table` has made a table of; the order of its rows is free."""
    ids = table["id"].unique()
    index = pd.MultiIndex.from_product([ids, BASELINES, CHECKS])
    better = table.set_index(CELLS)["advantage"].reindex(index).to_numpy(float)
    return ids, better.reshape(len(ids), len(BASELINES), len(CHECKS))


def rows(method: str, better: np.ndarray, patients: np.ndarray | None = None) -> list[dict]:
    """Rows of checks.csv: each check with each baseline and with both.

    Args:
        method: The method.
        better: float64 (n, baselines, checks), see `advantages`.
        patients: See `cxr.means.by_patient`; None where all are unknown.

    Returns:
        See `cxr.means.advantage_row`, and `cxr.means.joint_row` for "both".
    """
    found = []
    for column, check in enumerate(CHECKS):
        parts = [
            advantage_row(method, check, baseline, better[:, place, column], patients)
            for place, baseline in enumerate(BASELINES)
        ]
        found += [*parts, joint_row(parts, "both")]
    return found
