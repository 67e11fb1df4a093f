import matplotlib.pyplot as plt
import numpy as np
import pytest
from test_subgroups import images

from cxr import plots
from cxr.subgroups import compare_subgroups
from figures import draw_table
from subgroups_figure import draw_subgroups, row_label, subgroups_figure


def table(**columns):
    return compare_subgroups(images(**columns), np.full(400, 0.5))


def draw(folder, found):
    return draw_table(subgroups_figure, found, folder, "subgroups")


@pytest.mark.parametrize(
    "columns",
    [{}, {"age": "", "sex": ""}, {"age": "", "sex": "", "view": ""}],
    ids=["all known", "view alone", "nothing known"],
)
def test_whatever_is_known(tmp_path, columns):
    picture = draw(tmp_path, table(**columns))
    assert (picture != 255).mean() > 0.01


def test_subgroups_that_cannot_be_judged(tmp_path):
    views = np.array(["PA"] * 390 + ["LL"] * 6 + [""] * 4)
    draw(tmp_path, table(view=views))
    figure = draw_subgroups(table(view=views), "title")
    for axis in figure.axes:
        assert [text.get_text() for text in axis.texts] == ["too few to judge"] * 2
    plt.close(figure)


def test_estimates_and_intervals_stand_where_they_should():
    found = table()
    figure = draw_subgroups(found, "title")
    for axis, metric in zip(figure.axes, ("auroc", "sensitivity", "specificity"), strict=True):
        rows = found[found["metric"] == metric]
        drawn = [value for c in axis.containers for value in c.lines[0].get_xdata()]
        np.testing.assert_allclose(sorted(drawn), sorted(rows["estimate"]))
        segments = [s[:, 0] for c in axis.containers for s in c.lines[2][0].get_segments()]
        limits = rows[["low", "high"]].to_numpy()
        np.testing.assert_allclose(sorted(map(list, segments)), sorted(map(list, limits)))
    plt.close(figure)


def test_subgroups_that_differ_look_different():
    worse = images()
    worse.loc[worse["sex"] == "F", "probability"] = 0.5
    figure = draw_subgroups(compare_subgroups(worse, np.full(400, 0.5)), "title")
    colours = [container.lines[0].get_color() for container in figure.axes[0].containers]
    assert colours == [plots.BLUE, plots.ORANGE]
    assert len(figure.axes[0].containers[1].lines[0].get_xdata()) == 2
    plt.close(figure)


@pytest.mark.parametrize(
    ("cells", "label"),
    [
        (("sex", "F", 1000, 3), "female  (1,000, 3 with effusion)"),
        (("age", "18 to 39", 5, 0), "age 18 to 39  (5, 0 with effusion)"),
        (("age", "unknown", 5, 5), "age unknown  (5, 5 with effusion)"),
        (("all", "", 9, 4), "all  (9, 4 with effusion)"),
    ],
    ids=["sex", "age", "unknown", "all"],
)
def test_labels_of_rows(cells, label):
    assert row_label(*cells) == label


def test_the_same_bytes_twice(tmp_path):
    texts = []
    for _ in range(2):
        draw(tmp_path, table())
        texts.append((tmp_path / "subgroups.png").read_bytes())
    assert texts[0] == texts[1]
