"""All sanity checks of one saliency method, see `cxr.randomisation` and `cxr.stability`."""

import keras
import numpy as np
import pandas as pd

from cxr import randomisation, stability
from cxr.cams import Mapper
from cxr.methods import CONTROLS, SLOW
from cxr.randomisation import Own, Stage


def choose_stages(stages: list[Stage], whole: bool, method: str) -> list[Stage]:
    """The randomised networks that a method's maps are compared with.

    Args:
        stages: See `cxr.randomisation.stages`.
        whole: False for those alone in which all layers are drawn anew.
        method: A key of `cxr.methods.NAMES`; a slow one goes without single groups of layers.
    """
    cascade = [stage for stage in stages if stage.check == "cascading"]
    if whole:
        return cascade if method in SLOW else stages
    last = max(stage.stage for stage in cascade)
    return [stage for stage in cascade if stage.stage == last]


def compare(
    method: str,
    own: Own,
    mapper: Mapper,
    logits: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    stages: list[Stage],
    draws: int,
) -> list[pd.DataFrame]:
    """Compare a network's maps with those of randomised networks, changed images and classes.

    Args:
        method: Name of the method.
        own: See `cxr.randomisation.own_maps`.
        mapper: See `cxr.cams.mapper`.
        logits: The network; its weights are the same again in the end.
        inputs: float32 (n, side, side, 1), images as the network sees them.
        targets: int (n,), the class that each map shows.
        stages: See `choose_stages`.
        draws: Noisy copies of each image.

    Returns:
        Tables of comparisons, see `cxr.sanity`.
    """
    repeats = stability.noise(method, own, mapper, inputs, targets, draws)
    return [
        randomisation.randomisation(method, own, mapper, logits, inputs, targets, stages),
        repeats,
        stability.shift(method, own, mapper, inputs, targets),
        stability.other_target(method, mapper, inputs, repeats),
    ]


def compare_networks(
    method: str,
    own: Own,
    mapper: Mapper,
    logits: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    seeds: list[list[np.ndarray]],
    permuted: list[list[np.ndarray]],
) -> list[pd.DataFrame]:
    """Compare a network's maps with those of others, trained anew or on permuted labels.

    Args:
        seeds: The weights of networks of other seeds. Controls are not compared with them: maps
            that know no network pass whatever they are.
        permuted: The weights of networks that have learned permuted labels.

    Returns:
        Tables of comparisons, none where there are no such networks; the other arguments are as
        for `compare`.
    """
    if method in CONTROLS:
        seeds = []
    if not seeds and not permuted:
        return []
    networks = [*seeds, *permuted]
    maps = randomisation.maps_of_networks(networks, mapper, logits, inputs, targets)
    alike, senseless = maps[: len(seeds)], maps[len(seeds) :]
    found = []
    if alike:
        found.append(stability.seeds(method, [own.small, *alike], targets))
    if senseless:
        found.append(randomisation.permuted_labels(method, own, senseless))
    return found
