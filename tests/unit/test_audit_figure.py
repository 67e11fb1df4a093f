import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from test_verdicts import NONE, checks, row

from audit_figure import LOOKS, audit_figure, columns, draw_verdicts, numbers, size_note
from cxr import tables
from cxr.methods import CONTROLS, NAMES
from cxr.verdicts import CHECKS, SYMBOLS
from figures import draw_table

NOTE = size_note(quick=True, images=12, draws=1)
FEW = ["randomisation", "target", "noise", "shift", "localisation"]
VERDICTS = list(tables.load_schema("checks")["properties"]["verdict"]["enum"])


def table(methods, names, learned=0.617, **changes):
    """Verdicts in turn, with the widest numbers; labels were memorised by that share."""
    cells = itertools.product(methods, names)
    return checks(
        *(
            row(method, check, VERDICTS[place % 3], value=-0.5, low=-0.88, high=-0.22, **changes)
            | {"learned": learned if check == "permuted_labels" else np.nan}
            for place, (method, check) in enumerate(cells)
        )
    )


def draw(folder, found, title="phantom, pleura (seed 42)"):
    def write(path, output, _):
        audit_figure(path, output, title, NOTE)

    return draw_table(write, found, folder, "checks")


def texts(figure):
    """Each text on one line, with its box in pixels."""
    for text in figure.axes[0].texts:
        yield text.get_text().replace("\n", " "), text.get_window_extent()


ODD = {
    "everything": table(NAMES, CHECKS),
    "two methods": table(["gradcam", "scorecam"], FEW),
    "one method and check": table(["gradcam"], ["deletion"]),
    "controls alone": table(CONTROLS, FEW),
    "no values": table(NAMES, CHECKS, n=1234).assign(low=np.nan, high=np.nan),
    "no images": checks(*(row(method, name, **NONE) for method in NAMES for name in CHECKS)),
    "gaps": table(NAMES, CHECKS).drop(index=range(0, 80, 5)),
    "nothing": checks(),
    "no check that is drawn": checks(row("gradcam", "deletion", statistic="blur")),
}


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_any_table_is_drawn(tmp_path, found):
    picture = draw(tmp_path, found)
    assert picture.shape[1] == 1500
    assert (picture != 255).mean() > 0.01


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_no_text_is_cut_off_or_meets_another(found):
    figure = draw_verdicts(found, "a-data-set-of-long-name, " * 5 + "$ and _", NOTE)
    boxes = list(texts(figure))
    for _, box in boxes:
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    for (first, one), (second, other) in itertools.combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        down = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 0 or down <= 4, (first, second)  # lines' boxes hold room for descenders
    cells = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    for cell in cells:
        box = cell.get_window_extent()
        inside = [t for _, t in boxes if box.contains((t.x0 + t.x1) / 2, (t.y0 + t.y1) / 2)]
        assert len(inside) == 3
        assert all(t.x0 >= box.x0 and t.x1 <= box.x1 and t.y0 >= box.y0 for t in inside)
    plt.close(figure)


def test_each_cell_holds_its_own_verdict_and_numbers():
    found = table(NAMES, CHECKS).drop(index=10)
    found["n"] = np.arange(len(found))
    figure = draw_verdicts(found, "title", NOTE)
    boxes = list(texts(figure))
    drawn = dict(boxes)
    cells = [patch.get_window_extent() for patch in figure.axes[0].patches]
    for entry in found.itertuples():
        place = drawn[numbers(entry.value, entry.low, entry.high, entry.n).replace("\n", " ")]
        name, title = drawn[NAMES[entry.method]], drawn[CHECKS[entry.check].title]
        cell = next(box for box in cells if box.contains(place.x0 + 1, place.y0 + 5))
        assert cell.y0 < (name.y0 + name.y1) / 2 < cell.y1
        assert cell.x0 == pytest.approx(title.x0, abs=3)
        inside = {text for text, box in boxes if cell.contains(box.x0 + 1, box.y0 + 5)}
        assert {entry.verdict, SYMBOLS[entry.verdict]} < inside
    assert "not checked" in drawn
    assert len(cells) == len(found)
    plt.close(figure)


def test_controls_stand_apart_at_the_bottom():
    found = table(["random", "gradcam", "edges"], FEW)
    figure = draw_verdicts(found, "title", NOTE)
    height = {text: box.y0 for text, box in texts(figure)}
    words = next(text for text in height if text.startswith("Controls"))
    assert height["GradCAM"] > height[words] > height["Random map"] > height["Edge detector"]
    plt.close(figure)
    figure = draw_verdicts(found[found["method"] == "gradcam"], "title", NOTE)
    assert not any(text.startswith("Controls") for text, _ in texts(figure))
    plt.close(figure)


def test_verdicts_differ_in_symbol_word_and_colour():
    assert list(LOOKS) == list(SYMBOLS) == VERDICTS
    for looks in (SYMBOLS.values(), *zip(*LOOKS.values(), strict=True)):
        assert len(set(looks)) == 3


def test_what_is_not_checked_is_said():
    figure = draw_verdicts(table(["gradcam"], FEW), "title", NOTE)
    said = [text for text, _ in texts(figure)]
    lacking = "Shuffled labels, Trained again, Take it away, Show it alone, Planted mark"
    assert said[-2:] == [f"Not checked here: {lacking}.", NOTE]
    plt.close(figure)
    figure = draw_verdicts(table(["gradcam"], CHECKS), "title", NOTE)
    assert not any("Not checked here" in text for text, _ in texts(figure))
    plt.close(figure)


def test_columns_share_the_width_and_groups_are_set_apart():
    places, width = columns(CHECKS)
    lefts = list(places.values())
    steps = np.diff(lefts)
    assert list(np.flatnonzero(steps > width + 0.01)) == [2, 5, 7, 8]
    assert lefts[-1] + width == pytest.approx(10 - 0.12)
    _, alone = columns(["noise"])
    assert alone == 1.7


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ((0.123, 0.1, 0.15, 40), "+0.12\n+0.10 to +0.15\nn = 40"),
        ((-0.001, -0.02, 0.004, 1234), "-0.00\n-0.02 to +0.00\nn = 1,234"),
        ((0.5, np.nan, np.nan, 1), "+0.50\nno interval\nn = 1"),
        ((np.nan, np.nan, np.nan, 0), "no value\nn = 0"),
    ],
)
def test_numbers(cells, text):
    assert numbers(*cells) == text


def test_the_last_line_says_how_large_the_audit_was():
    quick = size_note(quick=True, images=12, draws=1)
    assert quick == (
        "A smaller audit of 12 images (draws: 1); the full one: snakemake --cores 4 audit"
    )
    assert size_note(quick=False, images=1, draws=3) == "The full audit of 1 image (draws: 3)."


def test_the_same_bytes_twice(tmp_path):
    files = []
    for _ in range(2):
        draw(tmp_path, table(NAMES, CHECKS))
        files.append((tmp_path / "checks.png").read_bytes())
    assert files[0] == files[1]
