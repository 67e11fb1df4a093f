"""Random changes of training images that keep the diagnosis: geometry, contrast, mixing."""

import cv2
import numpy as np


def augment(
    image: np.ndarray,
    rng: np.random.Generator,
    rotation: float = 0.0,
    shift: float = 0.0,
    zoom: float = 0.0,
    contrast: float = 0.0,
    brightness: float = 0.0,
    flip: bool = False,
) -> np.ndarray:
    """Draw one random variant of an image.

    Every amount is drawn uniformly between minus and plus its bound. Pixels that come from
    outside repeat the image's edge.

    Args:
        image: float32 (side, side), mean about 0 and standard deviation about 1.
        rng: Source of chance; the same state gives the same variant.
        rotation: Bound of the rotation about the centre, degrees.
        shift: Bound of the shift along each axis, share of the side.
        zoom: Bound of the change of scale: 0.2 draws a factor from 0.8 to 1.2.
        contrast: Bound of the change of the grey values' factor about 0.
        brightness: Bound of what is added to the grey values, standard deviations.
        flip: Mirror left and right in half of the variants.

    Returns:
        float32 (side, side).
    """
    side = image.shape[0]
    angle, dx, dy, scale, factor, offset = rng.uniform(-1, 1, 6)
    mirrored = flip and rng.random() < 0.5
    if rotation or shift or zoom:
        centre = ((side - 1) / 2, (side - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, angle * rotation, 1 + scale * zoom)
        matrix[:, 2] += np.array([dx, dy]) * shift * side
        image = cv2.warpAffine(
            image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    if mirrored:
        image = cv2.flip(image, 1)
    if not contrast and not brightness:
        return image
    return (image * (1 + factor * contrast) + offset * brightness).astype(np.float32)


def mix(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Blend each image and label of a batch with another one of it.

    Mixup of Zhang et al., "mixup: Beyond Empirical Risk Minimization" (ICLR 2018), with one
    mixing weight per batch.

    Args:
        images: float32 (n, ...).
        labels: float32 (n,), 0 to 1.
        rng: Source of chance.
        alpha: Both parameters of the beta distribution of the weight; above 0.

    Returns:
        Images and labels of the same shapes.
    """
    weight = np.float32(rng.beta(alpha, alpha))
    partner = rng.permutation(len(images))
    return (
        weight * images + (1 - weight) * images[partner],
        weight * labels + (1 - weight) * labels[partner],
    )
