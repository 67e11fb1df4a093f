"""Do saliency maps change with the network, and stay where nothing that matters has changed?

Reads the network of the run, those of the other seeds and those trained on permuted labels, and
images.npy. Writes sanity.csv: how alike two maps of an image are, for each method and check.
"""

from pathlib import Path

import pandas as pd

from cxr import tables
from cxr.backend import set_backend
from cxr.cases import in_turn
from cxr.log import job_log, say
from cxr.methods import SLOW
from cxr.predictions import held_out, read_split


def audit_sanity(
    model: Path,
    seeds: list[Path],
    permuted: list[Path],
    images: Path,
    manifest: Path,
    split: Path,
    fold: int | None,
    methods: list[str],
    number: int,
    slow: int,
    draws: int,
    whole: bool,
    target: str,
    layer: str | None,
    threads: int,
    memory: float,
    output: Path,
) -> None:
    """Write sanity.csv.

    Args:
        model: model.keras of the run.
        seeds: Those of the experiment's other seeds.
        permuted: Those that have learned permuted labels.
        images: images.npy, float32 (N, size, size).
        manifest: manifest.csv.
        split: split.csv.
        fold: The fold of a cross-validation that the network did not see.
        methods: Keys of `cxr.methods.NAMES`.
        number: Held-out images to map.
        slow: The same for the slow methods.
        draws: Random networks at each stage, and noisy copies of each image.
        whole: See `cxr.probes.choose_stages`.
        target: See `cxr.mapped.resolve_targets`.
        layer: See `cxr.cams.choose_layer`.
        threads: Threads of the backend.
        memory: MB, see `cxr.cams.images_at_once`.
        output: sanity.csv to write.
    """
    table = read_split(manifest, split, fold)
    cases = in_turn(table, held_out(table), number)
    set_backend("tensorflow")
    from cxr import cams, mapped, probes, randomisation

    logits, layer, at_once = mapped.open_network(model, layer, threads, memory)
    inputs, targets = mapped.read_cases(logits, images, cases["row"], target, at_once)
    others = [[mapped.read_weights(path) for path in paths] for paths in (seeds, permuted)]
    stages = list(randomisation.stages(logits, inputs, draws))
    found = []
    for method in methods:
        part = slice(slow if method in SLOW else number)
        chosen = probes.choose_stages(stages, whole, method)
        mapper = cams.mapper(method, logits, layer, at_once)
        shown = inputs[part], targets[part]
        own = randomisation.own_maps(mapper, *shown)
        found += probes.compare(method, own, mapper, logits, *shown, chosen, draws)
        found += probes.compare_networks(method, own, mapper, logits, *shown, *others)
        say(f"{method}: {len(own.small)} images, {len(chosen)} randomised networks")
    sanity = pd.concat(found, ignore_index=True)
    sanity["id"] = cases["id"].to_numpy()[sanity["row"]]
    tables.write_table(sanity, output, "sanity")


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_sanity(
            model=snakemake.input.model,
            seeds=snakemake.input.get("seeds", []),
            permuted=snakemake.input.get("permuted", []),
            images=snakemake.input.images,
            manifest=snakemake.input.manifest,
            split=snakemake.input.split,
            fold=snakemake.params.fold,
            methods=snakemake.params.methods,
            number=snakemake.params.number,
            slow=snakemake.params.slow,
            draws=snakemake.params.draws,
            whole=snakemake.params.whole,
            target=snakemake.params.target,
            layer=snakemake.params.layer,
            threads=snakemake.params.threads,
            memory=snakemake.params.memory,
            output=snakemake.output[0],
        )
