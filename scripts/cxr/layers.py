"""What a network consists of and what it makes of an image: blocks, kernels, feature maps."""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers

from cxr.batches import reduce_image

CHANNELS = 6  # of each block that are shown
SHOWN = 160  # longest side of a feature map, pixels; more would not be seen
FOLLOWERS = (
    layers.BatchNormalization,
    layers.Activation,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.Identity,
    layers.GlobalMaxPooling2D,
    layers.Concatenate,
    layers.Dropout,
)


class Block(NamedTuple):
    """Layers of a network that belong together."""

    kind: str  # input, convolution, pooling, dense or output
    name: str
    steps: str  # what the layers do
    shape: tuple[int, ...]  # of the output for one image
    parameters: int


class Features(NamedTuple):
    """What one layer makes of one image."""

    layer: str
    shape: tuple[int, int, int]  # height, width, channels
    channels: np.ndarray  # int (n,), which of them are in `maps`
    maps: np.ndarray  # float32 (n, height, width), 160 pixels a side at the most


def blocks(network: keras.Model) -> list[Block]:
    """Group the layers of a network, as `cxr.network.build_network` makes it, in order.

    Normalisation, activation and pooling belong to the convolution before them, dropout to
    whatever stands before it.
    """
    groups = []
    for layer in network.layers:
        if groups and isinstance(layer, FOLLOWERS):
            groups[-1].append(layer)
        else:
            groups.append([layer])
    return [_block(group, group[0] is network.layers[-1]) for group in groups]


def _block(group: list[keras.Layer], last: bool) -> Block:
    kinds = {
        layers.InputLayer: "input",
        layers.Conv2D: "convolution",
        layers.GlobalAveragePooling2D: "pooling",
        layers.Dense: "output" if last else "dense",
    }
    return Block(
        kinds[type(group[0])],
        group[0].name.replace("conv_", "block ").replace("_", " "),
        ", ".join(filter(None, map(_step, group))),
        tuple(group[-1].output.shape[1:]),
        sum(layer.count_params() for layer in group),
    )


def _step(layer: keras.Layer) -> str:
    """What a layer does, in a few words; nothing for one that does nothing."""
    match layer:
        case layers.Conv2D():
            step = f", step {layer.strides[0]}" if layer.strides[0] > 1 else ""
            return "convolution {} x {}".format(*layer.kernel_size) + step
        case layers.BatchNormalization():
            return "batch normalisation"
        case layers.Activation():
            return layer.activation.__name__
        case layers.MaxPooling2D():
            return "max pooling {} x {}".format(*layer.pool_size)
        case layers.AveragePooling2D():
            return "average pooling {} x {}".format(*layer.pool_size)
        case layers.GlobalAveragePooling2D():
            return "mean of each channel"
        case layers.GlobalMaxPooling2D():
            return "largest value of each channel"
        case layers.Dense():
            return f"dense, {layer.activation.__name__}"
        case layers.Dropout() if layer.rate:
            return f"dropout {layer.rate:g}"
    return ""


def first_kernels(network: keras.Model) -> np.ndarray:
    """The weights of the first convolution, float32 (kernel, kernel, filters)."""
    return network.get_layer("conv_1").get_weights()[0][:, :, 0]


def feature_maps(network: keras.Model, image: np.ndarray) -> tuple[list[Features], float]:
    """What each block makes of an image, after its activation, and the probability that results.

    Args:
        network: A network of `cxr.network.build_network`.
        image: float32 (input_size, input_size).

    Returns:
        The channels of each block that vary most over the image (by standard deviation), and
        the probability of an effusion.
    """
    activations = [layer for layer in network.layers if isinstance(layer, keras.layers.Activation)]
    outputs = [*(layer.output for layer in activations), *network.outputs]
    *found, probability = keras.Model(network.inputs[0], outputs)(
        image[np.newaxis, ..., np.newaxis], training=False
    )
    features = [
        _features(layer.name, keras.ops.convert_to_numpy(output)[0])
        for layer, output in zip(activations, found, strict=True)
    ]
    return features, float(keras.ops.convert_to_numpy(probability)[0, 0])


def _features(name: str, output: np.ndarray) -> Features:
    spread = output.std(axis=(0, 1))
    channels = np.sort(np.argsort(-spread, kind="stable")[:CHANNELS])
    side = min(SHOWN, output.shape[0])
    maps = np.stack([reduce_image(output[..., channel].copy(), side) for channel in channels])
    return Features(name, output.shape, channels, maps)
