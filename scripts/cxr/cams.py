"""Class activation maps: which parts of an X-ray speak for a class, in a network's own terms.

The methods are those of tf-keras-vis, on a network with two logits (see `two_logits`). A further
method is one more function in `METHODS`.
"""

from collections.abc import Callable

import cv2
import keras
import numpy as np
import tensorflow as tf
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

BATCH = 32  # images at a time, at the most
MASKED_BYTES = 200_000_000  # of the masked images that ScoreCAM copies some five times


def two_logits(network: keras.Model) -> keras.Model:
    """The same network with the logits -z/2 (normal) and z/2 (effusion) in place of sigmoid(z).

    Their softmax is 1 - p and p. tf-keras-vis takes a softmax over the outputs before ScoreCAM
    weighs the channels by them; over one sigmoid unit this is 1 whatever the image, and the map
    becomes the plain sum of the channels, whatever the class
    (https://github.com/keisen/tf-keras-vis/issues/78).

    Args:
        network: Ends in a dense layer of one sigmoid unit.

    Returns:
        A model from the same input to float32 (n, 2), with weights of its own in the last layer.
    """
    last = network.layers[-1]
    logits = keras.layers.Dense(2, name="logits")
    two = keras.Model(network.input, logits(last.input), name=network.name)
    kernel, bias = last.get_weights()
    logits.set_weights([kernel * [[-0.5, 0.5]], bias * [-0.5, 0.5]])
    return two


def last_features(network: keras.Model) -> str:
    """Name of the layer whose channels the network averages: the last one with places.

    It is the activation of the last convolution, behind its batch normalisation if there is one.
    (tf-keras-vis would take the convolution itself, before both.)
    """
    names = [layer.name for layer in network.layers]
    return names[names.index("global_average") - 1]


def gradcam_plus_plus(
    logits: keras.Model, images: np.ndarray, targets: np.ndarray, layer: str
) -> np.ndarray:
    """GradCAM++ of Chattopadhay et al. (WACV 2018, equations 10 to 19).

    In tf-keras-vis the weights alpha of each channel's pixels sum to 1. It multiplies a map by
    the exponential of its logit, which may overflow and changes nothing but the map's scale;
    here that factor is 1.

    Args:
        logits: See `two_logits`.
        images: float32 (n, side, side, 1), as the network sees them.
        targets: int (n,), the class whose evidence each map shows: 0 normal, 1 effusion.
        layer: Name of the layer whose channels are weighed.

    Returns:
        float32 (n, h, w), at the layer's resolution, 0 and above.
    """

    def rise(outputs: tf.Tensor) -> tf.Tensor:
        """0, with the gradient of each image's target logit."""
        chosen = tf.gather(outputs, targets, axis=1, batch_dims=1)
        return chosen - tf.stop_gradient(chosen)

    return GradcamPlusPlus(logits)(
        rise,
        images,
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    ).numpy()


def scorecam(
    logits: keras.Model, images: np.ndarray, targets: np.ndarray, layer: str
) -> np.ndarray:
    """ScoreCAM of Wang et al. (CVPR Workshops 2020), as tf-keras-vis computes it.

    Each channel, stretched over the image, masks it; the probability of the target class that
    is left is the channel's weight. Arguments and result as for `gradcam_plus_plus`.
    """
    side = images.shape[1]
    return Scorecam(logits)(
        CategoricalScore(targets.tolist()),
        images,
        batch_size=max(1, min(32, 32 * 256**2 // side**2)),
        penultimate_layer=layer,
        seek_penultimate_conv_layer=False,
        expand_cam=False,
        normalize_cam=False,
    ).numpy()


Method = Callable[[keras.Model, np.ndarray, np.ndarray, str], np.ndarray]
METHODS: dict[str, Method] = {"gradcam_plus_plus": gradcam_plus_plus, "scorecam": scorecam}


def batch_of(logits: keras.Model, layer: str) -> int:
    """Images to map at a time, so that memory does not grow with the number of images."""
    side, channels = logits.input_shape[1], logits.get_layer(layer).output.shape[-1]
    return min(BATCH, max(1, MASKED_BYTES // (side * side * channels * 4)))


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
