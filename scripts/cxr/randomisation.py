"""Sanity check: do maps fall apart when the network forgets what it has learned?

Weights are drawn anew by groups of layers, from the output down ("cascading": all groups so far)
or one group alone ("independent"), after Adebayo et al. (Sanity Checks for Saliency Maps, NeurIPS
2018, section 3). A map that stays as it was does not show what the network has learned.

Batch normalisation. The gamma and beta of a group are reset with its kernels. The moving mean and
variance are no learned weights but measurements of the activations, and those change in every
layer above the lowest one drawn anew. With statistics of another network these layers would
saturate or die, and maps would change for a reason that tells nothing about the method. So from
the lowest layer drawn anew up to the output, the statistics are measured again, on the images at
hand, while lower layers keep theirs (as is done where weights are averaged: Izmailov et al.,
Averaging Weights Leads to Wider Optima, UAI 2018, section 3.2).

What comes out are tables of comparisons, see `cxr.sanity`.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from cxr import cams, similarity
from cxr.cams import Mapper
from cxr.sanity import comparisons

GROUPS = 5  # of layers, at the most
MEASURED = 32  # images at the most that batch statistics are measured on


def layer_groups(network: keras.Model, most: int = GROUPS) -> list[list[str]]:
    """Names of the layers with weights, in groups from the output to the input.

    The dense layers are the first group. A convolution and its batch normalisation stay together;
    where there are more of them than groups, neighbours are joined, and the upper groups take the
    more of them.

    Args:
        network: See `cxr.network.build_network`, or its `cxr.cams.two_logits`.
        most: Groups at the most, 2 or more.
    """
    blocks, dense = [], []
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            dense.insert(0, layer.name)
        elif isinstance(layer, keras.layers.Conv2D):
            blocks.insert(0, [layer.name])
        elif layer.weights:
            blocks[0].append(layer.name)
    parts = np.array_split(np.arange(len(blocks)), min(most - 1, len(blocks)))
    return [dense, *([name for block in part for name in blocks[block]] for part in parts)]


def randomised(logits: keras.Model, names: Iterable[str], draw: int) -> list[np.ndarray]:
    """The weights of a network with some layers drawn anew, as when it was built.

    A layer gets the same weights in each draw of one number, whatever else is drawn. The last
    layer keeps its form: opposite logits, of one kernel drawn for one sigmoid.

    Args:
        logits: See `cxr.cams.two_logits`; it stays as it is.
        names: Of the layers.
        draw: Number of the draw, 0 or above.

    Returns:
        For `logits.set_weights`. The moving statistics of batch normalisation are those of a new
        layer, see `measured`.
    """
    names, weights = set(names), []
    for layer in logits.layers:
        for weight in layer.weights:
            if layer.name in names:
                weights.append(_drawn(logits, layer, weight, [draw, len(weights)]))
            else:
                weights.append(weight.numpy())
    return weights


def _drawn(
    logits: keras.Model, layer: keras.Layer, weight: keras.Variable, seed: list[int]
) -> np.ndarray:
    initialiser = getattr(layer, f"{weight.name}_initializer")
    config = initialiser.get_config()
    if "seed" in config:
        number = int(np.random.default_rng(seed).integers(2**31))
        initialiser = initialiser.from_config(config | {"seed": number})
    if layer is logits.layers[-1] and weight.name == "kernel":
        opposite = np.array([[-0.5, 0.5]], np.float32)
        return np.asarray(initialiser((weight.shape[0], 1))) * opposite
    return np.asarray(initialiser(weight.shape))


def measured(
    network: keras.Model, weights: list[np.ndarray], names: Iterable[str], images: np.ndarray
) -> list[np.ndarray]:
    """Measure the moving statistics of batch normalisation where they do not hold any more.

    Args:
        network: Of the same form as the weights; its own are lost.
        weights: See `randomised`.
        names: Of the layers that were drawn anew.
        images: float32 (n, side, side, 1), as the network sees them; the first `MEASURED` are used.

    Returns:
        The weights. From the lowest of these layers up, moving mean and variance are those of the
        images' activations.
    """
    names, changed, stale = set(names), False, False
    network.set_weights(weights)
    for layer in network.layers:
        changed = changed or layer.name in names
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = changed  # one that is not keeps its statistics and works with them
            layer.momentum = 0.0
            stale = stale or changed
    if stale:
        network(images[:MEASURED], training=True)
    return [weight.numpy() for layer in network.layers for weight in layer.weights]


class Stage(NamedTuple):
    """A network with some layers drawn anew.

    Attributes:
        check: "cascading" or "independent".
        stage: Groups drawn anew, or the number of the one that is; 1 is at the output.
        layers: Names of the layers of this stage's own group, with spaces between them.
        draw: Number of the draw, from 0.
        weights: For `set_weights`.
    """

    check: str
    stage: int
    layers: str
    draw: int
    weights: list[np.ndarray]


def stages(logits: keras.Model, images: np.ndarray, draws: int) -> Iterator[Stage]:
    """Each group of layers, alone and with those above it, in each draw.

    Args:
        logits: See `cxr.cams.two_logits`; it stays as it is.
        images: float32 (n, side, side, 1), see `measured`.
        draws: Random networks at each stage.
    """
    groups, spare = layer_groups(logits), keras.models.clone_model(logits)
    for draw in range(draws):
        for place, group in enumerate(groups):
            upper = [name for part in groups[: place + 1] for name in part]
            for check, names in (("cascading", upper), ("independent", group)):
                weights = measured(spare, randomised(logits, names, draw), names, images)
                yield Stage(check, place + 1, " ".join(group), draw, weights)


def full_maps(mapper: Mapper, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Map images as large as they are, float32 (n, side, side), 0 to 1; see `small_maps`."""
    return np.stack([cams.scale(cam, images.shape[1])[0] for cam in mapper(images, targets)])


