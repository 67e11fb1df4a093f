import itertools

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from audit_shortcut_figure import SAID, audit_shortcut_figure, draw_shortcut, in_words
from cxr import confounding, tables
from cxr.methods import NAMES

RANDOM = np.random.default_rng(0)
LABELS = np.arange(20) % 2
ALONE = np.full(20, "", object)
WITHOUT = 0.2 + 0.02 * RANDOM.random(20)
USES = {  # added to the probabilities by the mark
    confounding.USES: np.full(20, 0.5),
    confounding.UNUSED: np.zeros(20),
    confounding.OPEN: RANDOM.normal(scale=0.01, size=20),
}


def case(use=confounding.USES, methods=NAMES, placeless=False, empty=False, flips=True):
    """The tables and maps of a network that uses a mark, or does not."""
    marked = WITHOUT + USES[use]
    facts = pd.DataFrame(
        {
            "id": [f"phantom-of-a-long-name-e{number}" for number in range(20)],
            "label": LABELS,
            "marked": LABELS,
            "probability_without": WITHOUT,
            "probability_marked": marked,
            "called_otherwise": confounding.flipped(WITHOUT, marked).astype(int),
            "sensitivity_without": np.nan if placeless else 0.1,
            "sensitivity_marked": np.nan if placeless else RANDOM.random(20),
            "explanation_ncc": np.nan if empty else RANDOM.uniform(-1, 1, 20),
        }
    )
    table = pd.concat([facts.assign(method=method) for method in methods], ignore_index=True)
    uses = confounding.use_table(LABELS, ALONE, LABELS == 1, WITHOUT, marked)
    assert confounding.use_of_mark(uses) == use
    table["called_otherwise"] *= flips
    rows = [confounding.rows(name, part, ALONE, use) for name, part in table.groupby("method")]
    checks = (
        pd.DataFrame(itertools.chain(*rows))
        .astype(dict.fromkeys(("low", "high"), float))
        .assign(learned=np.nan)
    )
    maps = RANDOM.random((1 + len(methods), 2, 32, 32), dtype=np.float32)
    maps[1:] *= not empty
    return {"table": table, "use": uses, "checks": checks, "maps": maps}


ODD = {
    "used": case(),
    "not used": case(confounding.UNUSED),
    "cannot tell": case(confounding.OPEN),
    "one method": case(methods=["gradcam"]),
    "another exposure": case(placeless=True),
    "empty maps": case(empty=True),
    "no X-ray called otherwise": case(flips=False),
}
REASONS = {
    "another exposure": ["A change of exposure has no place"] * 2,
    "empty maps": ["All maps are empty"],
    "no X-ray called otherwise": ["No X-ray is called otherwise with it"] * 3,
}


@pytest.mark.parametrize("found", ODD.values(), ids=ODD)
def test_no_text_is_cut_off_or_meets_another(found):
    figure = draw_shortcut(**found, title="a-data-set-of-long-name, experiment $ and _ (seed 42)")
    figure.canvas.draw()
    hidden = [
        label
        for axis in figure.findobj(plt.Axes)
        if not axis.axison
        for label in (*axis.get_xticklabels(), *axis.get_yticklabels())
    ]
    texts = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(plt.Text)
        if text.get_text() and text not in hidden
    ]
    for _, box in texts:
        assert box.x0 >= 0 and box.y0 >= 0
        assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    for (first, one), (second, other) in itertools.combinations(texts, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        down = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across <= 1 or down <= 4, (first, second)
    plt.close(figure)


def test_each_method_has_its_number_in_each_panel():
    found = case()
    figure = draw_shortcut(**found, title="title")
    panels = {
        axis.get_title(side): axis
        for axis in figure.findobj(plt.Axes)
        for side in ("left", "right")
    }
    rows = found["checks"].set_index(["statistic", "method"])
    for title, statistic in (
        ("Maps that show the mark", "mark_shown"),
        ("Confounder sensitivity", "confounder_sensitivity"),
        ("Explanation correlation", "explanation_ncc"),
    ):
        drawn = panels[title].lines[0].get_xdata()
        assert list(drawn) == list(rows.loc[statistic].loc[list(NAMES), "value"])
    aurocs = found["use"].query("statistic == 'auroc'").set_index("images")["value"]
    drawn = panels["The network, by who bears the mark"]
    assert list(drawn.lines[0].get_xdata()) == list(aurocs)
    assert [text.get_text() for text in drawn.get_yticklabels()] == list(aurocs.index)
    plt.close(figure)


@pytest.mark.parametrize("name", ODD)
def test_it_says_why_there_is_no_value(name):
    figure = draw_shortcut(**ODD[name], title="title")
    words = [text.get_text().replace("\n", " ") for text in figure.findobj(plt.Text)]
    known = {reason for reasons in REASONS.values() for reason in reasons}
    assert [text for text in words if text in known] == REASONS.get(name, [])
    plt.close(figure)


@pytest.mark.parametrize("use", SAID)
def test_it_says_what_the_mark_does_to_the_network(use):
    table = case(use)["use"]
    drop = table.set_index(["statistic", "images"]).loc[("auroc_drop", confounding.AT_RANDOM)]
    words = in_words(table)
    assert words.startswith(SAID[use])
    assert f"drops by {drop['value']:.3f} (95 % interval {drop['low']:.3f}" in words
    calls = 100 if use == confounding.USES else 0
    assert words.endswith(f"changes the call of {calls} % of 20 X-rays.")


def test_the_same_bytes_twice_and_all_of_it_drawn(tmp_path):
    found = case()
    paths = {"table": "shortcut", "use": "shortcut_use", "checks": "checks"}
    for key, name in paths.items():
        tables.write_table(found[key], tmp_path / f"{name}.csv", name)
    np.save(tmp_path / "shortcut.npy", found["maps"])
    files = []
    for _ in range(2):
        audit_shortcut_figure(
            **{key: tmp_path / f"{name}.csv" for key, name in paths.items()},
            maps=tmp_path / "shortcut.npy",
            output=tmp_path / "shortcut.png",
            title="phantom: $ and _",
        )
        files.append((tmp_path / "shortcut.png").read_bytes())
    assert files[0] == files[1]
    picture = cv2.imread(str(tmp_path / "shortcut.png"))
    assert picture.shape[1] == 1210 and (picture != 255).mean() > 0.1
    assert not plt.get_fignums()
