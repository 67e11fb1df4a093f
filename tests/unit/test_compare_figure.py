import warnings

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from compare_figure import MARKERS, SHOWN, compare_figure, draw_comparison
from cxr import plots, tables

NAMES = ["lesson", "pleura", "a-very-long-name-of-an-experiment", "d", "e", "f", "g", "h"]


def comparison(names, seeds=1, **changes):
    rows = [
        {
            "experiment": name,
            "seeds": seeds,
            "n": 105,
            "metric": metric,
            "value": 0.7 + 0.02 * number,
            "low": 0.6,
            "high": 0.9,
            "seed_sd": 0.03 if seeds > 1 else None,
            "difference": 0.02 * number if number else None,
            "difference_low": -0.05 if number else None,
            "difference_high": 0.2 if number else None,
        }
        for number, name in enumerate(names)
        for metric in SHOWN
    ]
    table = pd.DataFrame(rows, columns=tables.columns("comparison"))
    return table.astype(dict.fromkeys(table.columns[4:], float)).assign(**changes)


def draw(folder, table):
    """Write comparison.png by way of comparison.csv, without any warning; return its pixels."""
    table.to_csv(folder / "comparison.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare_figure(folder / "comparison.csv", folder / "comparison.png", "phantom: $ and _")
    assert not plt.get_fignums()
    return cv2.imread(str(folder / "comparison.png"))


@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize(("count", "height"), [(1, 705), (2, 855), (8, 1755)])
def test_from_one_experiment_to_eight(tmp_path, count, height, seeds):
    picture = draw(tmp_path, comparison(NAMES[:count], seeds))
    assert picture.shape == (height, 1500, 3)
    assert (picture != 255).mean() > 0.01


def test_undefined_values_leave_a_gap(tmp_path):
    table = comparison(NAMES[:2])
    table.loc[table["metric"] == "auroc", table.columns[4:]] = None
    table.loc[table["metric"] == "accuracy", ["low", "high"]] = None
    draw(tmp_path, table)
    draw(tmp_path, comparison(NAMES[:2], value=None, low=None, high=None, difference=None))


def test_the_same_bytes_twice(tmp_path):
    texts = []
    for _ in range(2):
        draw(tmp_path, comparison(NAMES[:2], 3))
        texts.append((tmp_path / "comparison.png").read_bytes())
    assert texts[0] == texts[1]


def test_values_and_differences_stand_where_they_should():
    figure = draw_comparison(comparison(NAMES[:3]), "title")
    values, differences = figure.axes
    drawn = [container.lines[0].get_xdata() for container in values.containers]
    assert {round(float(data[0]), 2) for data in drawn} == {0.7, 0.72, 0.74}
    shown = [container.lines[0].get_xdata()[0] for container in differences.containers]
    np.testing.assert_allclose(shown, [0.02, 0.04])
    segments = differences.containers[0].lines[2][0].get_segments()
    np.testing.assert_allclose(segments[0][:, 0], [-0.05, 0.2])
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [f"{name}, 1 seed" for name in NAMES[:3]]
    plt.close(figure)


def test_experiments_differ_in_colour_or_marker():
    looks = {
        (plots.SERIES[number % len(plots.SERIES)], MARKERS[number % len(MARKERS)])
        for number in range(35)
    }
    assert len(looks) == 35
