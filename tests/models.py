"""A network trained on a few drawn X-rays, with all that lies beside its model.keras."""

import json
from pathlib import Path

import pandas as pd

from cxr.arrays import create_array
from cxr.images import prepare, read_grey
from predict_reference import predict_reference
from train import train
from xrays import write_folder

SUBSETS = ["train"] * 24 + ["validation"] * 8 + ["test"] * 8
FACTS = {"dataset": "drawn", "source": "folder", "experiment": "small", "seed": 3, "fold": None}


def train_model(folder: Path, recipe: dict, size: int, resize: str = "area") -> Path:
    """Train on 40 drawn X-rays of 96 pixels a side, 20 of each class.

    Args:
        folder: To write to: effusion/e<i>.png and normal/n<i>.png, the tables, and the model's.
        recipe: The experiment, with all its keys.
        size: Side of the images that the network gets, before it reduces them.
        resize: See `cxr.images.prepare`.

    Returns:
        model.keras.
    """
    write_folder(folder, 20, 20, size=96)
    paths = [f"{kind}/{kind[0]}{i}.png" for i in range(20) for kind in ("effusion", "normal")]
    ids = [Path(path).stem for path in paths]
    manifest = pd.DataFrame({"id": ids, "path": paths, "label": [1, 0] * 20})
    manifest.assign(width=96, height=96).to_csv(folder / "manifest.csv", index=False)
    split = pd.DataFrame({"id": ids, "subset": SUBSETS})
    split.to_csv(folder / "split.csv", index=False)
    array = create_array(folder / "images.npy", len(paths), size)
    for row, path in enumerate(paths):
        array[row] = prepare(read_grey(folder / path), size, resize)
    array.flush()
    tables = {name: folder / f"{name}.csv" for name in ("manifest", "split")}
    model, features = folder / "model.keras", folder / "features.npy"
    train(
        images=folder / "images.npy",
        **tables,
        recipe=recipe,
        seed=3,
        backend="tensorflow",
        name="small",
        model=model,
        history=folder / "history.csv",
        predictions=folder / "predictions.csv",
        facts=FACTS | {"image": {"size": size, "resize": resize}},
        features=features,
    )
    (folder / "metrics.json").write_text(json.dumps({"threshold": 0.5}))
    predict_reference(
        model,
        features,
        folder / "images.npy",
        **tables,
        fold=None,
        output=folder / "reference.json",
    )
    return model