def small_maps(mapper: Mapper, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Map images and reduce the maps as they are compared.

    Args:
        mapper: See `cxr.cams.mapper`.
        images: float32 (n, side, side, 1), as the network sees them.
        targets: int (n,), 0 normal, 1 effusion.

    Returns:
        float32 (n, 64, 64), see `cxr.similarity.comparable`.
    """
    return np.stack([similarity.comparable(cam) for cam in full_maps(mapper, images, targets)])


class Own(NamedTuple):
    """A network's maps of images as they are, with which all others are compared.

    Attributes:
        full: float32 (n, side, side), 0 to 1, as large as the images, see `cxr.cams.scale`.
        small: float32 (n, 64, 64), see `cxr.similarity.comparable`.
        level: How alike those of different images with the same target are, see
            `cxr.similarity.level`.
    """

    full: np.ndarray
    small: np.ndarray
    level: pd.DataFrame


def own_maps(mapper: Mapper, images: np.ndarray, targets: np.ndarray) -> Own:
    """Map images; the arguments are those of `small_maps`."""
    full = full_maps(mapper, images, targets)
    small = np.stack([similarity.comparable(cam) for cam in full])
    return Own(full, small, similarity.level(small, small, targets))


def maps_of_networks(
    networks: Iterable[list[np.ndarray]],
    mapper: Mapper,
    logits: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
) -> list[np.ndarray]:
    """Map the same images with one network after another.

    Args:
        networks: The weights of each, for `set_weights`.
        mapper: Of `logits`, see `cxr.cams.mapper`.
        logits: Gets the weights of each network, and its own back in the end.
        images: See `small_maps`.
        targets: Likewise.

    Returns:
        Each network's maps, see `small_maps`.
    """
    own, found = logits.get_weights(), []
    try:
        for weights in networks:
            logits.set_weights(weights)
            found.append(small_maps(mapper, images, targets))
    finally:
        logits.set_weights(own)
    return found


def randomisation(
    method: str,
    own: Own,
    mapper: Mapper,
    logits: keras.Model,
    images: np.ndarray,
    targets: np.ndarray,
    drawn: list[Stage],
) -> pd.DataFrame:
    """Compare each image's map with those of randomised networks.

    Args:
        method: Name of the method.
        own: See `own_maps`.
        mapper: Of `logits`, see `cxr.cams.mapper`.
        logits: Gets the weights of each stage, and its own back in the end.
        images: float32 (n, side, side, 1), as the network sees them.
        targets: int (n,), the class that each map shows.
        drawn: See `stages`.

    Returns:
        A table of comparisons: checks "cascading" and "independent", their stages and draws. The
        level is that of the network's maps of different images with the same target.
    """
    weights = (stage.weights for stage in drawn)
    others = maps_of_networks(weights, mapper, logits, images, targets)
    tables = []
    for stage, other in zip(drawn, others, strict=True):
        facts = {"stage": stage.stage, "layers": stage.layers, "draw": stage.draw}
        tables.append(comparisons(method, stage.check, own.small, other, own.level, **facts))
    return pd.concat(tables, ignore_index=True)


def permuted_labels(method: str, own: Own, permuted: Iterable[np.ndarray]) -> pd.DataFrame:
    """Compare the maps of a network with those of others that have learned permuted labels.

    Args:
        method: Name of the method.
        own: Of the network that has learned the labels, see `own_maps`.
        permuted: Maps of the same images by each of the others, see `small_maps`.

    Returns:
        A table of comparisons, check "permuted_labels", a draw for each of the others. The level
        is that of the first network's maps of different images with the same target.
    """
    tables = [
        comparisons(method, "permuted_labels", own.small, other, own.level, draw=draw)
        for draw, other in enumerate(permuted)
    ]
    return pd.concat(tables, ignore_index=True)
