"""Saliency maps: which parts of an X-ray speak for a class, in a network's own terms.

Class activation maps weigh the channels of a layer; the methods that need no layer are in
`cxr.attributions`; `mapper` knows them all. Graphs are traced once for a network, and weights that
are set anew (`logits.set_weights`) are used from then on.
"""

from collections.abc import Callable

import cv2
import keras
import numpy as np
import tensorflow as tf

from cxr.attributions import (
    Mapper,
    edges,
    occlusion,
    random_field,
    signature,
    smoothgrad,
)
from cxr.errors import UserError

BATCH = 32  # images that the network sees at a time, at the most


def two_logits(network: keras.Model) -> keras.Model:
    """The same network with the logits -z/2 (normal) and z/2 (effusion) in place of sigmoid(z).

    Their softmax is 1 - p and p. ScoreCAM weighs the channels by a softmax over the outputs;
    over one sigmoid unit this is 1 whatever the image, and the map becomes the plain sum of the
    channels, whatever the class (https://github.com/keisen/tf-keras-vis/issues/78).

    Args:
        network: Ends in a dense layer of one sigmoid unit.

    Returns:
        A model from the same input to float32 (n, 2), with weights of its own in the last layer; it
        shares all others with `network`.
    """
    last = network.layers[-1]
    logits = keras.layers.Dense(2, name="logits")
    two = keras.Model(network.input, logits(last.input), name=network.name)
    kernel, bias = last.get_weights()
    logits.set_weights([kernel * [[-0.5, 0.5]], bias * [-0.5, 0.5]])
    return two


def layers_with_places(network: keras.Model) -> list[str]:
    """Names of the layers whose channels lie over the image, in order."""
    return [layer.name for layer in network.layers[1:] if len(layer.output.shape) == 4]


def choose_layer(network: keras.Model, name: str | None) -> str:
    """The layer to map: the one of that name, or the last one with places if there is no name.

    The latter is the activation of the last convolution, behind its batch normalisation if there is
    one: the network averages its channels. (tf-keras-vis would take the convolution itself.)

    Raises:
        UserError: The network has no layer with places of that name.
    """
    known = layers_with_places(network)
    if name is not None and name not in known:
        raise UserError(
            f"saliency.layer: {name} is no layer of this network whose channels lie over the "
            f"image. Choose one of {', '.join(known)}, or null for the last of them."
        )
    return name or known[-1]


