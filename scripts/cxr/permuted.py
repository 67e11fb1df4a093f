"""Permuted labels: how they are made, how a network learns them by heart, whether it has.

A network that has learned labels that have nothing to do with the images is what maps are held
against (Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018, section 4). It tells
something if it has memorised them alone: one that could not is much like an untrained one.
"""

import numpy as np
import pandas as pd

FITTED, UNFITTED = 0.9, 0.6  # training accuracy from which, and below which, it is said
EPOCHS = 60  # in which both networks of config.yaml memorise the labels of 500 X-rays
UNHINDERED = {  # what would keep a network from it, left out; and each image is seen in each epoch
    "augment": {},
    "mixup": 0,
    "label_smoothing": 0,
    "dropout": 0,
    "l2": 0,
    "weight_decay": 0,
    "ema": 0,
    "steps_per_epoch": None,
    "test_flip": False,
}


def memorising(recipe: dict) -> dict:
    """The recipe by which a network of the same form learns permuted labels by heart.

    Optimiser, learning rate with its schedule and batch size stay.

    Args:
        recipe: An experiment of the config, with all its keys.
    """
    return recipe | UNHINDERED | {"epochs": EPOCHS, "keep": "last"}


def permute_labels(table: pd.DataFrame, permutation: str) -> pd.DataFrame:
    """Shuffle the labels within the training and within the validation subset.

    Args:
        table: One row per image, see `cxr.predictions.read_split`.
        permutation: Seed of the order, a whole number.

    Returns:
        The same table, with labels that have nothing to do with these images.
    """
    table = table.copy()
    for number, subset in enumerate(("train", "validation")):
        part = table["subset"] == subset
        rng = np.random.default_rng([int(permutation), number])
        table.loc[part, "label"] = rng.permutation(table.loc[part, "label"])
    return table


def accuracy(table: pd.DataFrame, subset: str) -> float:
    """Share of a subset's images on the side of 0.5 that their label, permuted or not, is on."""
    part = table[table["subset"] == subset]
    return float(np.mean((part["probability"] >= 0.5) == (part["label"] == 1)))


def fit_in_words(accuracy: float) -> str:
    """Whether a network learnt the permuted labels: yes, partly or no.

    Half of them are right by guessing.
    """
    return "yes" if accuracy >= FITTED else "no" if accuracy < UNFITTED else "partly"
