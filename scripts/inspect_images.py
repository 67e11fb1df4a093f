"""Draw the lesson's pictures of the data, from the file to what the network gets.

Reads manifest.csv, split.csv, images.npy and a handful of the images. Writes examples.png,
reading.png, pixels.png, preprocessing.png, augmentation.png, counts.png and activations.png.
"""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from cxr import activations, counts, gallery, plots, tables
from cxr.arrays import open_array
from cxr.augment import augment
from cxr.dicom import is_dicom
from cxr.images import read_listed
from cxr.log import job_log
from cxr.predictions import read_split

EXAMPLES = 4  # of each class
NORMAL = 56  # the lesson's image, counted from 0
VARIANTS = 5
DPI = 120
EXERCISE = {"rotation": 20, "shift": 0.2, "zoom": 0.2, "flip": True}  # the lesson's


def read_colour(path: str) -> np.ndarray:
    """Return red, green and blue of an image, (height, width, 3), uint8 or uint16."""
    data = Path(path).read_bytes()
    if is_dicom(data):
        return np.dstack([read_listed(path)] * 3)
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH
    return cv2.imdecode(np.frombuffer(data, np.uint8), flags)


def read_example(image: pd.Series) -> gallery.Thumbnail:
    """Read the image and the mask that a row of the manifest names."""
    mask = read_listed(image["mask"]) if image["mask"] else None
    return gallery.thumbnail(Path(image["path"]).name, read_listed(image["path"]), mask)


def choose_examples(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A few images of each class, spread evenly over it, the first among them."""
    chosen = {}
    for kind in plots.CLASSES.values():
        part = table[table["class"] == kind.name]
        number = min(EXAMPLES, len(part))
        chosen[kind.name] = part.iloc[[len(part) * place // number for place in range(number)]]
    return chosen


def choose_augmentation(augmentations: dict[str, dict]) -> tuple[str, dict]:
    """Whose amounts to show: the first experiment that augments, or the lesson's exercise.

    Args:
        augmentations: The `augment` of each experiment, in the order of `run`.

    Returns:
        Words for the title, and arguments of `cxr.augment.augment`.
    """
    for name, amounts in augmentations.items():
        if any(amounts.values()):
            return f"as in the experiment {name}", amounts
    return "as in the lesson's exercise; no experiment of this run augments", EXERCISE


def draw_augmentation(
    table: pd.DataFrame, array: np.ndarray, augmentations: dict[str, dict], dataset: str
) -> plots.plt.Figure:
    """Draw the first effusion that trains, and variants of it."""
    image = table[(table["subset"] == "train") & (table["class"] == "effusion")].iloc[0]
    original = np.array(array[image["row"]])
    whose, amounts = choose_augmentation(augmentations)
    variants = [
        augment(original, np.random.default_rng(seed), **amounts) for seed in range(VARIANTS)
    ]
    title = f"{dataset}: augmentation {whose}\n{gallery.amounts(amounts)}"
    return gallery.draw_augmentation(Path(image["path"]).name, original, variants, title)


def inspect_images(
    manifest: Path,
    split: Path,
    images: Path,
    outputs: dict[str, Path],
    augmentations: dict[str, dict],
    resize: str,
    dataset: str,
    fold: int | None = None,
) -> None:
    """Draw and write every figure.

    Args:
        manifest: manifest.csv; its relative paths start from the current folder.
        split: split.csv.
        images: images.npy, float32 (N, size, size), whose rows are those of the manifest.
        outputs: examples, reading, pixels, preprocessing, augmentation, counts, activations:
            PNGs to write.
        augmentations: See `choose_augmentation`.
        resize: How `images` were resized, `area` or `bilinear`.
        dataset: Name of the data set, for the titles.
        fold: The fold, with cross-validation, whose training images are shown.

    Raises:
        UserError: an image cannot be read any more.
    """
    table = tables.read_table(manifest, "manifest")
    divided = read_split(manifest, split, fold).drop(columns="label")
    table = table.drop(columns="subset").merge(divided, on="id")
    array = open_array(images)
    examples = {
        name: [read_example(image) for _, image in part.iterrows()]
        for name, part in choose_examples(table).items()
    }
    first = table.iloc[0]
    name, grey = Path(first["path"]).name, read_listed(first["path"])
    normals = table[table["class"] == "normal"]
    number = min(NORMAL, len(normals) - 1)
    normal = normals.iloc[number]
    figures = {
        "examples": gallery.draw_examples(examples, f"{dataset}: examples of each class"),
        "reading": gallery.draw_reading(name, read_colour(first["path"]), grey, dataset),
        "pixels": gallery.draw_pixels(
            Path(normal["path"]).name,
            read_listed(normal["path"]),
            f"{dataset}: an X-ray is a table of numbers (normal image {number}, counted from 0)",
        ),
        "preprocessing": gallery.draw_preprocessing(
            name, grey, array[first["row"]], resize, dataset
        ),
        "augmentation": draw_augmentation(table, array, augmentations, dataset),
        "counts": counts.draw_counts(table, f"{dataset}: images and patients of each subset"),
        "activations": activations.draw_activations(),
    }
    for name, figure in figures.items():
        plots.save(figure, outputs[name], DPI)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        inspect_images(
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            images=snakemake.input.images,
            outputs=dict(snakemake.output.items()),
            augmentations=snakemake.params.augmentations,
            resize=snakemake.params.resize,
            dataset=snakemake.wildcards.dataset,
            fold=snakemake.params.fold,
        )
