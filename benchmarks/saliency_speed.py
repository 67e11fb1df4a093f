"""How fast are the saliency maps, beside tf-keras-vis in the same run?

    python benchmarks/saliency_speed.py [images] [repeats] [threads]

On the lesson's network at 256 px, untrained, with random images, after a first call of each, which
traces its graph. Prints the median seconds of the repeats, in which the contestants take turns:

- ScoreCAM of ten images by tf-keras-vis; by its shortcut `max_N=10`, in one batch (it then keeps
  the ten channels of every image, and so up to all) and one image after the other; by ours, as the
  network is and with no channel that is zero (ours does not predict those). Beside it the speed-up,
  the median of the ratios of each repeat, and the least correlation of ours with tf-keras-vis;
- all images (105 unless told otherwise) by each class activation map and by the four together,
  which are meant to take less than 20 s on two cores, and ten images by the other methods.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import keras
import numpy as np
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

from cxr import cams
from cxr.backend import fix_bits
from cxr.methods import CAMS, NAMES
from cxr.network import build_network

SIDE, FEW = 256, 10


def lesson(all_live: bool) -> keras.Model:
    """The lesson's network with two logits; its last bias can keep all its channels above zero."""
    network = build_network(
        SIDE, [8, 8, 12, 12, 20, 20, 50], [3, 3, 3, 3, 5, 5, 5], dense=[128, 32], dropout=0.6
    )
    last = network.get_layer("conv_7")
    kernel, bias = last.get_weights()
    last.set_weights([kernel, bias + (1 if all_live else 0)])
    return cams.two_logits(network)


def library(logits: keras.Model, max_n: int | None) -> cams.Mapper:
    """ScoreCAM by tf-keras-vis."""
    scorecam = Scorecam(logits)

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return scorecam(
            CategoricalScore(targets.tolist()),
            images,
            max_N=max_n,
            penultimate_layer="relu_7",
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )

    return run


def one_by_one(mapper: cams.Mapper) -> cams.Mapper:
    """Map one image after the other."""

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        return np.concatenate([mapper(images[n : n + 1], targets[n : n + 1]) for n in range(FEW)])

    return run


def seconds(mapper: cams.Mapper, images: np.ndarray, targets: np.ndarray) -> float:
    start = time.perf_counter()
    mapper(images, targets)
    return time.perf_counter() - start


def take_turns(contestants: dict[str, Callable[[], float]], repeats: int) -> dict[str, np.ndarray]:
    """Seconds of each contestant in each round, (repeats,), after one that does not count."""
    rounds = [{name: run() for name, run in contestants.items()} for _ in range(repeats + 1)]
    return {name: np.array([found[name] for found in rounds[1:]]) for name in contestants}


def race_scorecam(images: np.ndarray, targets: np.ndarray, repeats: int) -> None:
    logits, live = lesson(False), lesson(True)
    shortcut = library(logits, 10)
    mappers = {
        "tf-keras-vis": library(logits, None),
        "tf-keras-vis, max_N=10, one batch": shortcut,
        "tf-keras-vis, max_N=10, one by one": one_by_one(shortcut),
        "ours": cams.mapper("scorecam", logits, "relu_7"),
        "ours, all 50 channels live": cams.mapper("scorecam", live, "relu_7"),
    }
    found = take_turns(
        {name: lambda m=mapper: seconds(m, images, targets) for name, mapper in mappers.items()},
        repeats,
    )
    print(f"ScoreCAM of {FEW} images: seconds, speed-up over it of ours and of ours, all live")
    for name, spent in found.items():
        ratios = [np.median(spent / ours) for ours in list(found.values())[-2:]]
        print(f"  {name:36}{np.median(spent):7.2f} s" + "".join(f"{r:7.1f}x" for r in ratios))
    names = ("ours", "tf-keras-vis")
    maps = [np.reshape(mappers[name](images, targets), (FEW, -1)) for name in names]
    least = min(np.corrcoef(*pair)[0, 1] for pair in zip(*maps, strict=True))
    print(f"  least correlation of ours and tf-keras-vis over the images: {least:.6f}")


def time_methods(names: list[str], images: np.ndarray, targets: np.ndarray, repeats: int) -> None:
    logits = lesson(True)
    mappers = {name: cams.mapper(name, logits, "relu_7") for name in names}
    found = take_turns(
        {name: lambda m=mapper: seconds(m, images, targets) for name, mapper in mappers.items()},
        repeats,
    )
    found["together"] = sum(found.values())
    print(f"{len(images)} images, all 50 channels live: seconds")
    for name, spent in found.items():
        print(f"  {name:36}{np.median(spent):7.2f} s")


def main(count: int = 105, repeats: int = 3, threads: int = 2) -> None:
    fix_bits(0, threads)
    keras.config.disable_interactive_logging()
    images = np.random.default_rng(0).normal(size=(count, SIDE, SIDE, 1)).astype(np.float32)
    targets = np.arange(count) % 2
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {threads} threads")
    race_scorecam(images[:FEW], targets[:FEW], repeats)
    time_methods(CAMS, images, targets, repeats)
    others = [name for name in NAMES if name not in CAMS]
    time_methods(others, images[:FEW], targets[:FEW], repeats)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
