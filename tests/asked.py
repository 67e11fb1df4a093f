"""A small random network, all that its page for new X-rays is made from, and what it computes."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pandas as pd

from cxr import familiarity, tables, warnings
from cxr.batches import reduce_image
from cxr.files import sha256_of
from cxr.images import prepare
from cxr.model_file import write_facts
from cxr.network import build_network
from predict_images import open_image
from predict_page import predict_page
from workspace import ROOT
from xrays import draw

PAGES = ROOT / "pages"
WORK = [PAGES / f"{part}.js" for part in ("png", "preprocessing", "network", "warnings", "work")]
SIDE = 64  # of images.npy
ASPECT = (0.7, 1.4)
HOSTILE = "<script>hacked=1</script>{{ 7*7 }}<!--"
BLOCKS = {"filters": [4, 6, 8], "kernels": [3, 5, 3]}


class Asked(NamedTuple):
    """A network and what its page is made from."""

    network: keras.Model
    facts: dict[str, Any]
    spaces: dict[str, Any]
    page: Path


def random_network(input_size: int, seed: int = 1, **architecture: Any) -> keras.Model:
    """A network whose weights, biases and averages of batch normalisation are all random."""
    keras.utils.set_random_seed(seed)
    network = build_network(input_size, **architecture)
    rng = np.random.default_rng(seed)
    network.set_weights(
        [
            weights + rng.uniform(0.05, 0.3, weights.shape) * (weights.ndim == 1)
            for weights in network.get_weights()
        ]
    )
    return network


def xrays(count: int, side: int = 96, seed: int = 1) -> list[np.ndarray]:
    """Drawn X-rays, uint8 (side, side), the classes in turn."""
    rng = np.random.default_rng(seed)
    return [draw(bool(number % 2), side, rng) for number in range(count)]


def averages(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Features of float32 (n, side, side)."""
    pooled = keras.Model(network.inputs, network.get_layer("global_average").output)
    return pooled.predict(images[..., np.newaxis], verbose=0)


def write_page(
    folder: Path,
    source: str = "folder",
    resize: str = "area",
    test_flip: bool = False,
    dataset: str = "mine",
    **architecture: Any,
) -> Asked:
    """The page of a random network, and all that it is made from, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    network = random_network(32, **(BLOCKS | architecture))
    network.save(folder / "model.keras")
    facts = {
        "image": {"size": SIDE, "resize": resize, "normalise": "image"},
        "input_size": 32,
        "test_flip": test_flip,
        "threads": 1,
        "classes": ["normal", "effusion"],
        "dataset": dataset,
        "source": source,
        "experiment": "small",
        "seed": 1,
        "fold": None,
    }
    write_facts(folder / "model.keras", facts)
    seen = np.stack([reduce_image(prepare(image, SIDE, resize), 32) for image in xrays(60)])
    described = familiarity.describe(seen, averages(network, seen))
    parts = [
        {name: part[rows] for name, part in described.items()} for rows in (np.s_[:40], np.s_[40:])
    ]
    spaces, flagged = familiarity.fit_spaces(*parts)
    reference = {
        "format": 1,
        "model_sha256": sha256_of(folder / "model.keras"),
        "trained_on": 40,
        "calibrated_on": 20,
        "flagged": flagged,
        "aspect": ASPECT,
        "spaces": spaces,
    }
    (folder / "reference.json").write_text(json.dumps(reference))
    share = {"value": 0.9, "ci95": [0.8, 0.96]}
    scores = {"threshold": 0.5, "test": {"n": 50, "sensitivity": share, "specificity": share}}
    (folder / "metrics.json").write_text(json.dumps(scores))
    checks = pd.DataFrame([{"method": "gradcam", "check": "noise", "verdict": "pass"}])
    checks = checks.assign(statistic="spearman_beyond_level", n=8, learned="")
    checks = checks.assign(value=0.5, low=0.4, high=0.6)
    tables.write_table(checks, folder / "checks.csv", "checks")
    make_page(folder)
    return Asked(network, facts, spaces, folder / "predict.html")


def make_page(folder: Path) -> None:
    """Write predict.html from the files in a folder."""
    predict_page(
        model=folder / "model.keras",
        reference=folder / "reference.json",
        scores=folder / "metrics.json",
        checks=folder / "checks.csv",
        template=PAGES / "predict.html",
        styles=[PAGES / "page.css", PAGES / "predict.css"],
        scripts=[PAGES / "page.js", PAGES / "predict.js"],
        worker=WORK,
        output=folder / "predict.html",
    )


def in_python(asked: Asked, path: Path) -> tuple[float, float, str]:
    """Probability, distance and warnings of a file, as Python computes them."""
    opened = open_image(str(path), asked.facts, ASPECT)
    seen = reduce_image(opened.image, asked.facts["input_size"])[np.newaxis]
    views = [seen, seen[:, :, ::-1]][: 1 + asked.facts["test_flip"]]
    found = [asked.network.predict(view[..., np.newaxis], verbose=0)[0, 0] for view in views]
    (distance,), (kind,) = familiarity.judge(asked.spaces, seen, averages(asked.network, seen))
    said = [*opened.warnings, warnings.WORDS.get(kind)]
    return float(np.mean(found)), distance, "; ".join(filter(None, said))
