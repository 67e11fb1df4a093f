"""Saliency maps that need no layer: by gradients, by hiding parts, and two controls.

A network is a model with two logits (`cxr.cams.two_logits`). Images are float32 (n, side, side, 1)
with mean 0 and standard deviation 1, as the network sees them; targets are int (n,), 0 normal and
1 effusion. The same image gives the same map, whatever images stand beside it.
"""

from collections.abc import Callable

import cv2
import keras
import numpy as np
import tensorflow as tf

from cxr.draws import seeded

Mapper = Callable[[np.ndarray, np.ndarray], np.ndarray]

COPIES = 50  # noisy copies of an image; Smilkov et al. see little change beyond
NOISE = 0.15  # standard deviation of their noise, as a share of the image's range
POSITIONS = 12  # of the patch that hides, along a side
PATCH = 2  # its side, as a multiple of the distance of two positions: a sixth of the image's
CELLS = 8  # of the random map, along a side


def signature(logits: keras.Model) -> list[tf.TensorSpec]:
    """Images and targets in any number, so that a function of them is traced once."""
    return [tf.TensorSpec((None, *logits.input_shape[1:])), tf.TensorSpec((None,), tf.int32)]


def target_logits(logits: keras.Model, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Each image's logit of its own target, float32 (n,)."""
    return tf.gather(logits(images, training=False), targets, axis=1, batch_dims=1)


def smoothgrad(logits: keras.Model, at_once: int) -> Mapper:
    """SmoothGrad of Smilkov et al. (2017): the mean gradient over noisy copies of an image.

    The gradient is that of the target's logit by the pixels. Of each copy's its absolute value is
    taken, as in tf-keras-vis, since brighter and darker are both evidence in an X-ray. To
    take it after the mean, as the paper does, asks for many more copies: with 50, two draws of the
    noise gave maps with a rank correlation of 0.44 to 0.59, against 0.93 to 0.96 (trained networks,
    phantom and real X-rays). As the two logits are each other's negative, the maps of the two
    classes are the same.

    Args:
        logits: See above.
        at_once: Copies to differentiate at a time.

    Returns:
        A function from images and targets to float32 (n, side, side), 0 and above, in logits per
        unit of the image.
    """

    @tf.function(input_signature=signature(logits))
    def summed_gradients(copies: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(copies)
            chosen = target_logits(logits, copies, targets)
        return tf.reduce_sum(tf.abs(tape.gradient(chosen, copies)[..., 0]), axis=0)

    def smooth(image: np.ndarray, target: int) -> np.ndarray:
        draw, deviation = seeded(image), NOISE * np.ptp(image)
        total = np.zeros(image.shape[:2], dtype=np.float32)
        for first in range(0, COPIES, at_once):
            shape = (min(at_once, COPIES - first), *image.shape)
            copies = image + deviation * draw.standard_normal(shape, dtype=np.float32)
            total += summed_gradients(copies, np.full(len(copies), target, np.int32)).numpy()
        return total / COPIES

    return image_by_image(smooth, logits.input_shape[1])


def occlusion(logits: keras.Model, at_once: int) -> Mapper:
    """Occlusion of Zeiler and Fergus (ECCV 2014): what is lost where a patch hides the image.

    A patch of 0, the mean of the image, stands over the middle of each of 12 x 12 cells in turn, a
    sixth of the side wide and cut at the border. The map is by how much the target's logit falls,
    and 0 where it rises, as in class activation maps. The logit is taken because the
    probability hardly moves where the network is sure.

    Args:
        logits: See above.
        at_once: Positions of the patch to predict at a time.

    Returns:
        A function from images and targets to float32 (n, 12, 12), 0 and above, in logits.
    """
    side = logits.input_shape[1]
    hidden = patches(side)
    rows, columns = np.divmod(np.arange(POSITIONS**2), POSITIONS)

    @tf.function(input_signature=signature(logits))
    def predict(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return target_logits(logits, images, targets)

    def occlude(image: np.ndarray, target: int) -> np.ndarray:
        whole = predict(image[np.newaxis], np.array([target], np.int32)).numpy()
        left = []
        for first in range(0, POSITIONS**2, at_once):
            part = slice(first, first + at_once)
            hide = hidden[rows[part], :, None] & hidden[columns[part], None, :]
            images = np.where(hide[..., None], np.float32(0), image)
            left.append(predict(images, np.full(len(images), target, np.int32)).numpy())
        return np.maximum(whole - np.concatenate(left), 0).reshape(POSITIONS, POSITIONS)

    return image_by_image(occlude, POSITIONS)


def patches(side: int) -> np.ndarray:
    """Which pixels of a side the patch hides at each of its positions, bool (12, side)."""
    middles = (2 * np.arange(POSITIONS) + 1) * side  # of the cells, in units of 1 / 24 pixel
    pixels = (2 * np.arange(side) + 1) * POSITIONS
    return np.abs(pixels - middles[:, np.newaxis]) < PATCH * side


def edges(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A control: the edges of the image, which no network and no target can change.

    Edge detectors resemble many saliency maps (Adebayo et al. 2018). The map is
    the magnitude of the image's gradient by Sobel's 3 x 3 kernels.

    Returns:
        float32 (n, side, side), 0 and above.
    """

    def detect(image: np.ndarray, target: int) -> np.ndarray:
        steps = [cv2.Sobel(image[..., 0], cv2.CV_32F, x, 1 - x) for x in (0, 1)]
        return np.hypot(*steps)

    return image_by_image(detect, images.shape[1])(images, targets)


def random_field(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """A control: 8 x 8 random numbers, which become smooth hills where `cxr.cams.scale` stretches.

    They depend on the bytes of the image and on nothing else.

    Returns:
        float32 (n, 8, 8), 0 to 1.
    """

    def draw(image: np.ndarray, target: int) -> np.ndarray:
        return seeded(image).random((CELLS, CELLS), dtype=np.float32)

    return image_by_image(draw, CELLS)(images, targets)


def image_by_image(one: Callable[[np.ndarray, int], np.ndarray], side: int) -> Mapper:
    """A mapper of images from the mapper of one image, whose maps are (side, side)."""

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        maps = np.empty((len(images), side, side), dtype=np.float32)
        for row, (image, target) in enumerate(zip(images, targets, strict=True)):
            maps[row] = one(image, target)
        return maps

    return run
