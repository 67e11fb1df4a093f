import numpy as np
import pandas as pd
import pytest

from cxr import tables
from saliency_agreement import saliency_agreement


def write_method(folder, method, maps, empty=()):
    """Write <method>.npy; returns the method's rows of maps.csv."""
    rows = [
        {
            "row": row,
            "id": f"image-{row}",
            "subset": "test",
            "label": row % 2,
            "probability": 0.25,
            "method": method,
            "target": "effusion",
            "layer": "relu_7",
            "peak": float(cam.max()),
            "empty": int(row in empty),
        }
        for row, cam in enumerate(maps)
    ]
    np.save(folder / f"{method}.npy", maps)
    return pd.DataFrame(rows)


def run(folder, methods, parts):
    tables.write_table(pd.concat(parts), folder / "maps.csv", "maps")
    saliency_agreement(
        methods=methods,
        maps=[folder / f"{name}.npy" for name in methods],
        table=folder / "maps.csv",
        pairs=folder / "agreement.csv",
        summary=folder / "agreement_summary.csv",
        name="small seed 1",
    )
    return [tables.read_table(folder / f"{name}.csv", name) for name in TABLES]


TABLES = ("agreement", "agreement_summary")


def test_maps_are_compared(tmp_path, capsys):
    maps = np.random.default_rng(0).random((3, 16, 16)).astype(np.float32)
    parts = [write_method(tmp_path, "first", maps)]
    other = maps.copy()
    other[2] = 0
    parts.append(write_method(tmp_path, "second", other, empty=[2]))
    pairs, summary = run(tmp_path, ["first", "second"], parts)
    assert list(pairs["spearman"][:2]) == pytest.approx([1, 1], abs=1e-5)
    assert list(pairs["ssim"][:2]) == pytest.approx([1, 1], abs=1e-5)
    assert np.isnan(pairs.loc[2, ["spearman", "ssim"]].astype(float)).all()
    assert list(summary["n"]) == [2]
    assert list(summary["ssim"]) == pytest.approx([1])
    assert "first and second agree by 1.00" in capsys.readouterr().out


def test_one_method_gives_tables_without_rows(tmp_path):
    part = write_method(tmp_path, "first", np.random.default_rng(0).random((2, 16, 16)))
    pairs, summary = run(tmp_path, ["first"], [part])
    assert len(pairs) == len(summary) == 0
