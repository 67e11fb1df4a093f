import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cxr import tables
from figures import draw_table
from transfer_figure import SHOWN, draw_transfer, row_label, transfer_figure

NAMES = ["lesson", "pleura", "a-very-long-name-of-an-experiment", "d", "e", "f", "g", "h"]


def results(names, datasets=("own", "other"), seeds=1):
    """transfer.csv; every experiment and data set has a value of its own."""
    rows = [
        {
            "dataset": dataset,
            "subset": "all" if place else "oof",
            "experiment": name,
            "seeds": seeds,
            "n": 700,
            "effusions": 350,
            "left_out": place,
            "metric": metric,
            "value": 0.9 - 0.1 * place + 0.01 * number,
            "low": 0.6,
            "high": 0.99,
            "seed_sd": 0.03 if seeds > 1 else None,
            "note": "",
        }
        for place, dataset in enumerate(datasets)
        for number, name in enumerate(names)
        for metric in [*SHOWN, "brier"]
    ]
    table = pd.DataFrame(rows, columns=tables.columns("transfer"))
    return table.astype(dict.fromkeys(table.columns[9:16], float))


def draw(folder, table):
    return draw_table(transfer_figure, table, folder, "transfer")


@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize("count", [1, 2, 8])
def test_from_one_experiment_to_eight(tmp_path, count, seeds):
    picture = draw(tmp_path, results(NAMES[:count], ["own", "near", "far"], seeds))
    assert (picture != 255).mean() > 0.01


def test_undefined_values_leave_a_gap(tmp_path):
    table = results(NAMES[:2])
    columns = ["value", "low", "high"]
    table.loc[table["metric"] == "auroc", columns] = None
    table.loc[(table["metric"] == "sensitivity") & (table["dataset"] == "own"), columns[1:]] = None
    draw(tmp_path, table)


def test_values_and_intervals_stand_where_they_should():
    table = results(NAMES[:2])
    figure = draw_transfer(table, "title")
    for axis, metric in zip(figure.axes, SHOWN, strict=True):
        part = table[table["metric"] == metric]
        places = {}
        for container in axis.containers:
            for x, y in zip(*container.lines[0].get_data(), strict=True):
                places[round(float(x), 3)] = y
        assert sorted(places) == sorted(part["value"].round(3))
        for row in part.itertuples():
            nearest = round(places[round(row.value, 3)])
            assert nearest == ["own", "other"].index(row.dataset)
        intervals = axis.containers[1::2]  # those at even places are the spread over seeds
        segments = [s[:, 0] for drawn in intervals for s in drawn.lines[2][0].get_segments()]
        np.testing.assert_allclose(segments, [[0.6, 0.99]] * 4)
    plt.close(figure)


@pytest.mark.parametrize(
    ("cells", "label"),
    [
        (("own", "oof", 700, 0), "own\nout-of-fold, n = 700"),
        (("other", "all", 1000, 1234), "other\nnot learned from, n = 1,000, 1,234 left out"),
    ],
    ids=["own", "other"],
)
def test_labels_of_rows(cells, label):
    assert row_label(*cells) == label


def test_the_same_bytes_twice(tmp_path):
    texts = []
    for _ in range(2):
        draw(tmp_path, results(NAMES[:2], seeds=3))
        texts.append((tmp_path / "transfer.png").read_bytes())
    assert texts[0] == texts[1]
