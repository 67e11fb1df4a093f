"""Predict new X-rays, warn of those that the network may not be fit to judge, map where it looks.

Reads model.keras, metrics.json and reference.json beside it, as far as they are there, and the
images. Writes predictions.csv, a row for each image; xrays/<id>.png for each that can be read, and
overlays/<id>.png where its map says something. An image that cannot be used is a row with the
reason.
"""

import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from cxr import dicom, familiarity, pictures, tables, warnings
from cxr.backend import set_backend
from cxr.errors import Unreadable, UserError
from cxr.files import empty_folder
from cxr.ids import unique_ids
from cxr.image_files import images_below
from cxr.images import check, decode_colours, natural, prepare, printable, read_bytes, to_grey
from cxr.log import job_log, say
from cxr.model_file import read_facts, read_threshold

ANYTHING = (0, np.inf)  # width / height, where no usual ones are known
METHOD = "gradcam"  # one pass, and it passes its audit
SIDE = 512  # of the pictures, pixels at most
TOLD = 500  # images after which there is a line of progress


class Opened(NamedTuple):
    """An image file: what to warn of, and if it can be used the image, prepared and to look at."""

    warnings: list[str]
    image: np.ndarray | None = None  # float32 (size, size)
    picture: np.ndarray | None = None  # uint8


def open_image(path: str, facts: dict[str, Any], aspect: tuple[float, float]) -> Opened:
    """Open an image as a network's training images were.

    Args:
        path: Of the file.
        facts: See `cxr.model_file.read_facts`.
        aspect: See `cxr.warnings.of_file`.
    """
    coloured, view = False, ""
    try:
        data = read_bytes(path)
        check(data)
        if dicom.is_dicom(data):
            grey, header = dicom.read(data)
            view = header["view"]
        else:
            pixels = decode_colours(data)
            grey, coloured = to_grey(pixels), warnings.is_coloured(pixels)
        image = prepare(grey, facts["image"]["size"], facts["image"]["resize"])
    except Unreadable as error:
        return Opened([warnings.WORDS["unreadable"].format(reason=error)])
    height, width = grey.shape
    said = warnings.of_file(width, height, coloured, view, facts["input_size"], aspect)
    return Opened(said, image, pictures.xray(grey, SIDE))


def list_images(source: str) -> pd.DataFrame:
    """The images at or below `source`: path, image (the path as tables have it) and id.

    Raises:
        UserError: A folder cannot be read.
    """
    try:
        paths = sorted(images_below(source), key=natural)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}. Make it readable.") from error
    top = source if Path(source).is_dir() else Path(source).parent
    names = [printable(os.path.relpath(path, top)) for path in paths]
    folders = [re.sub("[^A-Za-z0-9._-]", "_", Path(path).parent.name) for path in paths]
    return pd.DataFrame({"path": paths, "image": names, "id": unique_ids(names, folders)})


def judge(
    opened: list[Opened],
    inputs: np.ndarray,
    see: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    spaces: dict[str, Any] | None,
    threshold: float,
) -> pd.DataFrame:
    """What predictions.csv says of images that can be used: all but their names.

    Args:
        opened: The images.
        inputs: As the network sees them, float32 (n, side, side, 1).
        see: See `cxr.mapped.observer`.
        spaces: Of reference.json; None where there is none.
        threshold: Probability from which on an effusion is called.
    """
    probability, features = see(inputs)
    distance, kinds = np.full(len(opened), np.nan), ["unchecked"] * len(opened)
    if spaces:
        distance, kinds = familiarity.judge(spaces, inputs[..., 0], features)
    said = [
        [*each.warnings, warnings.WORDS.get(kind)] for each, kind in zip(opened, kinds, strict=True)
    ]
    return pd.DataFrame(
        {
            "probability": probability,
            "prediction": np.where(probability >= threshold, "effusion", "normal"),
            "warning": ["; ".join(filter(None, each)) for each in said],
            "distance": distance,
        }
    )


