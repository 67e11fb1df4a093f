"""How long does the full audit of a network take, and what does it gain by tracing graphs once?

    python benchmarks/audit_speed.py results/<dataset>/<experiment>/seed-<seed> \\
        [images] [networks] [repeats] [threads]

After `snakemake --cores 2 audit` for that network. Prints

- the wall and CPU seconds of each job of that audit, from Snakemake's benchmark files, and their
  sum, of which the first is meant to stay below 360 on two quiet cores; the training on permuted
  labels stands apart;
- side by side, the seconds in which each method maps the images (40 unless told otherwise) with
  several randomised networks (5): by one graph whose weights are swapped, as the audit does, and
  by a graph traced anew for each; medians of the repeats, in which the two take turns.
"""

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import keras
import numpy as np
import pandas as pd
from saliency_speed import take_turns

from cxr import cams, mapped, randomisation
from cxr.methods import CAMS


def print_jobs(run: Path) -> None:
    """Print the wall and CPU seconds of an audit's jobs."""
    folder = run.parents[1] / "benchmarks" / run.parent.name / run.name
    tables = {path.stem: pd.read_csv(path, sep="\t") for path in folder.glob("audit_*.tsv")}
    spent = pd.concat(tables)[["s", "cpu_time"]].droplevel(1).sort_index()
    training = spent.index.str.contains("permutation")
    together = spent[~training].sum().to_frame("together").T
    print(f"the audit of {run}: wall and CPU seconds")
    for row in pd.concat([spent[~training], together, spent[training]]).itertuples():
        print(f"  {row.Index:36}{row.s:7.1f} s{row.cpu_time:8.1f} s")


def swap(
    method: str,
    logits: keras.Model,
    layer: str,
    images: np.ndarray,
    networks: list[list[np.ndarray]],
    anew: bool,
) -> float:
    """Seconds to map images with one network after another, by one graph or by a new one each."""
    targets = np.ones(len(images), int)
    start = time.perf_counter()
    mapper = cams.mapper(method, logits, layer)
    for weights in networks:
        logits.set_weights(weights)
        if anew:
            mapper = cams.mapper(method, logits, layer)
        mapper(images, targets)
    return time.perf_counter() - start


def main(run: str, count: int = 40, networks: int = 5, repeats: int = 3, threads: int = 2) -> None:
    run = Path(run)
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {threads} threads")
    print_jobs(run)
    logits, layer, _ = mapped.open_network(run / "model.keras", None, threads, 200)
    array = np.load(run.parents[1] / "images.npy", mmap_mode="r")
    images = mapped.read_inputs(array, np.arange(count), logits.input_shape[1])
    stages = randomisation.stages(logits, images, networks)
    drawn = [s.weights for s in stages if (s.check, s.stage) == ("cascading", 1)]
    print(f"{count} images, {networks} networks: seconds by weights swapped, by graphs traced anew")
    for method in CAMS:
        found = take_turns(
            {
                anew: lambda m=method, a=anew: swap(m, logits, layer, images, drawn, a)
                for anew in (False, True)
            },
            repeats,
        )
        ratio = np.median(found[True] / found[False])
        cells = "".join(f"{np.median(found[anew]):8.2f} s" for anew in (False, True))
        print(f"  {method:26}{cells}{ratio:7.1f}x")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
