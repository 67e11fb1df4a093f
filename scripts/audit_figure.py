"""Draw checks.csv: which checks each saliency method passes.

Reads checks.csv. Writes verdict.png.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from cxr import plots, tables
from cxr.log import job_log
from cxr.methods import CONTROLS, method_name
from cxr.verdicts import CHECKS, SYMBOLS, in_short, measured, memorised, standing, untested
from cxr.words import count, run_title

LOOKS = {  # colours of the symbol and of the cell
    "pass": (plots.BLUE, "#d9eaf5"),
    "fail": (plots.ORANGE, "#fae0cf"),
    "cannot tell": ("#444444", plots.LIGHT),
}
WIDTH, EDGE, NAMES, GAP, WIDEST, PAD = 10.0, 0.12, 1.12, 0.1, 1.7, 0.05  # inches, like all lengths
HEIGHT = 0.8  # of a cell
LARGE, MIDDLE, SMALL, SPACING = 11, 9, 7.5, 1.2  # points, and of lines in their size
CONTROLS_SAID = (
    "Controls know nothing of the network and are bound to fail some checks. A check that they "
    "pass proves little by itself."
)


def draw_verdicts(table: pd.DataFrame, title: str, note: str) -> plt.Figure:
    """A matrix of methods and checks, the controls below the others, and how to read it.

    Args:
        table: checks.csv.
        title: Data set, experiment and run.
        note: How large the audit was; the last line.
    """
    rows, room = standing(table), WIDTH - 2 * EDGE
    figure = plt.figure(figsize=(WIDTH, 1))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set_axis_off()
    heading = f"{title}: how far can its saliency maps be trusted?"
    y = _write(axis, EDGE, EDGE, heading, room, LARGE, fontweight="bold")
    for sentence in in_short(rows):
        y = _write(axis, EDGE, y + PAD, sentence, room, MIDDLE)
    if len(rows):
        y = _draw_matrix(axis, rows, y + EDGE)
    for line in how_to_read(rows):
        y = _write(axis, EDGE, y + PAD, line, room, 8)
    y = _write(axis, EDGE, y + PAD, note, room, 8, fontweight="bold") + EDGE
    figure.set_figheight(y)
    axis.set(xlim=(0, WIDTH), ylim=(y, 0))  # inches from the top left corner
    return figure


def how_to_read(rows: pd.DataFrame) -> list[str]:
    """What stands below the matrix.

    Args:
        rows: See `cxr.verdicts.standing`.
    """
    if rows.empty:
        return ["No check was made."]
    lines = [
        "How to read it: ✓ answers the question above with yes, ✗ with no; ? is neither: too few "
        "images, an interval to both sides of the limit, ways to measure that disagree, or maps "
        "that are all alike. A ✗ in the first group: do not believe the method here, however good "
        "its maps look. Passing every check is no proof that a map is right.",
        "Numbers: mean, 95 % interval, n images. " + measured(rows),
        *memorised(rows),
    ]
    lacking = untested(rows)
    return lines + [f"Not checked here: {', '.join(lacking)}."] * bool(lacking)


def columns(checks: Iterable[str]) -> tuple[dict[str, float], float]:
    """Where the column of each check begins, and how wide each is; groups are set apart.

    Args:
        checks: At least one, in the order of `CHECKS`.

    Returns:
        Both in inches.
    """
    groups = pd.Series({name: CHECKS[name].group for name in checks})
    gaps = GAP * (groups != groups.shift()).cumsum()
    width = min((WIDTH - 2 * EDGE - NAMES - gaps.iloc[-1]) / len(groups), WIDEST)
    return (EDGE + NAMES + gaps + width * np.arange(len(groups))).to_dict(), width


def _draw_matrix(axis: plt.Axes, rows: pd.DataFrame, y: float) -> float:
    places, width = columns(name for name in CHECKS if name in set(rows["check"]))
    y = _draw_heads(axis, places, width, y) + PAD
    cells = {(row.method, row.check): row for row in rows.itertuples()}
    methods = list(rows["method"].unique())
    first = next((method for method in methods if method in CONTROLS), None)
    for method in methods:
        if method == first:
            axis.plot([EDGE, WIDTH - EDGE], [y + EDGE] * 2, color=plots.BLACK, linewidth=1)
            y = _write(axis, EDGE, y + 1.5 * EDGE, CONTROLS_SAID, WIDTH - 2 * EDGE, MIDDLE) + PAD
        style = {"va": "center", "fontsize": MIDDLE, "fontweight": "bold"}
        axis.text(EDGE, y + HEIGHT / 2, method_name(method), **style)
        for check, left in places.items():
            _draw_cell(axis, left, y, width, cells.get((method, check)))
        y += HEIGHT
    return y + PAD


def _draw_heads(axis: plt.Axes, places: dict[str, float], width: float, y: float) -> float:
    """Groups with a line below each, and below that each check's title, question and limit."""
    spans = {}
    for check, left in places.items():
        spans.setdefault(CHECKS[check].group, []).append(left)
    bold = {"fontweight": "bold"}
    y = max(
        _write(axis, lefts[0], y, group, lefts[-1] - lefts[0] + width - PAD, MIDDLE, **bold)
        for group, lefts in spans.items()
    )
    for lefts in spans.values():
        axis.plot(
            [lefts[0], lefts[-1] + width - PAD], [y + PAD / 2] * 2, color=plots.GREY, linewidth=1
        )
    y += PAD
    for field, size, style in (
        ("title", SMALL + 0.5, bold),
        ("question", SMALL, {}),
        ("passes", SMALL, {"color": "#444444"}),
    ):
        y = max(
            _write(axis, left, y + PAD, getattr(CHECKS[check], field), width - PAD, size, **style)
            for check, left in places.items()
        )
    return y