def save_pictures(
    names: list[str], opened: list[Opened], maps: np.ndarray, xrays: Path, overlays: Path
) -> None:
    """Write xrays/<id>.png, and overlays/<id>.png where the map is not empty.

    Args:
        names: Ids.
        opened: The images.
        maps: float32 (n, h, w), see `cxr.cams.mapper`.
        xrays, overlays: The folders.
    """
    from cxr.cams import scale

    for name, each, raw in zip(names, opened, maps, strict=True):
        Image.fromarray(each.picture).save(xrays / f"{name}.png")
        cam, empty = scale(raw, pictures.MAP_SIDE)
        if not empty:
            Image.fromarray(pictures.overlay(each.picture, cam)).save(overlays / f"{name}.png")


def predict_images(
    source: str,
    model: Path,
    metrics: Path | None,
    reference: Path | None,
    target: str,
    layer: str | None,
    memory: float,
    threads: int,
    output: Path,
    xrays: Path,
    overlays: Path,
) -> None:
    """Write the pictures, a batch of images at a time, and then predictions.csv.

    Args:
        source: An image, or a folder of images.
        model: model.keras.
        metrics: metrics.json, or None for a threshold of 0.5.
        reference: reference.json, or None to leave unchecked whether the images are familiar.
        target: See `cxr.mapped.resolve_targets`.
        layer: See `cxr.cams.choose_layer`.
        memory: MB, see `cxr.cams.images_at_once`.
        threads: Images opened at a time.
        output: predictions.csv to write.
        xrays, overlays: Folders to make.

    Raises:
        UserError: A file of the model is not what it should be, or the folder cannot be read.
    """
    facts, table = read_facts(model), list_images(source)
    threshold = read_threshold(metrics, facts["fold"]) if metrics else 0.5
    known = familiarity.read_reference(reference, model) if reference else {}
    set_backend("tensorflow")  # the maps know no other
    from cxr import cams, mapped

    logits, layer, at_once = mapped.open_network(model, layer, facts["threads"], memory)
    see = mapped.observer(logits, facts["test_flip"])
    mapper = cams.mapper(METHOD, logits, layer, at_once)
    look = partial(open_image, facts=facts, aspect=known.get("aspect", ANYTHING))
    xrays, overlays = Path(xrays), Path(overlays)
    for folder in (xrays, overlays):
        empty_folder(folder)
    parts = [pd.DataFrame(columns=["probability", "prediction", "warning", "distance"])]
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(table), at_once):
            part = table[first : first + at_once]
            opened = pd.Series([*pool.map(look, part["path"])], part.index, dtype=object)
            usable = opened.map(lambda each: each.image is not None)
            fit, names = [*opened[usable]], part["id"][usable]
            parts.append(opened[~usable].map(lambda each: each.warnings[0]).to_frame("warning"))
            if fit:
                images = np.stack([each.image for each in fit])
                inputs = mapped.read_inputs(images, range(len(fit)), facts["input_size"])
                found = judge(fit, inputs, see, known.get("spaces"), threshold)
                parts.append(found.set_axis(names.index))
                targets = mapped.resolve_targets(target, found["probability"].to_numpy())
                save_pictures(names, fit, mapper(inputs, targets), xrays, overlays)
            if first // TOLD < (first + len(part)) // TOLD:
                say(f"predicted {first + len(part):,} of {len(table):,} images")
    table = table.join(pd.concat(parts)).fillna({"prediction": ""})
    tables.write_table(table, output, "predicted")
    say(warnings.summarise(table))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        predict_images(
            source=snakemake.params.source,
            model=snakemake.input.model,
            metrics=snakemake.input.get("metrics"),
            reference=snakemake.input.get("reference"),
            target=snakemake.params.target,
            layer=snakemake.params.layer,
            memory=snakemake.params.memory,
            threads=snakemake.threads,
            output=snakemake.output.table,
            xrays=snakemake.output.xrays,
            overlays=snakemake.output.overlays,
        )
