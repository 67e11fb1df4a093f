import pandas as pd

from cxr import tables
from train_pool import train_pool


def test_every_image_is_pooled_once_and_test_images_averaged(tmp_path):
    ids = ["b", "a", "c", "t"]
    pd.DataFrame({"id": ids, "patient": ""}).to_csv(tmp_path / "manifest.csv", index=False)
    second = ("t", "test", 1, 0.6)
    rows = [
        [("c", "validation", 1, 0.4), ("a", "oof", 0, 0.1), ("t", "test", 1, 0.2)],
        [("a", "validation", 0, 0.3), ("b", "oof", 1, 0.9), ("c", "oof", 1, 0.8), second],
    ]
    names = ["id", "subset", "label", "probability"]
    paths = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for path, part in zip(paths, rows, strict=True):
        pd.DataFrame(part, columns=names).to_csv(path, index=False)
    train_pool(paths, tmp_path / "manifest.csv", tmp_path / "predictions.csv")
    pooled = tables.read_table(tmp_path / "predictions.csv", "predictions")
    assert list(pooled.itertuples(index=False, name=None)) == [
        ("c", "validation", 1, 0.4, "1"),
        ("a", "validation", 0, 0.3, "2"),
        ("b", "oof", 1, 0.9, "2"),
        ("a", "oof", 0, 0.1, "1"),
        ("c", "oof", 1, 0.8, "2"),
        ("t", "test", 1, 0.4, ""),
    ]
