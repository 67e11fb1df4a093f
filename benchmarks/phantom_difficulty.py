"""How hard is the phantom for methods that see no shape, beside real radiographs?

    python benchmarks/phantom_difficulty.py data/phantom [data/chest_xrays ...]

Each folder holds `effusion/*.png` and `normal/*.png`. For each, and for each of three
descriptions of an image, prints the AUROC of a logistic regression on standardised features, 5-fold
out-of-fold (seed 0, one row per image), once on the raw 8-bit grey at 256 px and once after each
image is brought to mean 0 and standard deviation 1:

- ten statistics and an 8x8 thumbnail, those of the baselines (scripts/cxr/baselines.py);
- a histogram of 32 equal bins.

The phantom is meant to lie at 0.60-0.72, 0.70-0.82 and at most 0.72: as hard as the 700 real X-rays
of the lesson, where the signal is in shape and texture.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from cxr import baselines

SIZE = 256


def read(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images, (n, 256, 256) float32 of 0-255, and labels, (n,), of a folder with both classes."""
    images, labels = [], []
    for label, name in ((1, "effusion"), (0, "normal")):
        paths = sorted((folder / name).glob("*.png"))
        if not paths:
            raise FileNotFoundError(f"no PNG files in {folder / name}")
        for path in paths:
            image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
            if image is None:
                raise ValueError(f"cannot read {path} as an image")
            images.append(cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
            labels.append(label)
    return np.asarray(images, np.float32), np.asarray(labels)


def normalise(images: np.ndarray) -> np.ndarray:
    """Each image with mean 0 and standard deviation 1."""
    flat = images.reshape(len(images), -1)
    mean, deviation = flat.mean(1), flat.std(1) + 1e-6
    return (images - mean[:, None, None]) / deviation[:, None, None]


def statistics(images: np.ndarray) -> np.ndarray:
    """Ten numbers per image, (n, 10)."""
    return np.stack([baselines.statistics(image) for image in images])


def thumbnail(images: np.ndarray) -> np.ndarray:
    """Each image at 8x8, (n, 64)."""
    return np.stack([baselines.thumbnail(image) for image in images])


def histogram(images: np.ndarray) -> np.ndarray:
    """Share of pixels in 32 bins between the extremes of the whole set, (n, 32)."""
    low, high = np.percentile(images, [0.01, 99.99])
    return np.asarray(
        [np.histogram(i, 32, (low, high))[0] / i.size for i in images.clip(low, high)]
    )


def auroc(features: np.ndarray, labels: np.ndarray) -> float:
    """Out-of-fold AUROC of a logistic regression."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = baselines.classifier()
    score = cross_val_predict(model, features, labels, cv=folds, method="decision_function")
    return float(roc_auc_score(labels, score))


def measure(folder: Path) -> dict[str, float]:
    """AUROC of each description, raw and normalised."""
    images, labels = read(folder)
    values = {}
    for kind, prepared in (("raw", images), ("normalised", normalise(images))):
        for describe in (statistics, thumbnail, histogram):
            values[f"{describe.__name__}, {kind}"] = auroc(describe(prepared), labels)
    return values


def main(folders: list[Path]) -> None:
    """Print one column per folder."""
    columns = [measure(folder) for folder in folders]
    print(f"{'AUROC':24}" + "".join(f"{folder.name[:14]:>16}" for folder in folders))
    for row in columns[0]:
        print(f"{row:24}" + "".join(f"{column[row]:16.3f}" for column in columns))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    main([Path(name) for name in sys.argv[1:]])
