"""Does a saliency map show the place of the effusion?

Reads model.keras, images.npy, boxes.csv and the masks that manifest.csv names. Writes
localisation.csv: how each method's map of a held-out effusion meets the truth, beside two priors
that know nothing of the image; no rows where no truth is known.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import localisation, tables
from cxr.arrays import open_array
from cxr.backend import set_backend
from cxr.cases import in_turn
from cxr.images import read_listed
from cxr.log import job_log, say
from cxr.methods import SLOW
from cxr.predictions import held_out, read_split
from cxr.truth import box_mask, chexlocalize_id, read_chexlocalize, resize_mask


def read_truths(
    manifest: pd.DataFrame, boxes: pd.DataFrame, masks: str | None, size: int
) -> dict[str, np.ndarray]:
    """The true places of the effusions that are known, bool (size, size), by id.

    Args:
        manifest: manifest.csv, all columns str; its column mask comes first.
        boxes: boxes.csv; those around an effusion come second.
        masks: A file in CheXlocalize's format, which comes last, or None.
        size: Side of the maps, pixels.

    Raises:
        UserError: A file cannot be read.
    """
    effusions = manifest[manifest["label"] == "1"]
    known = read_chexlocalize(masks, "Pleural Effusion", size) if masks else {}
    named = {row.id: chexlocalize_id(row.path) for row in effusions.itertuples()}
    truths = {name: known[other] for name, other in named.items() if other in known}
    around = boxes[boxes["finding"].str.lower().str.contains("effusion")]
    truths |= {name: box_mask(part, size) for name, part in around.groupby("id")}
    listed = effusions[effusions["mask"] != ""].set_index("id")["mask"]
    truths |= {name: resize_mask(read_listed(path), size) for name, path in listed.items()}
    return {name: truth for name, truth in truths.items() if truth.any()}


def score(
    method: str,
    maps: np.ndarray,
    truths: np.ndarray,
    chosen_on: np.ndarray,
    known: np.ndarray,
) -> pd.DataFrame:
    """Set the maps of one method, or of a prior, against the truth.

    Args:
        method: Its name.
        maps: Its maps of held-out images, float (n, size, size), 0 to 1; 0 all over where empty.
        truths: bool (n, size, size), of `maps`.
        chosen_on: Maps of m validation images, on which the threshold is chosen.
        known: bool (m, size, size), of `chosen_on`.

    Returns:
        method, threshold and the scores of each held-out image, see `cxr.localisation.scores`.
    """
    full = chosen_on.any(axis=(1, 2))
    threshold = localisation.choose_threshold(chosen_on[full], known[full]) if full.any() else 0.5
    scores = localisation.scores(maps, truths, ~maps.any(axis=(1, 2)), threshold)
    return pd.DataFrame({"method": method, "threshold": threshold} | scores)


def score_priors(truths: np.ndarray, known: np.ndarray) -> list[pd.DataFrame]:
    """The scores of what knows nothing of the image.

    Args:
        truths: bool (n, size, size), of held-out images.
        known: bool (m, size, size), of validation images, which one of the priors is made from.

    Returns:
        See `score`, with `reachable_iou` NaN.
    """
    priors = {
        localisation.MEAN: localisation.mean_truth(known),
        localisation.CENTRE: localisation.centre(truths.shape[1]),
    }
    both = (truths, known)
    repeated = {
        name: [np.broadcast_to(prior, part.shape) for part in both]
        for name, prior in priors.items()
    }
    return [
        score(name, own, truths, validation, known).assign(reachable_iou=np.nan)
        for name, (own, validation) in repeated.items()
    ]


def audit_localisation(
    model: Path,
    images: Path,
    manifest: Path,
    split: Path,
    boxes: Path,
    fold: int | None,
    masks: str | None,
    methods: list[str],
    number: int,
    slow: int,
    layer: str | None,
    threads: int,
    memory: float,
    output: Path,
) -> None:
    """Write localisation.csv.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, size, size).
        manifest: manifest.csv.
        split: split.csv.
        boxes: boxes.csv.
        fold: The fold of a cross-validation that the network did not see.
        masks: See `read_truths`.
        methods: Keys of `cxr.methods.NAMES`.
        number: Effusions to map, held-out ones and as many of validation for the thresholds.
        slow: The same for the slow methods.
        layer: See `cxr.cams.choose_layer`.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        output: localisation.csv to write.
    """
    table, array = read_split(manifest, split, fold), open_array(images)
    size, held = array.shape[1], held_out(table)
    table = table[(table["label"] == 1) & table["subset"].isin([held, "validation"])]
    listed = tables.read_csv(manifest)
    listed = listed[listed["id"].isin(table["id"])]
    truths = read_truths(listed, tables.read_table(boxes, "boxes"), masks, size)
    table = table[table["id"].isin(truths)]
    validation, own = table[table["subset"] == "validation"], in_turn(table, held, number)
    say(f"{len(own)} held-out effusions in known places, {len(validation)} of validation")
    if own.empty or validation.empty:
        none = pd.DataFrame(columns=tables.columns("localisation"))
        tables.write_table(none, output, "localisation")
        return
    known, truth = (np.stack([truths[name] for name in part["id"]]) for part in (validation, own))
    set_backend("tensorflow")
    from cxr import cams, mapped

    logits, layer, at_once = mapped.open_network(model, layer, threads, memory)
    others, inputs = (
        mapped.read_inputs(array, part["row"].iloc[:number], logits.input_shape[1])
        for part in (validation, own)
    )
    found = [part.assign(id=own["id"].to_numpy()) for part in score_priors(truth, known)]
    reachable = {}  # by the resolution of the maps
    for method in methods:
        chosen = slice(slow if method in SLOW else number)
        mapper = cams.mapper(method, logits, layer, at_once)
        parts = (inputs[chosen], others[chosen])
        raw = [mapper(part, np.ones(len(part), int)) for part in parts]
        maps, other_maps = (mapped.scale_maps(part, size)[0] for part in raw)
        grid = raw[0].shape[1:]
        if grid not in reachable:
            reachable[grid] = [localisation.reachable_iou(one, grid) for one in truth]
        scores = score(method, maps, truth[chosen], other_maps, known[: len(other_maps)])
        names = own["id"].to_numpy()[chosen]
        found.append(scores.assign(id=names, reachable_iou=reachable[grid][chosen]))
        say(f"{method}: {len(scores)} effusions")
    tables.write_table(pd.concat(found), output, "localisation")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_localisation(
            model=snakemake.input.model,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            boxes=snakemake.input.boxes,
            fold=snakemake.params.fold,
            masks=snakemake.params.masks,
            methods=snakemake.params.methods,
            number=snakemake.params.number,
            slow=snakemake.params.slow,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            output=snakemake.output[0],
        )