def _draw_cell(axis: plt.Axes, left: float, y: float, width: float, row: Any) -> None:
    """A verdict with its numbers; row: one of checks.csv as a tuple, None if not checked."""
    middle, wide = left + (width - PAD) / 2, width - PAD
    centre = {"ha": "center", "va": "center"}
    if row is None:
        words = {"fontsize": SMALL, "color": plots.GREY}
        axis.text(middle, y + HEIGHT / 2, "not checked", **centre, **words)
        return
    colour, back = LOOKS[row.verdict]
    axis.add_patch(Rectangle((left, y), wide, HEIGHT - PAD, color=back, linewidth=0))
    for text, place, style in (
        (SYMBOLS[row.verdict], 0.12, {"fontsize": 13, "fontweight": "bold", "color": colour}),
        (row.verdict, 0.29, {"fontsize": 8.5, "fontweight": "bold"}),
        (numbers(row.value, row.low, row.high, row.n), 0.54, {"fontsize": SMALL}),
    ):
        axis.text(middle, y + place, text, **centre, **style)


def numbers(value: float, low: float, high: float, n: int) -> str:
    """A value, its interval and its images, a line each; nearly all are differences, so signed."""
    images = f"n = {n:,}"
    if np.isnan(value):
        return f"no value\n{images}"
    limits = "no interval" if np.isnan(low + high) else f"{low:+.2f} to {high:+.2f}"
    return f"{value:+.2f}\n{limits}\n{images}"


def _write(
    axis: plt.Axes, x: float, y: float, text: str, width: float, size: float, **style: Any
) -> float:
    """Write text from x and y on in lines that fit the width; return where it ends."""
    lines, dpi = [], axis.figure.dpi
    artist = axis.text(x, y, "", va="top", fontsize=size, linespacing=SPACING, **style)
    for word in text.split():
        artist.set_text(" ".join([*lines[-1:], word]))
        if lines and artist.get_window_extent().width <= width * dpi:
            lines[-1] = artist.get_text()
        else:
            lines.append(word)
    artist.set_text("\n".join(lines))
    return y + SPACING * size / 72 * len(lines)


def size_note(quick: bool, images: int, draws: int) -> str:
    """How large the audit was.

    Args:
        quick: Whether it is the smaller one.
        images: Images mapped, at the most.
        draws: Random networks of a kind.
    """
    text = f"of {count(images, 'image')} (draws: {draws})"
    if quick:
        return f"A smaller audit {text}; the full one: snakemake --cores 4 audit"
    return f"The full audit {text}."


def audit_figure(checks: Path, output: Path, title: str, note: str) -> None:
    """Write verdict.png from checks.csv; title and note: see `draw_verdicts`."""
    plots.save(draw_verdicts(tables.read_table(checks, "checks"), title, note), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        audit_figure(
            checks=snakemake.input.checks,
            output=snakemake.output[0],
            title=run_title(
                snakemake.wildcards.dataset, snakemake.wildcards.experiment, snakemake.wildcards.run
            ),
            note=size_note(
                quick=snakemake.params.quick,
                images=snakemake.params.images,
                draws=snakemake.params.draws,
            ),
        )
