"""Does a network use the planted mark, and do its saliency maps show that?

Reads model.keras, images.npy, manifest.csv and split.csv, and draws the held-out phantoms again,
without the mark and with it. Writes shortcut_use.csv, what the mark does to the network;
shortcut.csv, what it does to each method's map of an image; and shortcut.npy, the first image of
shortcut.csv and its maps, to look at. Promises that one of the two images is that of images.npy.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cxr import confounding, tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.cases import in_turn
from cxr.errors import UserError
from cxr.images import prepare
from cxr.log import job_log, say
from cxr.methods import SLOW
from cxr.phantom import draw_pairs
from cxr.phantom.scene import Pair
from cxr.predictions import held_out, read_split
from cxr.truth import resize_mask


class Pairs(NamedTuple):
    """Images without and with the mark, as images.npy holds them.

    Attributes:
        images: float32 (2, n, size, size), without it and with it.
        places: bool (n, size, size), where the mark is.
        marked: bool (n,), whether images.npy holds the one with it.
    """

    images: np.ndarray
    places: np.ndarray
    marked: np.ndarray


def prepare_pairs(drawn: Iterable[Pair], held: dict[str, np.ndarray], resize: str) -> Pairs:
    """Prepare pairs as images.npy was.

    Args:
        drawn: In any order.
        held: Each image's row of images.npy, float32 (size, size), by the name of its pair.
        resize: See `cxr.images.prepare`.

    Returns:
        The pairs in the order of `held`.

    Raises:
        UserError: Neither image of a pair is what images.npy holds.
    """
    size = len(next(iter(held.values())))
    order = {name: place for place, name in enumerate(held)}
    images = np.empty((2, len(held), size, size), np.float32)
    places, marked = np.empty(images.shape[1:], bool), np.empty(len(held), bool)
    for pair in drawn:
        row = order[pair.name]
        images[:, row] = [prepare(image, size, resize) for image in (pair.without, pair.marked)]
        places[row] = resize_mask(pair.place, size)
        same = [np.array_equal(image, held[pair.name]) for image in images[:, row]]
        if not any(same):
            raise UserError(
                f"{pair.name}: the data set holds it neither with the mark nor without, so it was "
                "changed after it was drawn. Remove the data set's folder in data/ and run again."
            )
        marked[row] = same[1]
    return Pairs(images, places, marked)


def compare_maps(maps: np.ndarray, places: np.ndarray) -> pd.DataFrame:
    """Set the maps of one method with the mark against those without it.

    Args:
        maps: float32 (2, n, size, size), without the mark and with it.
        places: bool (n, size, size), where it is.

    Returns:
        sensitivity_without, sensitivity_marked and explanation_ncc of each image.
    """
    without, marked = maps
    return pd.DataFrame(
        {
            "sensitivity_without": confounding.confounder_sensitivity(without, places),
            "sensitivity_marked": confounding.confounder_sensitivity(marked, places),
            "explanation_ncc": confounding.explanation_ncc(marked, without),
        }
    )


def audit_shortcut(
    model: Path,
    images: Path,
    manifest: Path,
    split: Path,
    fold: int | None,
    phantom: dict,
    resize: str,
    methods: list[str],
    number: int,
    slow: int,
    layer: str | None,
    threads: int,
    memory: float,
    outputs: dict[str, Path],
) -> None:
    """Write shortcut_use.csv, shortcut.csv and shortcut.npy.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, size, size).
        manifest: manifest.csv.
        split: split.csv.
        fold: The fold of a cross-validation that the network did not see.
        phantom: The data set's normal, effusion, size, seed and shortcut, see
            `cxr.phantom.draw_pairs`.
        resize: See `cxr.images.prepare`.
        methods: Keys of `cxr.methods.NAMES`.
        number: Held-out images to map, those that the mark makes the network call otherwise first.
        slow: The same for the slow methods.
        layer: See `cxr.cams.choose_layer`.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        outputs: use, table and maps: shortcut_use.csv, shortcut.csv and shortcut.npy to write.

    Raises:
        UserError: The data set's images are not those that were drawn, or more.
    """
    table = read_split(manifest, split, fold)
    cases = in_turn(table, held_out(table), len(table))
    known = tables.read_csv(manifest).set_index("id").loc[cases["id"]]
    names, array = [Path(path).stem for path in known["path"]], open_array(images)
    held = {name: array[row] for name, row in zip(names, cases["row"], strict=True)}
    say(f"drawing {len(held)} held-out X-rays without the mark and with it")
    pairs = prepare_pairs(draw_pairs(held, **phantom), held, resize)
    set_backend("tensorflow")
    from cxr import cams, mapped

    logits, layer, at_once = mapped.open_network(model, layer, threads, memory)
    everyone = np.arange(len(cases))
    inputs = [mapped.read_inputs(part, everyone, logits.input_shape[1]) for part in pairs.images]
    without, marked = (mapped.probabilities(logits, part, at_once)[:, 1] for part in inputs)
    use = confounding.use_table(
        cases["label"].to_numpy(), known["patient"].to_numpy(), pairs.marked, without, marked
    )
    tables.write_table(use, outputs["use"], "shortcut_use")
    say(f"the network and the mark: {confounding.use_of_mark(use)}")
    otherwise = confounding.flipped(without, marked)
    facts = cases[["id", "label"]].reset_index(drop=True)
    facts = facts.assign(
        marked=pairs.marked.astype(int),
        probability_without=without,
        probability_marked=marked,
        called_otherwise=otherwise.astype(int),
    )
    order = np.argsort(~otherwise, kind="stable")
    found, first = [], [pairs.images[:, order[0]]]
    for method in methods:
        chosen = order[: slow if method in SLOW else number]
        mapper = cams.mapper(method, logits, layer, at_once)
        targets = np.ones(len(chosen), int)
        raw = [mapper(part[chosen], targets) for part in inputs]
        maps = np.stack([mapped.scale_maps(part, array.shape[1])[0] for part in raw])
        found.append(facts.iloc[chosen].reset_index(drop=True).assign(method=method))
        found[-1] = found[-1].join(compare_maps(maps, pairs.places[chosen]))
        first.append(maps[:, 0])
        say(f"{method}: {len(chosen)} images, {otherwise[chosen].sum()} called otherwise")
    tables.write_table(pd.concat(found), outputs["table"], "shortcut")
    np.save(outputs["maps"], np.stack(first))


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_shortcut(
            model=snakemake.input.model,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            phantom=snakemake.params.phantom,
            resize=snakemake.params.resize,
            methods=snakemake.params.methods,
            number=snakemake.params.number,
            slow=snakemake.params.slow,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            outputs={name: snakemake.output[name] for name in ("use", "table", "maps")},
        )
