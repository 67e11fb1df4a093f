import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from audit_sanity_figure import audit_sanity_figure, draw_sanity
from cxr.methods import NAMES
from figures import draw_table

GROUPS = ["logits", "conv_2 norm_2", "conv_1 norm_1"]


def table(methods, draws=2, images=6, independent=True):
    """sanity.csv: likeness 0.8, 0.5 and 0.2 at the three stages, and other checks beside them."""
    rng = np.random.default_rng(0)
    rows = [
        {"method": method, "check": check, "stage": stage + 1, "layers": layers, "draw": draw}
        | {"id": f"e{image}", "spearman": 0.8 - 0.3 * stage + rng.normal(0, 0.02), "ssim": 0.4}
        for method in methods
        for check in ("cascading", "independent", "noise")[:: 1 if independent else 2]
        for stage, layers in enumerate(GROUPS)
        for draw in range(draws)
        for image in range(images)
    ]
    return pd.DataFrame(rows).assign(spearman_level=0.3, ssim_level=0.1)


EMPTY = {"spearman": np.nan, "ssim": np.nan}
ODD = {
    "every method": table(NAMES),
    "five methods": table(list(NAMES)[:5]),
    "one method": table(["gradcam"]),
    "one draw": table(["gradcam"], draws=1),
    "one image": table(["gradcam", "edges"], images=1),
    "no single groups": table(["smoothgrad"], independent=False),
    "empty maps": table(["gradcam", "scorecam"]).assign(**EMPTY),
}


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_any_table_is_drawn(tmp_path, found):
    picture = draw_table(audit_sanity_figure, found, tmp_path, "sanity")
    assert (picture != 255).mean() > 0.01


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_nothing_is_cut_off_or_meets_another(found):
    figure = draw_sanity(found, "a-data-set-of-long-name, " * 5)
    figure.canvas.draw()
    legend, title = figure.legends[0].get_window_extent(), figure._suptitle.get_window_extent()
    boxes = [axis.get_tightbbox() for axis in figure.axes if axis.axison]
    for box in (legend, title, *boxes):
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert all(legend.y1 <= box.y0 and box.y1 <= title.y0 for box in boxes)
    plt.close(figure)


def test_panels_show_the_means_of_their_method_and_measure():
    found = table(["gradcam", "edges"])
    found.loc[found["method"] == "edges", "spearman"] = 1.0
    figure = draw_sanity(found, "title")
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["GradCAM, n = 6", "Edge detector, n = 6"] * 2
    lines = [axis.lines[0] for axis in figure.axes]
    expected = [[1, 0.8, 0.5, 0.2], [1, 1, 1, 1], [1, 0.4, 0.4, 0.4], [1, 0.4, 0.4, 0.4]]
    for line, values in zip(lines, expected, strict=True):
        assert list(line.get_xdata()) == [0, 1, 2, 3]
        np.testing.assert_allclose(line.get_ydata(), values, atol=0.02)
    levels = [
        next(line for line in axis.lines if line.get_linestyle() == ":").get_ydata()[0]
        for axis in figure.axes
    ]
    np.testing.assert_allclose(levels, [0.3, 0.3, 0.1, 0.1])
    said = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert "1: logits; 2: conv_2 norm_2; 3: conv_1 norm_1" in said
    plt.close(figure)
