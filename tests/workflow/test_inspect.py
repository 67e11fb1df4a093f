"""The pictures of the lesson, as the tiny run leaves them, and when they are drawn again."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tiny import TINY, causes, configure, plan, rules

IMAGES = [
    *("examples", "reading", "pixels", "preprocessing", "augmentation", "counts", "activations"),
]


@pytest.fixture
def pictures(finished: Path) -> Path:
    return finished / "results" / "phantom" / "inspect"


def test_every_picture_is_there(pictures: Path) -> None:
    networks = [f"{name}_{kind}" for name in TINY["run"] for kind in ("network", "filters")]
    features = [f"{name}_features" for name in TINY["run"]]
    expected = {f"{name}.png" for name in [*IMAGES, *networks, *features]}
    assert {path.name for path in pictures.glob("*.png")} == expected
    for name in expected:
        picture = cv2.imread(str(pictures / name))
        assert min(picture.shape[:2]) > 150, name
        assert np.std(picture) > 5, name


@pytest.mark.parametrize("name", TINY["run"])
def test_summaries_count_the_networks_parameters(pictures: Path, name: str) -> None:
    text = (pictures / f"{name}_summary.txt").read_text()
    assert text.startswith(f"phantom, {name}, seed 1\n")
    layers = re.findall(r"\| +([\d,]+) \|$", text, re.MULTILINE)
    total = sum(int(count.replace(",", "")) for count in layers)
    assert f"Total params: {total:,}" in text
    assert total == {"lesson": 54_627, "small": 345}[name]


def test_another_augmentation_redraws_and_retrains_its_experiment_alone(project: Path) -> None:
    configure(project, {"experiments": {"small": {"augment": {"rotation": 15}}}})
    jobs = plan(project)
    assert set(causes(jobs)) == {"train_network", "inspect_images"}
    trained = [job for job in jobs if job.rule == "train_network"]
    drawn = [job for job in jobs if job.rule == "inspect_network"]
    for job in (*trained, *drawn):
        assert "small" in job.output
        assert "lesson" not in job.output
    assert len(trained) == len(drawn) == 1
    assert not rules(jobs) & {"preprocess_shard", "split_images"}


def test_restyled_pictures_retrain_nothing(project: Path) -> None:
    module = project / "scripts" / "cxr" / "gallery.py"
    module.write_text(module.read_text() + "# edited\n")
    assert "inspect_images" in rules(plan(project))
    assert not rules(plan(project)) & {"train_network", "inspect_network", "evaluate_predictions"}