def images_at_once(logits: keras.Model, memory: float) -> int:
    """Images that the network sees at a time, so that memory is bounded whatever their number.

    Args:
        logits: See `two_logits`.
        memory: MB that the outputs of all its layers may take; an image is seen in any case.
    """
    values = sum(np.prod(layer.output.shape[1:]) for layer in logits.layers)
    return min(BATCH, max(1, int(1e6 * memory // (4 * values))))


# --- class activation maps by gradients ---------------------------------------------------


def gradcam(channels: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    """GradCAM of Selvaraju et al. (ICCV 2017, equations 1 and 2).

    Args:
        channels: float32 (n, h, w, k), the output of the layer.
        gradients: float32 (n, h, w, k), of each image's target logit by `channels`.

    Returns:
        float32 (n, h, w), 0 and above.
    """
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * channels, axis=-1))


def gradcam_plus_plus(channels: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    """GradCAM++ of Chattopadhay et al. (WACV 2018, equations 10 to 19).

    As in tf-keras-vis, the weights alpha of a channel's places sum to 1. (It multiplies a map by
    the exponential of its logit, which may overflow and changes nothing but the map's scale.)
    Arguments and result as for `gradcam`.
    """
    totals = tf.reduce_sum(channels, axis=(1, 2), keepdims=True)
    moved = tf.cast(gradients != 0, tf.float32)  # equation 19, without its powers that underflow
    alphas = tf.math.divide_no_nan(moved, 2 + gradients * totals)
    alphas = tf.math.divide_no_nan(alphas, tf.reduce_sum(alphas, axis=(1, 2), keepdims=True))
    weights = tf.reduce_sum(alphas * tf.nn.relu(gradients), axis=(1, 2), keepdims=True)
    return tf.nn.relu(tf.reduce_sum(weights * channels, axis=-1))


def layercam(channels: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
    """LayerCAM of Jiang et al. (TIP 2021): each place has a weight of its own.

    Arguments and result as for `gradcam`.
    """
    return tf.nn.relu(tf.reduce_sum(tf.nn.relu(gradients) * channels, axis=-1))


GRADIENT_CAMS = {
    "gradcam": gradcam,
    "gradcam_plus_plus": gradcam_plus_plus,
    "layercam": layercam,
}


def gradient_mapper(
    combine: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    logits: keras.Model,
    layer: str,
    at_once: int,
) -> Mapper:
    """Map with a class activation map of the channels and their gradients, see `gradcam`."""
    split = keras.Model(logits.input, [logits.get_layer(layer).output, logits.output])

    @tf.function(input_signature=signature(logits))
    def cams(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            channels, outputs = split(images, training=False)
            chosen = tf.gather(outputs, targets, axis=1, batch_dims=1)
        return combine(channels, tape.gradient(chosen, channels))

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets, np.int32)
        maps = np.empty((len(images), *split.outputs[0].shape[1:3]), dtype=np.float32)
        for first in range(0, len(images), at_once):
            part = slice(first, first + at_once)
            maps[part] = cams(images[part], targets[part]).numpy()
        return maps

    return run


# --- ScoreCAM -----------------------------------------------------------------------------


def scorecam(logits: keras.Model, layer: str, at_once: int) -> Mapper:
    """ScoreCAM of Wang et al. (CVPR Workshops 2020), as tf-keras-vis computes it.

    Each channel, stretched over the image and scaled to [0, 1], masks it; the probability of the
    target that is left is the channel's weight. A channel that is 0 all over is not
    predicted: it adds nothing to the map, whatever its weight.

    Args:
        logits: See `two_logits`.
        layer: Name of the layer whose channels are weighed.
        at_once: Masked images to predict at a time.

    Returns:
        A function from images and targets to float32 (n, h, w), 0 and above.
    """
    output = logits.get_layer(layer).output
    features = keras.Model(logits.input, output)
    _, height, width, count = output.shape
    side = logits.input_shape[1]
    down, across = stretching(height, side), stretching(width, side).T
    images_spec, targets_spec = signature(logits)

    @tf.function(input_signature=[images_spec])
    def channels_of(images: tf.Tensor) -> tf.Tensor:
        return features(images, training=False)

    @tf.function(input_signature=[images_spec, tf.TensorSpec((None, height, width)), targets_spec])
    def weigh(images: tf.Tensor, channels: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        stretched = down @ channels @ across
        low = tf.reduce_min(stretched, axis=(1, 2), keepdims=True)
        high = tf.reduce_max(stretched, axis=(1, 2), keepdims=True)
        # To scale the few values before they are stretched is faster and gives the same.
        masks = down @ tf.math.divide_no_nan(channels - low, high - low) @ across
        probabilities = tf.nn.softmax(logits(images * masks[..., tf.newaxis], training=False))
        return tf.gather(probabilities, targets, axis=1, batch_dims=1)

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets, np.int32)
        maps = np.empty((len(images), height, width), dtype=np.float32)
        for first in range(0, len(images), at_once):
            part = slice(first, first + at_once)
            maps[part] = map_part(images[part], targets[part])
        return maps

    def map_part(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        channels = channels_of(images).numpy()
        weights = np.zeros((len(images), count), dtype=np.float32)
        rows, numbers = np.nonzero(channels.any(axis=(1, 2)))
        for first in range(0, len(rows), at_once):
            row, number = rows[first : first + at_once], numbers[first : first + at_once]
            found = weigh(images[row], channels[row, :, :, number], targets[row])
            weights[row, number] = found.numpy()
        return np.maximum((channels * weights[:, None, None]).sum(axis=-1), 0)

    return run


def stretching(length: int, side: int) -> np.ndarray:
    """Weights that interpolate `length` values to `side`, float32 (side, length), ends on ends.

    So does tf-keras-vis (`scipy.ndimage.zoom`).
    """
    places = np.linspace(0, length - 1, side)
    weights = [np.interp(places, np.arange(length), unit) for unit in np.eye(length)]
    return np.stack(weights, axis=1).astype(np.float32)


# --- all methods --------------------------------------------------------------------------


def mapper(method: str, logits: keras.Model, layer: str, at_once: int = BATCH) -> Mapper:
    """A function that maps images by one method, for the network as it is when it is called.

    Args:
        method: A key of `cxr.methods.NAMES`.
        logits: See `two_logits`. Its weights may be set anew at any time.
        layer: See `choose_layer`; only class activation maps use it.
        at_once: Images that the network sees at a time, see `images_at_once`. With another number,
            maps may differ by rounding.

    Returns:
        A function from images, float32 (n, side, side, 1) as the network sees them, and targets,
        int (n,), the class whose evidence each map shows (0 normal, 1 effusion), to float32
        (n, h, w): maps at the method's own resolution, in its own units. See `scale`.

    Raises:
        ValueError: There is no such method.
    """
    match method:
        case "gradcam" | "gradcam_plus_plus" | "layercam":
            return gradient_mapper(GRADIENT_CAMS[method], logits, layer, at_once)
        case "scorecam":
            return scorecam(logits, layer, at_once)
        case "smoothgrad":
            return smoothgrad(logits, at_once)
        case "occlusion":
            return occlusion(logits, at_once)
        case "edges":
            return edges
        case "random":
            return random_field
    raise ValueError(f"no method is called {method}")


def scale(cam: np.ndarray, size: int) -> tuple[np.ndarray, bool]:
    """Stretch a raw map over the image and scale it to [0, 1].

    Args:
        cam: float32 (h, w), at the resolution of the layer.
        size: Side of the image, pixels.

    Returns:
        The map, float32 (size, size), its lowest value 0 and its highest 1, and whether it is
        empty: the same everywhere, so that it says nothing. An empty map is 0 all over.
    """
    low, high = float(cam.min()), float(cam.max())
    if not high - low > 1e-6 * max(abs(high), abs(low)):  # NaN is empty, too
        return np.zeros((size, size), dtype=np.float32), True
    stretched = cv2.resize((cam - low) / (high - low), (size, size))
    low, high = stretched.min(), stretched.max()  # the grid's extremes need not be pixels
    return ((stretched - low) / (high - low)).astype(np.float32), False
