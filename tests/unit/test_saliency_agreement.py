import numpy as np
import pandas as pd
import pytest

from cxr import tables
from saliency_agreement import saliency_agreement


def write_method(folder, method, maps, empty=()):
    """Write <method>.npy and <method>.csv."""
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
    tables.write_table(pd.DataFrame(rows), folder / f"{method}.csv", "maps")


def run(folder, methods):
    saliency_agreement(
        methods=methods,
        maps=[folder / f"{name}.npy" for name in methods],
        tables_of_maps=[folder / f"{name}.csv" for name in methods],
        gathered=folder / "maps.csv",
        pairs=folder / "agreement.csv",
        summary=folder / "agreement_summary.csv",
        name="small seed 1",
    )
    return [tables.read_table(folder / f"{name}.csv", name) for name in TABLES]


TABLES = ("maps", "agreement", "agreement_summary")


def test_maps_are_gathered_and_compared(tmp_path, capsys):
    maps = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    write_method(tmp_path, "first", maps)
    other = maps.copy()
    other[2] = 0
    write_method(tmp_path, "second", other, empty=[2])
    gathered, pairs, summary = run(tmp_path, ["first", "second"])
    assert list(gathered["method"]) == ["first"] * 3 + ["second"] * 3
    assert list(gathered["empty"]) == [0, 0, 0, 0, 0, 1]
    assert list(pairs["spearman"][:2]) == pytest.approx([1, 1], abs=1e-5)
    assert np.isnan(pairs["spearman"][2])
    assert list(summary["n"]) == [2]
    assert "first and second agree by 1.00" in capsys.readouterr().out


def test_one_method_gives_tables_without_rows(tmp_path):
    write_method(tmp_path, "first", np.random.default_rng(0).random((2, 8, 8)))
    gathered, pairs, summary = run(tmp_path, ["first"])
    assert len(gathered) == 2
    assert len(pairs) == len(summary) == 0
