"""How far an X-ray is from those that a network learned from.

An image is described in three spaces: a thumbnail of it (what lies where), its texture (how bright
and how rough it is, whatever lies where) and the network's own features. In each, the distance to
the training images is that of a Gaussian with few large variances, the rest of them alike
(probabilistic principal components, Tipping and Bishop 1999; as in Moghaddam and Pentland, PAMI
1997, within and from the subspace). The largest of the three, each by its limit, is judged by a
threshold that unseen images of the kind exceed with a known probability (split conformal
prediction, Vovk et al. 2005, calibrated on the validation images).

All of it is in reference.json (`schemas/reference.schema.yaml`) and takes a page of JavaScript to
compute: means, matrices and limits.
"""

import json
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
from sklearn.decomposition import PCA

from cxr.errors import UserError
from cxr.files import sha256_of
from cxr.tables import load_schema

FORMAT = 1
THUMBNAIL = 16  # side, pixels
SIDES = (16, 32, 64)  # at which roughness is measured, and at the input's own
PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
COMPONENTS = 32  # at most
EXPLAINED = 0.99  # share of the variance that they have to explain, if so many can
FLAGGED = 0.025  # share of unseen images of the kind that may be taken for something else
UNLIKE = 1.5  # times the limit: no such X-ray at all
BETTER = 0.8  # of an image's own distance: how near another view of it has to be
VIEWS = {  # what makes an image familiar again, by what seems to be wrong with it
    "negative": lambda thumbnails: -thumbnails,
    "turned_left": lambda thumbnails: np.rot90(thumbnails, -1, axes=(1, 2)),
    "upside_down": lambda thumbnails: np.rot90(thumbnails, 2, axes=(1, 2)),
    "turned_right": lambda thumbnails: np.rot90(thumbnails, 1, axes=(1, 2)),
}


def reduced_to(images: np.ndarray, side: int) -> np.ndarray:
    """Images of at most `side` pixels a side, by averaging areas: float32 (n, side, side)."""
    if images.shape[1] <= side:
        return images
    size = (side, side)
    return np.stack([cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images])


def textures(images: np.ndarray) -> np.ndarray:
    """Grey values and roughness, float64 (n, 7 + 2 for each side).

    `PERCENTILES` of the grey values, then at each of `SIDES` below the input's own, and at that,
    log(0.001 + the mean absolute difference) of neighbours above each other, and beside each other.

    Args:
        images: float32 (n, side, side), as the network sees them.
    """
    found = [*np.percentile(images, PERCENTILES, axis=(1, 2))]
    for side in [*(side for side in SIDES if side < images.shape[1]), images.shape[1]]:
        small = reduced_to(images, side).astype(np.float64)
        for axis in (1, 2):
            rough = np.abs(np.diff(small, axis=axis)).mean(axis=(1, 2))
            found.append(np.log(0.001 + rough))
    return np.stack(found, axis=1)


def describe(images: np.ndarray, features: np.ndarray) -> dict[str, np.ndarray]:
    """Images in each space, float (n, dimensions).

    Args:
        images: float32 (n, side, side), as the network sees them.
        features: float32 (n, k), the averages of the channels of its last convolution.
    """
    thumbnails = reduced_to(images, THUMBNAIL).reshape(len(images), -1)
    return {"thumbnail": thumbnails, "texture": textures(images), "features": features}


def fit_space(vectors: np.ndarray) -> dict[str, Any]:
    """A Gaussian of few large variances, as reference.json has it, but for its limit.

    Args:
        vectors: float (n, dimensions), at least two.
    """
    scale = vectors.std(axis=0)
    scale = np.maximum(scale, max(1e-3 * scale.max(), 1e-9))  # some values may never change
    standard = (vectors - vectors.mean(axis=0)) / scale
    found = PCA(svd_solver="full").fit(standard)
    enough = 1 + int(np.searchsorted(found.explained_variance_ratio_.cumsum(), EXPLAINED))
    count = min(COMPONENTS, enough, len(found.components_))
    rest = found.explained_variance_[count:].sum() / max(1, vectors.shape[1] - count)
    return {
        "mean": _rounded(vectors.mean(axis=0)),
        "scale": _rounded(scale),
        "components": _rounded(found.components_[:count]),
        "variances": _rounded(np.maximum(found.explained_variance_[:count], 1e-6)),
        "rest": _rounded(max(rest, 1e-6)),
    }


