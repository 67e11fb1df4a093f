import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from compare_figure import SHOWN, compare_figure, draw_comparison
from cxr import plots, tables
from figures import draw_table

NAMES = ["lesson", "pleura", "a-very-long-name-of-an-experiment", "d", "e", "f", "g", "h"]
NUMBERS = ["value", "low", "high", "seed_sd", "difference", "difference_low", "difference_high"]
BASELINES = ["statistics", "frame", "thumbnail", "metadata"]


def comparison(names, seeds=1, kinds=(), subset="test", **changes):
    """All are experiments but the last, which have the `kinds`."""
    kinds = ["experiment"] * (len(names) - len(kinds)) + list(kinds)
    rows = [
        {
            "experiment": name,
            "kind": kind,
            "subset": subset,
            "seeds": seeds if kind == "experiment" else 1,
            "n": 105,
            "metric": metric,
            "value": 0.7 + 0.02 * number,
            "low": 0.6,
            "high": 0.9,
            "seed_sd": 0.03 if seeds > 1 and kind == "experiment" else None,
            "difference": 0.02 * number if number else None,
            "difference_low": -0.05 if number else None,
            "difference_high": 0.2 if number else None,
        }
        for number, (name, kind) in enumerate(zip(names, kinds, strict=True))
        for metric in SHOWN
    ]
    table = pd.DataFrame(rows, columns=tables.columns("comparison"))
    return table.astype(dict.fromkeys(NUMBERS, float)).assign(**changes)


def draw(folder, table):
    return draw_table(compare_figure, table, folder, "comparison")


@pytest.mark.parametrize("seeds", [1, 5])
@pytest.mark.parametrize(("count", "height"), [(1, 682), (2, 810), (8, 1575)])
def test_from_one_experiment_to_eight(tmp_path, count, height, seeds):
    picture = draw(tmp_path, comparison(NAMES[:count], seeds))
    assert picture.shape == (height, 1500, 3)
    assert (picture != 255).mean() > 0.01


def test_undefined_values_leave_a_gap(tmp_path):
    table = comparison(NAMES[:2])
    table.loc[table["metric"] == "auroc", NUMBERS] = None
    table.loc[table["metric"] == "accuracy", ["low", "high"]] = None
    draw(tmp_path, table)
    draw(tmp_path, comparison(NAMES[:2], value=None, low=None, high=None, difference=None))


def test_an_experiment_may_be_called_null(tmp_path):
    pictures = [draw(tmp_path, comparison(["lesson", name])) for name in ("null", "nan")]
    assert {picture.shape for picture in pictures} == {(810, 1500, 3)}


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


def test_ensembles_look_like_their_experiments_and_baselines_like_no_experiment(tmp_path):
    names = ["a", "b", "a ensemble", "b ensemble", *BASELINES]
    table = comparison(names, 3, ["ensemble"] * 2 + ["baseline"] * 4)
    draw(tmp_path, table)
    figure = draw_comparison(table, "title")
    values, _ = figure.axes
    lines = [
        container.lines[0] for container in values.containers if container.get_label()[0] != "_"
    ]
    looks = [(line.get_color(), line.get_marker(), line.get_markerfacecolor()) for line in lines]
    experiments, ensembles, baselines = looks[:2], looks[2:4], looks[4:]
    assert [look[:2] for look in ensembles] == [look[:2] for look in experiments]
    assert {look[2] for look in ensembles + baselines} == {"white"}
    assert {look[0] for look in baselines} == {plots.GREY}
    assert len(set(looks)) == len(names)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:4] == [*(f"{name}, mean of 3 seeds" for name in "ab"), *names[2:4]]
    assert texts[4:] == [f"{name} (baseline)" for name in BASELINES]
    assert values.get_xlabel() == "105 test images, 95 % interval; broad: 1 SD over seeds"
    plt.close(figure)


def test_out_of_fold_images_are_called_so(tmp_path):
    table = comparison(NAMES[:2], subset="oof")
    draw(tmp_path, table)
    figure = draw_comparison(table, "title")
    assert figure.axes[0].get_xlabel() == "105 out-of-fold images, 95 % interval"
    plt.close(figure)


def test_experiments_differ_in_colour_or_marker():
    looks = {
        (plots.SERIES[number % len(plots.SERIES)], plots.MARKERS[number % len(plots.MARKERS)])
        for number in range(35)
    }
    assert len(looks) == 35
