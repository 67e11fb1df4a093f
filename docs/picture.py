"""Draw the README's picture from a finished run on the phantom: python docs/picture.py"""

import json
import sys
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from cxr import plots  # noqa: E402

RESULTS = ROOT / "results" / "phantom"
RUNS = {"lesson": (plots.ORANGE, "--"), "pleura": (plots.BLUE, "-")}


def pick(predictions: pd.DataFrame, threshold: float) -> dict[str, pd.Series]:
    """A typical found effusion and normal image, and the surest mistake of each kind."""
    test = predictions[predictions["subset"] == "test"].sort_values("probability")
    effusion, called = test["label"] == 1, test["probability"] >= threshold
    found, cleared = test[effusion & called], test[~effusion & ~called]
    return {
        "effusion, found": found.iloc[len(found) // 2],
        "normal, called normal": cleared.iloc[len(cleared) // 2],
        "effusion, missed": test[effusion & ~called].iloc[0],
        "normal, false alarm": test[~effusion & called].iloc[-1],
    }


def draw_xray(axis: plt.Axes, image: Path, mask: Path, title: str) -> None:
    """An X-ray with the outline of the true effusion."""
    axis.imshow(cv2.imread(str(image), cv2.IMREAD_GRAYSCALE), cmap="gray")
    axis.set_title(title, fontsize=9, loc="center", fontweight="normal")
    outline = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE) > 0
    if outline.any():
        axis.contour(outline, [0.5], colors=plots.YELLOW, linewidths=1)
    axis.axis("off")


def main() -> None:
    """Write docs/picture.png."""
    manifest = pd.read_csv(RESULTS / "manifest.csv", dtype={"id": str}).set_index("id")
    folders = {name: RESULTS / name / "seed-42" for name in RUNS}
    figure, axes = plt.subplot_mosaic(
        "abrr;cdrr", figsize=(10.5, 5.4), layout="constrained", width_ratios=(1, 1, 1, 1)
    )
    scores = json.loads((folders["pleura"] / "metrics.json").read_text())
    predictions = pd.read_csv(folders["pleura"] / "predictions.csv", dtype={"id": str})
    picked = pick(predictions, scores["threshold"]).items()
    for name, (kind, image) in zip("abcd", picked, strict=True):
        row = manifest.loc[image["id"]]
        title = f"{kind}: p = {image['probability']:.2f}"
        draw_xray(axes[name], ROOT / row["path"], ROOT / row["mask"], title)
    for name, (colour, style) in RUNS.items():
        table = pd.read_csv(folders[name] / "predictions.csv")
        test = table[table["subset"] == "test"]
        auroc = json.loads((folders[name] / "metrics.json").read_text())["test"]["auroc"]
        x, y, _ = roc_curve(test["label"], test["probability"])
        label = f"{name}: AUROC {plots.value_text(auroc)}"
        axes["r"].plot(x, y, style, color=colour, label=label)
    axes["r"].plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    axes["r"].set(xlabel="1 - specificity", ylabel="sensitivity", aspect="equal")
    axes["r"].set_title(f"{len(test)} phantom test images, one seed", fontsize=10)
    axes["r"].legend(loc="lower right", fontsize=8.5)
    figure.savefig(ROOT / "docs" / "picture.png", dpi=110)
    print(np.array(figure.get_size_inches()) * 110, "pixels")


if __name__ == "__main__":
    main()