def _rounded(values: np.ndarray) -> Any:
    """Numbers of six digits: what is stored is what is computed with, here and elsewhere."""
    values = np.asarray(values, np.float64)
    if values.ndim:
        return [_rounded(value) for value in values]
    return float(f"{values:.6g}")


def distances(space: dict[str, Any], vectors: np.ndarray) -> np.ndarray:
    """Distance of each vector, float64 (n,): about 1 for images like those of training.

    The root of (sum of c^2 / variance over the components + r^2 / rest) / dimensions, where z is
    (vector - mean) / scale, c its components and r^2 = |z|^2 - |c|^2 what they leave.
    """
    standard = (vectors.astype(np.float64) - space["mean"]) / space["scale"]
    within = standard @ np.array(space["components"]).T
    left = np.maximum((standard**2).sum(axis=1) - (within**2).sum(axis=1), 0)
    total = (within**2 / space["variances"]).sum(axis=1) + left / space["rest"]
    return np.sqrt(total / standard.shape[1])


def fit_spaces(
    training: dict[str, np.ndarray], validation: dict[str, np.ndarray]
) -> tuple[dict[str, dict[str, Any]], float]:
    """Each space with its limit, and the share of unseen images of the kind beyond one of them.

    Distances count by their 90th percentile among validation images; the largest of an image's is
    compared with the smallest threshold that keeps `FLAGGED` for exchangeable images, or where
    there are too few for that, with the largest of all validation images.

    Args:
        training: See `describe`, at least two images.
        validation: The same of at least one image that the network did not learn.
    """
    spaces = {name: fit_space(vectors) for name, vectors in training.items()}
    found = np.array([distances(spaces[name], validation[name]) for name in spaces])
    usual = np.maximum(np.quantile(found, 0.9, axis=1), 1e-6)
    largest = np.sort((found.T / usual).max(axis=1))
    rank = min(int(np.ceil((len(largest) + 1) * (1 - FLAGGED))), len(largest))
    for name, limit in zip(spaces, usual * largest[rank - 1], strict=True):
        spaces[name]["limit"] = _rounded(limit)
    return spaces, 1 - rank / (len(largest) + 1)


def read_reference(path: Path, model: Path) -> dict[str, Any]:
    """The content of reference.json, see `schemas/reference.schema.yaml`.

    Raises:
        UserError: It is damaged, or belongs to another model.
    """
    advice = f"Copy the reference.json that lay beside {model}, or remove it: then nobody checks."
    try:
        reference = json.loads(Path(path).read_text(encoding="utf-8"))
        jsonschema.validate(reference, load_schema("reference"))
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        raise UserError(f"{path} does not hold what it should. {advice}") from error
    if reference["model_sha256"] != sha256_of(Path(model)):
        raise UserError(f"{path} belongs to another model. {advice}")
    return reference


def judge(
    spaces: dict[str, dict[str, Any]], images: np.ndarray, features: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """How far images are, and what that means.

    Beyond a limit, an image whose thumbnail alone is beyond it may be familiar in another view: as
    a negative, or turned. The nearest of `VIEWS` is believed if it is within the limit and clearly
    nearer than the image as it is.

    Args:
        spaces: Of reference.json.
        images: float32 (n, side, side), as the network sees them.
        features: float32 (n, k), see `describe`.

    Returns:
        The largest distance by its limit, float64 (n,), above 1 where flagged; and for each image
        "" where it is not, one of `VIEWS`, "unlike" (no such X-ray) or "unfamiliar".
    """
    vectors = describe(images, features)
    each = {name: distances(spaces[name], vectors[name]) / spaces[name]["limit"] for name in spaces}
    score = np.max([*each.values()], axis=0)
    thumbnails = reduced_to(images, THUMBNAIL)
    views = [
        distances(spaces["thumbnail"], view(thumbnails).reshape(len(images), -1))
        for view in VIEWS.values()
    ]
    views = np.stack(views) / spaces["thumbnail"]["limit"]
    own, nearest = each["thumbnail"], views.min(axis=0)
    seen = (own > 1) & (nearest <= 1) & (nearest < BETTER * own)
    names = np.array([*VIEWS])[views.argmin(axis=0)]
    said = np.where(seen, names, np.where(score > UNLIKE, "unlike", "unfamiliar"))
    return score, np.where(score > 1, said, "").tolist()
