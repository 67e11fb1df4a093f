"""Small X-ray-like images for tests, different enough by class to be learnt in a few epochs."""

from pathlib import Path

import cv2
import numpy as np


def draw(effusion: bool, size: int, random: np.random.Generator) -> np.ndarray:
    """Return a bright body with two dark lungs, (size, size), uint8; fluid hides a lung's base."""
    row, column = np.mgrid[0:size, 0:size] / size
    centre = random.uniform(-0.03, 0.03, size=2)
    image = 170 + 40 * (row - 0.5) + random.normal(0, 6, (size, size))
    for side in (-1, 1):
        ellipse = ((row - 0.45 - centre[0]) / 0.35) ** 2
        ellipse += ((column - 0.5 - centre[1] + side * 0.22) / 0.15) ** 2
        image[ellipse < 1] -= 90
    if effusion:
        side = random.choice([-1, 1])
        image[(row > 0.5) & ((column - 0.5) * side > 0.05)] += 80
    return np.clip(image * random.uniform(0.9, 1.1), 0, 255).astype(np.uint8)


def write_folder(
    folder: Path, effusion: int = 6, normal: int = 6, size: int = 64, seed: int = 0
) -> Path:
    """Write images to effusion/e<i>.png and normal/n<i>.png in `folder`, and return it.

    The same arguments give the same files.
    """
    folder = Path(folder)
    random = np.random.default_rng(seed)
    for name, count in (("effusion", effusion), ("normal", normal)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            image = draw(name == "effusion", size, random)
            cv2.imwrite(str(folder / name / f"{name[0]}{i}.png"), image)
    return folder
