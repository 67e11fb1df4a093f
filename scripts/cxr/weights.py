"""The layers and weights of a network, read from model.keras without Keras.

For what computes a network elsewhere, such as the page that does so in a browser. A .keras file
holds the layers as JSON and the weights as HDF5.
"""

import io
import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from cxr.errors import UserError

POOLINGS = {"MaxPooling2D": "max", "AveragePooling2D": "average", "Identity": "none"}
STORED = {"Conv2D": "conv2d", "BatchNormalization": "batch_normalization", "Dense": "dense"}


class Convolution(NamedTuple):
    """A convolution with "same" padding, its batch normalisation within its weights."""

    kernel: np.ndarray  # float32 (size, size, channels, filters)
    bias: np.ndarray  # float32 (filters,)
    stride: int
    activation: str
    pooling: str  # of what follows, in windows of 2x2: max, average or none


class Dense(NamedTuple):
    """A dense layer."""

    kernel: np.ndarray  # float32 (inputs, units)
    bias: np.ndarray  # float32 (units,)
    activation: str


class Network(NamedTuple):
    """A network of `cxr.network.build_network`."""

    side: int  # of its input, pixels
    convolutions: list[Convolution]
    head: str  # average or average_max
    dense: list[Dense]  # the last of them is the probability


def read_network(model: str | Path) -> Network:
    """Read a network that `cxr.network.build_network` built.

    Args:
        model: model.keras.

    Raises:
        UserError: It is damaged, or no such network.
    """
    try:
        with zipfile.ZipFile(model) as archive:
            layers = json.loads(archive.read("config.json"))["config"]["layers"]
            content = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(content) as file:
            return _network(layers, file["layers"])
    except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
        raise UserError(f"{model} is damaged or no network of pleura's.") from error


def _network(layers: list[dict[str, Any]], weights: h5py.Group) -> Network:
    side, head = layers[0]["config"]["batch_shape"][1], "average"
    convolutions, dense = [], []
    met = Counter()
    for layer in layers:
        kind, config = layer["class_name"], layer["config"]
        if kind in STORED:
            arrays = _arrays(weights, STORED[kind], met[kind])
            met[kind] += 1
        match kind:
            case "Conv2D":
                bias = arrays[1] if config["use_bias"] else np.zeros(config["filters"], np.float32)
                stride = config["strides"][0]
                convolutions.append(Convolution(arrays[0], bias, stride, "linear", "none"))
            case "BatchNormalization":
                convolutions[-1] = _normalised(convolutions[-1], *arrays, config["epsilon"])
            case "Activation":
                convolutions[-1] = convolutions[-1]._replace(activation=config["activation"])
            case "MaxPooling2D" | "AveragePooling2D" | "Identity":
                convolutions[-1] = convolutions[-1]._replace(pooling=POOLINGS[kind])
            case "GlobalMaxPooling2D":
                head = "average_max"
            case "Dense":
                dense.append(Dense(*arrays, config["activation"]))
    return Network(side, convolutions, head, dense)


def _arrays(weights: h5py.Group, name: str, number: int) -> list[np.ndarray]:
    """The arrays of the layer that is the `number`-th of its kind, counted from 0."""
    stored = weights[f"{name}_{number}" if number else name]["vars"]
    return [stored[str(place)][()] for place in range(len(stored))]


def _normalised(
    layer: Convolution,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> Convolution:
    """A convolution with the batch normalisation behind it: one scale and shift a channel."""
    scale = gamma / np.sqrt(variance.astype(np.float64) + epsilon)
    kernel, bias = layer.kernel * scale, (layer.bias - mean) * scale + beta
    return layer._replace(kernel=kernel.astype(np.float32), bias=bias.astype(np.float32))
