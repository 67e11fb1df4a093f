"""A data set and networks that are small enough to audit saliency maps on in seconds."""

from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from scipy import ndimage

from cxr import tables
from cxr.batches import reduce_image
from cxr.network import build_network

SIZE, SIDE = 32, 16  # of the images and of a network's input, pixels
BLOCK = 8  # side of an effusion, which is brighter than all else
SUBSETS = {"test": (6, 4), "validation": (3, 1), "train": (1, 1)}  # effusions, normal images
ORDER = ["e0", "n0", "e1", "n1", "e2", "n2", "e3", "n3", "e4", "e5"]  # of the test images, in turn


def places(count: int) -> np.ndarray:
    """Row and column of the upper left corner of each image's effusion, int (count, 2)."""
    return 2 * np.random.default_rng(1).integers(0, (SIZE - BLOCK) // 2, size=(count, 2))


def write_images(folder: Path) -> Path:
    """Write images.npy, manifest.csv with neither masks nor patients, split.csv, empty boxes.csv.

    An effusion is a bright block, at `places` in the order of the manifest.
    """
    rows = [
        {"id": f"{letter}{place}", "label": int(letter == "e"), "subset": subset}
        for letter, column in (("e", 0), ("n", 1))
        for place, subset in enumerate(
            name for name, counts in SUBSETS.items() for _ in range(counts[column])
        )
    ]
    table = pd.DataFrame(rows)
    noise = np.random.default_rng(0).normal(size=(len(table), SIZE, SIZE))
    images = ndimage.gaussian_filter(noise, (0, 2, 2)).astype(np.float32)
    images = images / images.std() / 2
    for image, label, (top, left) in zip(images, table["label"], places(len(table)), strict=True):
        if label:
            image[top : top + BLOCK, left : left + BLOCK] = 4
    np.save(folder / "images.npy", images)
    table[["id", "subset"]].to_csv(folder / "split.csv", index=False)
    manifest = table[["id", "label"]].assign(patient="", mask="", path=table["id"] + ".png")
    manifest.to_csv(folder / "manifest.csv", index=False)
    pd.DataFrame(columns=tables.columns("boxes")).to_csv(folder / "boxes.csv", index=False)
    return folder


def truth_of(folder: Path, name: str, size: int = SIZE) -> np.ndarray:
    """The true place of an effusion, uint8 (size, size), 255 or 0."""
    ids = list(tables.read_csv(folder / "manifest.csv")["id"])
    top, left = places(len(ids))[ids.index(name)]
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[top : top + BLOCK, left : left + BLOCK] = 255
    return cv2.resize(mask, (size, size), interpolation=cv2.INTER_NEAREST)


def write_network(folder: Path, name: str, seed: int) -> Path:
    """Write an untrained network that calls half of the folder's images an effusion."""
    keras.utils.set_random_seed(seed)
    network = build_network(SIDE, [4, 6], [3, 3], batch_norm=True)
    images = np.stack([reduce_image(image, SIDE) for image in np.load(folder / "images.npy")])
    features = keras.Model(network.input, network.layers[-1].input)(images[..., np.newaxis])
    kernel, _ = network.layers[-1].get_weights()
    z = features.numpy() @ kernel
    network.layers[-1].set_weights([kernel / z.std(), -np.median(z, axis=0) / z.std()])
    network.save(folder / name)
    return folder / name


def write_looker(path: Path, rows: slice, columns: slice, gain: float = 3, cut: float = 2) -> Path:
    """Write a network that looks at one place alone: the brighter it is, the surer.

    Its probability of an effusion is 0.5 where the place's mean is `cut`.
    """
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Conv2D(1, 1, name="copy"),
            keras.layers.Flatten(),
            keras.layers.Dense(1, "sigmoid"),
        ]
    )
    network.get_layer("copy").set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    looks = np.zeros((SIZE, SIZE))
    looks[rows, columns] = 1
    network.layers[-1].set_weights(
        [gain * looks.reshape(-1, 1) / looks.sum(), np.array([-gain * cut])]
    )
    keras.Model(network.inputs, network.outputs).save(path)
    return path
