"""Draw the README's picture from a finished run on the phantom: python docs/picture.py"""

import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import roc_curve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from cxr import heatmaps, plots, tables, xrays  # noqa: E402

RESULTS = ROOT / "results" / "phantom"
RUNS = {"lesson": (plots.ORANGE, "--"), "pleura": (plots.BLUE, "-")}
METHODS = ["gradcam_plus_plus", "scorecam"]


def draw_pair(axes: list[plt.Axes], pair: pd.Series, folder: Path, note: str) -> None:
    """One X-ray, with the true effusion outlined, and its maps by two methods."""
    manifest = tables.read_csv(RESULTS / "manifest.csv")
    row = manifest.index[manifest["id"] == pair["id"]][0]
    image = np.load(RESULTS / "images.npy", mmap_mode="r")[row]
    heatmaps.draw_case(
        axes,
        pair["id"],
        tables.read_table(folder / "maps.csv", "maps"),
        {method: np.load(folder / f"{method}.npy") for method in METHODS},
        image,
        xrays.read_fluid({"": str(ROOT / manifest["mask"][row])})[""],
        f"{note}: {pair['spearman']:+.2f}",
    )


def draw_rocs(axis: plt.Axes) -> None:
    """The ROC curves of both networks on the test images."""
    for name, (colour, style) in RUNS.items():
        folder = RESULTS / name / "seed-42"
        table = pd.read_csv(folder / "predictions.csv")
        test = table[table["subset"] == "test"]
        auroc = json.loads((folder / "metrics.json").read_text())["test"]["auroc"]
        x, y, _ = roc_curve(test["label"], test["probability"])
        axis.plot(x, y, style, color=colour, label=f"{name}: AUROC {plots.value_text(auroc)}")
    axis.plot([0, 1], [0, 1], ":", color=plots.GREY, linewidth=1)
    axis.set(xlabel="1 - specificity", ylabel="sensitivity")
    axis.set_box_aspect(1)
    axis.set_title(f"{len(test)} phantom test images, one seed", fontsize=10)
    axis.legend(loc="lower right", fontsize=8)


def main() -> None:
    """Write docs/picture.png."""
    folder = RESULTS / "pleura" / "seed-42" / "saliency"
    pairs = tables.read_table(folder / "agreement.csv", "agreement").dropna(subset="spearman")
    pairs = pairs[pairs[["first", "second"]].eq(METHODS).all(axis=1)].sort_values("spearman")
    figure, axes = plt.subplot_mosaic(
        "abcrr;defrr", figsize=(11.8, 5.2), layout="constrained", width_ratios=(1, 1, 1, 1, 1)
    )
    for name in "abcdef":
        axes[name].axis("off")
    draw_pair([axes[name] for name in "abc"], pairs.iloc[-1], folder, "methods agree")
    draw_pair([axes[name] for name in "def"], pairs.iloc[0], folder, "methods disagree")
    draw_rocs(axes["r"])
    figure.savefig(ROOT / "docs" / "picture.png", dpi=100, bbox_inches="tight", pad_inches=0.08)


if __name__ == "__main__":
    main()
