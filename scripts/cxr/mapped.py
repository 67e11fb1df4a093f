"""A trained network, and images as it sees them, ready to be mapped by `cxr.cams`."""

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from cxr import cams
from cxr.arrays import create_array, open_array
from cxr.backend import fix_bits
from cxr.batches import reduce_image
from cxr.log import say
from cxr.methods import CAMS

CLASSES = ("normal", "effusion")  # by label


def open_network(
    model: Path, layer: str | None, threads: int, memory: float
) -> tuple[keras.Model, str, int]:
    """Load a network and make what follows repeatable.

    Args:
        model: model.keras.
        layer: See `cxr.cams.choose_layer`.
        threads: See `cxr.backend.fix_bits`.
        memory: MB, see `cxr.cams.images_at_once`.

    Returns:
        The network with two logits (see `cxr.cams.two_logits`), the name of the layer to map, and
        how many images to map at a time.

    Raises:
        UserError: The network has no such layer.
    """
    fix_bits(0, threads)
    keras.config.disable_interactive_logging()
    network = keras.models.load_model(model)
    logits = cams.two_logits(network)
    return logits, cams.choose_layer(network, layer), cams.images_at_once(logits, memory)


def read_weights(model: Path) -> list[np.ndarray]:
    """The weights of a model.keras, to be set in another network as `open_network` gives it."""
    return cams.two_logits(keras.models.load_model(model)).get_weights()


def read_inputs(images: np.ndarray, rows: np.ndarray, side: int) -> np.ndarray:
    """Images at the size of a network's input, float32 (n, side, side, 1).

    Args:
        images: Memory-mapped float32 (N, size, size).
        rows: int (n,), at least one.
        side: Pixels.
    """
    return np.stack([reduce_image(images[row], side) for row in rows])[..., np.newaxis]


def probabilities(logits: keras.Model, inputs: np.ndarray, at_once: int = cams.BATCH) -> np.ndarray:
    """The probabilities of normal and effusion, float64 (n, 2).

    Args:
        logits: See `cxr.cams.two_logits`.
        inputs: float32 (n, side, side, 1), at least one.
        at_once: Images that the network sees at a time.
    """
    parts = [inputs[first : first + at_once] for first in range(0, len(inputs), at_once)]
    found = [keras.ops.softmax(logits.predict_on_batch(part)) for part in parts]
    return np.concatenate(found).astype(np.float64)


def observer(
    logits: keras.Model, flip: bool
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A function from images to what a network finds in them.

    Args:
        logits: See `cxr.cams.two_logits`.
        flip: See `cxr.training.predict`.

    Returns:
        A function from float32 (n, side, side, 1) to the probability of an effusion, float64 (n,),
        and the average of each channel of the last convolution, float32 (n, channels).
    """
    pooled = logits.get_layer("global_average").output
    both = keras.Model(logits.input, [logits.output, pooled])

    def observe(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs, features = both.predict_on_batch(inputs)
        views = [outputs, both.predict_on_batch(inputs[:, :, ::-1])[0]] if flip else [outputs]
        found = [keras.ops.convert_to_numpy(keras.ops.softmax(view))[:, 1] for view in views]
        return np.mean(found, axis=0, dtype=np.float64), features

    return observe


def read_cases(
    logits: keras.Model, images: Path, rows: np.ndarray, target: str, at_once: int
) -> tuple[np.ndarray, np.ndarray]:
    """Images as a network sees them, and the class that the map of each shows.

    Args:
        logits: See `cxr.cams.two_logits`.
        images: images.npy, float32 (N, size, size).
        rows: int (n,), at least one.
        target: See `resolve_targets`.
        at_once: Images that the network sees at a time.

    Returns:
        float32 (n, side, side, 1) and int (n,).
    """
    inputs = read_inputs(open_array(images), rows, logits.input_shape[1])
    return inputs, resolve_targets(target, probabilities(logits, inputs, at_once)[:, 1])


def resolve_targets(target: str, effusion: np.ndarray) -> np.ndarray:
    """The class each map shows, int (n,): 0 normal, 1 effusion.

    Args:
        target: "effusion", "normal", or "predicted", the class with the larger probability.
        effusion: float (n,), the probability of an effusion.
    """
    if target == "predicted":
        return (effusion >= 0.5).astype(int)
    return np.full(len(effusion), CLASSES.index(target))


def scale_maps(raw: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Scale maps, see `cxr.cams.scale`.

    Args:
        raw: float32 (n, h, w), at least one, see `cxr.cams.mapper`.
        size: Side of the scaled maps, pixels.

    Returns:
        The maps, float32 (n, size, size), and which of them are empty, bool (n,).
    """
    maps, empty = zip(*(cams.scale(cam, size) for cam in raw), strict=True)
    return np.stack(maps), np.array(empty)


def write_maps(
    logits: keras.Model,
    array: np.ndarray,
    rows: pd.Series,
    method: str,
    target: str,
    layer: str,
    at_once: int,
    path: Path,
) -> pd.DataFrame:
    """Write the maps of one method.

    Args:
        logits: See `cxr.cams.two_logits`.
        array: Memory-mapped float32 (N, size, size).
        rows: int (n,), the images to map.
        method: A key of `cxr.methods.NAMES`.
        target: See `resolve_targets`.
        layer: See `cxr.cams.choose_layer`.
        at_once: Images to read and map at a time.
        path: <method>.npy to write: float32 (n, size, size), each scaled to [0, 1].

    Returns:
        For each map target, probability, peak and empty, as in maps.csv.
    """
    mapper = cams.mapper(method, logits, layer, at_once)
    side, size, facts = logits.input_shape[1], array.shape[1], []
    written = create_array(path, len(rows), size)
    for first in range(0, len(rows), at_once):
        inputs = read_inputs(array, rows.iloc[first : first + at_once], side)
        effusion = probabilities(logits, inputs, at_once)[:, 1]
        targets = resolve_targets(target, effusion)
        for offset, cam in enumerate(mapper(inputs, targets)):
            written[first + offset], empty = cams.scale(cam, size)
            shown = CLASSES[targets[offset]]
            facts.append((shown, effusion[offset], float(cam.max()), int(empty)))
    written.flush()
    return pd.DataFrame(facts, columns=["target", "probability", "peak", "empty"])


def map_images(
    logits: keras.Model,
    layer: str,
    at_once: int,
    array: np.ndarray,
    named: pd.DataFrame,
    methods: list[str],
    target: str,
    paths: list[Path],
) -> pd.DataFrame:
    """Write the maps of several methods.

    Args:
        logits, layer, at_once: See `open_network`.
        array: Memory-mapped float32 (N, size, size).
        named: The images to map, the columns of saliency.csv.
        methods: Keys of `cxr.methods.NAMES`.
        target: See `resolve_targets`.
        paths: <method>.npy of each, see `write_maps`.

    Returns:
        maps.csv. Only class activation maps use the layer; the table says "image" for others.
    """
    parts = []
    for method, path in zip(methods, paths, strict=True):
        rows = named["image_row"]
        facts = write_maps(logits, array, rows, method, target, layer, at_once, path)
        source = layer if method in CAMS else logits.layers[0].name
        if logits.get_layer(source).output.shape[1] == 1:
            say(
                f"{source} has a single place, so its maps are the same everywhere: a larger input "
                "or fewer poolings would give it more"
            )
        say(f"{method}: {len(named)} maps of {source}, {facts['empty'].sum()} of them empty")
        parts.append(named.assign(row=np.arange(len(named)), method=method, layer=source, **facts))
    return pd.concat(parts, ignore_index=True)
