"""Does the network change its mind where a saliency map says that it looks?

Reads model.keras and images.npy. Writes faithfulness.csv: for each method and held-out image, how
much better its map is than random maps at deletion and insertion, with two baselines.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxr import tables
from cxr.backend import set_backend
from cxr.cases import in_turn
from cxr.faithfulness import advantages, to_table
from cxr.log import job_log, say
from cxr.predictions import held_out, read_split


def audit_faithfulness(
    model: Path,
    images: Path,
    manifest: Path,
    split: Path,
    fold: int | None,
    methods: list[str],
    number: int,
    target: str,
    layer: str | None,
    threads: int,
    memory: float,
    output: Path,
) -> None:
    """Write faithfulness.csv.

    Args:
        model: model.keras.
        images: images.npy, float32 (N, size, size).
        manifest: manifest.csv.
        split: split.csv.
        fold: The fold of a cross-validation that the network did not see.
        methods: Keys of `cxr.methods.NAMES`.
        number: Held-out images to map.
        target: See `cxr.mapped.resolve_targets`.
        layer: See `cxr.cams.choose_layer`.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        output: faithfulness.csv to write.
    """
    table = read_split(manifest, split, fold)
    cases = in_turn(table, held_out(table), number)
    set_backend("tensorflow")
    from cxr import cams, mapped

    logits, layer, at_once = mapped.open_network(model, layer, threads, memory)
    inputs, targets = mapped.read_cases(logits, images, cases["row"], target, at_once)

    def predict(pictures: np.ndarray) -> np.ndarray:
        return mapped.probabilities(logits, pictures[..., np.newaxis], at_once)

    found = []
    for method in methods:
        raw = cams.mapper(method, logits, layer, at_once)(inputs, targets)
        maps, empty = mapped.scale_maps(raw, inputs.shape[1])
        better = advantages(predict, inputs[..., 0], targets, maps, empty)
        found.append(to_table(cases["id"], better).assign(method=method))
        say(f"{method}: {len(cases)} images, {empty.sum()} maps empty")
    tables.write_table(pd.concat(found), output, "faithfulness")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_faithfulness(
            model=snakemake.input.model,
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            methods=snakemake.params.methods,
            number=snakemake.params.number,
            target=snakemake.params.target,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            output=snakemake.output[0],
        )
