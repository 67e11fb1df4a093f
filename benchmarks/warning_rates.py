"""How often is there a warning, of what kind of image?

    python benchmarks/warning_rates.py MODEL FOLDER...            one line per folder
    python benchmarks/warning_rates.py MODEL --spoilt FOLDER...   its images, badly taken

MODEL is a model.keras with reference.json beside it, a FOLDER holds images of one kind. The second
form makes of each image a negative, turns it, cuts off a share of each side, or puts it on a
larger black ground, and has a line for each.

Columns: kind; n images that can be read; flagged, the share with any warning, with a 95 % interval
(Wilson); far, the share that is flagged by its distance from the training images alone, the image
grey and squeezed as a network sees it, with an interval; and how often each warning comes.
"""

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.stats import binomtest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from cxr.errors import Unreadable  # noqa: E402
from cxr.image_files import images_below  # noqa: E402
from cxr.images import read_grey  # noqa: E402
from cxr.tables import read_table  # noqa: E402
from predict_images import predict_images  # noqa: E402


def cut(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that cuts a share of an image off each side."""

    def inner(image: np.ndarray) -> np.ndarray:
        height, width = (round(share * side) for side in image.shape)
        return image[height : image.shape[0] - height, width : image.shape[1] - width]

    return inner


def framed(image: np.ndarray) -> np.ndarray:
    """An image in the middle of a black ground of twice its sides."""
    return np.pad(image, [(side // 2, side // 2) for side in image.shape])


SPOILT = {
    "negative": np.invert,
    "turned left": lambda image: np.rot90(image, 1),
    "turned right": lambda image: np.rot90(image, -1),
    "upside down": lambda image: np.rot90(image, 2),
    "mirrored": np.fliplr,
    "10 % cut off each side": cut(0.1),
    "20 % cut off each side": cut(0.2),
    "left half": lambda image: image[:, : image.shape[1] // 2],
    "within a black frame": framed,
}


def spoilt(folder: Path) -> Iterator[tuple[str, Path]]:
    """For each kind of bad X-ray, its name and a folder that lasts until the next is asked for."""
    for name, spoil in SPOILT.items():
        with tempfile.TemporaryDirectory() as made:
            for number, path in enumerate(sorted(images_below(folder))):
                try:
                    image = np.ascontiguousarray(spoil(read_grey(path)))
                except Unreadable:
                    continue
                cv2.imwrite(str(Path(made, f"{number}.png")), image)
            yield name, Path(made)


def predict(model: Path, folder: Path) -> pd.DataFrame:
    """predictions.csv of the images in a folder that can be read."""
    with tempfile.TemporaryDirectory() as made:
        output, *folders = (Path(made, name) for name in ("predictions.csv", "xrays", "overlays"))
        reference = model.with_name("reference.json")
        given = {"target": "effusion", "layer": None, "memory": 500, "threads": 2}
        predict_images(
            str(folder),
            model,
            None,
            reference,
            **given,
            output=output,
            xrays=folders[0],
            overlays=folders[1],
        )
        table = read_table(output, "predicted")
    return table[table["prediction"] != ""]


def share(flags: pd.Series) -> str:
    """A share with its interval, in per cent."""
    found = binomtest(int(flags.sum()), len(flags))
    low, high = found.proportion_ci(method="wilson")
    return f"{100 * flags.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def line(name: str, table: pd.DataFrame) -> str:
    """What is printed of a kind of images."""
    kinds = Counter(
        each.partition(":")[0] for said in table["warning"] for each in said.split("; ")
    )
    del kinds[""]
    flagged, far = share(table["warning"] != ""), share(table["distance"] > 1)
    return "\t".join([name, str(len(table)), flagged, far, json.dumps(kinds.most_common())])


def main(model: str, *folders: str) -> None:
    """Print a line for each kind."""
    print("kind", "n", "flagged, %", "far, %", "warnings", sep="\t")
    for folder in map(Path, folders):
        if folders[0] == "--spoilt":
            kinds = [] if folder.name == "--spoilt" else spoilt(folder)
        else:
            kinds = [(folder.name, folder)]
        for name, images in kinds:
            print(line(name, predict(Path(model), images)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
