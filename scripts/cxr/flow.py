"""The way of the images from found to used, as a table and as a diagram."""

import textwrap

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.patches import Rectangle

from cxr import plots
from cxr.leaks import KINDS, of_kind, relatives
from cxr.words import count

REASONS = 5  # for leaving files out that have a line of their own
LIKE = {
    "identical": "identical to another",
    "near-duplicate": "nearly identical to another",
    "same-person": "like another, perhaps of one person",
    "resembling": "resembling another",
}
ACROSS = 4  # parts side by side
WIDTH, GAP, LINE, BAR = 2.4, 0.28, 0.2, 0.07  # of the boxes, inches
LETTERS = 13  # of the text, to an inch
ARROW = {"arrowstyle": "-|>", "color": plots.GREY, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}


def flow(
    manifest: pd.DataFrame, rejected: pd.DataFrame, parts: pd.Series, pairs: pd.DataFrame
) -> pd.DataFrame:
    """Count the images at each step, as flow.csv.

    Args:
        manifest, rejected, pairs: These tables, read by their schemas.
        parts: The part of each image, by id; see `cxr.folds.parts_by_id`.
    """
    reasons = rejected["reason"].value_counts()
    order = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [{"step": "found", "images": len(manifest) + len(rejected)}]
    rows += [{"step": "left out", "name": name, "images": number} for name, number in order]
    rows.append({"step": "used"} | _counts(manifest))
    for kind in KINDS:
        found = of_kind(pairs, kind)
        alike = manifest[manifest["id"].isin({*found["first"], *found["second"]})]
        parted = len(relatives(kind, manifest, parts, pairs))
        rows.append({"step": "alike", "name": kind, "parted": parted} | _counts(alike))
    divided = manifest.groupby(parts[manifest["id"]].array, observed=True)
    rows += [{"step": "part", "name": name} | _counts(part) for name, part in divided]
    numbers = ["images", "effusions", "normals", "patients", "parted"]
    table = pd.DataFrame(rows, columns=["step", "name", *numbers])
    return table.fillna({"name": ""}).astype(dict.fromkeys(numbers, "Int64"))


def _counts(images: pd.DataFrame) -> dict[str, int | None]:
    known = images.loc[images["patient"] != "", "patient"]
    return {
        "images": len(images),
        "effusions": int((images["class"] == "effusion").sum()),
        "normals": int((images["class"] == "normal").sum()),
        "patients": known.nunique() if len(known) else None,
    }


def draw_flow(table: pd.DataFrame, title: str) -> plt.Figure:
    """A box for each step, from the images found down to the parts of the split.

    Args:
        table: See `flow`.
        title: Above the figure.
    """
    steps = {step: [*part.itertuples()] for step, part in table.groupby("step")}
    (found,), (used,), parts = steps["found"], steps["used"], steps["part"]
    width = max(3, min(len(parts), ACROSS)) * (WIDTH + GAP) + GAP
    beside = WIDTH + 2.6 * GAP  # where the boxes beside the trunk begin
    letters = int((width - GAP - beside - 0.3) * LETTERS)
    trunk = [
        ([f"{count(found.images, 'image')} found"], _left_out(steps.get("left out", []), letters)),
        (_counted(f"{count(used.images, 'image')} used", used), _alike(steps["alike"])),
    ]
    rows = [parts[start : start + ACROSS] for start in range(0, len(parts), ACROSS)]
    deep = sum(_height(one) + _height(other) + 2.4 * GAP for one, other in trunk)
    deep += sum(_height(_counted("", used)) + GAP for _ in rows) + GAP
    figure, axis = plt.subplots(figsize=(width, deep + 0.4), layout="constrained")
    plots.headline(figure, title)
    axis.set(xlim=(0, width), ylim=(deep, 0))
    axis.axis("off")
    middle, top = GAP + WIDTH / 2, GAP
    for (lines, others), colour in zip(trunk, (plots.GREY, plots.BLUE), strict=True):
        below = _box(axis, (GAP, top), WIDTH, lines, colour)
        place = below + 0.6 * GAP
        height = place + _height(others) / 2
        axis.plot([middle, beside], [height, height], color=plots.GREY, linewidth=1.2)
        end = _box(axis, (beside, place), width - GAP - beside, others, plots.ORANGE)
        top = end + 1.8 * GAP
        axis.annotate("", (middle, top), (middle, below), arrowprops=ARROW)
    centres = [middle + place * (WIDTH + GAP) for place in range(len(rows[0]))]
    axis.plot([middle, centres[-1]], [top - 0.7 * GAP] * 2, color=plots.GREY, linewidth=1.2)
    for centre in centres[1:]:
        axis.annotate("", (centre, top), (centre, top - 0.7 * GAP), arrowprops=ARROW)
    for row in rows:
        for place, part in enumerate(row):
            corner = GAP + place * (WIDTH + GAP), top
            below = _box(
                axis, corner, WIDTH, _counted(f"{part.name}: {part.images:,}", part), plots.GREEN
            )
        top = below + GAP
    return figure


def _height(lines: list[str]) -> float:
    return LINE * len(lines) + 0.16


def _box(
    axis: plt.Axes, corner: tuple[float, float], width: float, lines: list[str], colour: str
) -> float:
    """Draw a box around lines of text, the first in bold; return where it ends."""
    left, top = corner
    height = _height(lines)
    axis.add_patch(Rectangle(corner, width, height, facecolor="white", edgecolor=colour))
    axis.add_patch(Rectangle(corner, BAR, height, color=colour))
    for number, line in enumerate(lines):
        place = left + BAR + 0.1, top + 0.08 + (number + 0.5) * LINE
        weight = "normal" if number else "bold"
        axis.text(*place, line, va="center", fontsize=9, fontweight=weight)
    return top + height


def _counted(heading: str, row: tuple) -> list[str]:
    """How many images of each class there are, and patients, where these are known."""
    patients = "patients not known" if pd.isna(row.patients) else count(row.patients, "patient")
    return [
        heading,
        f"{row.effusions:,} effusion, {row.normals:,} normal",
        patients,
    ]


def _left_out(rows: list[tuple], letters: int) -> list[str]:
    """How many files were left out and why, the most frequent reasons first."""
    lines = [f"{count(sum(row.images for row in rows), 'image')} left out"]
    for row in rows[:REASONS]:
        lines.append(textwrap.shorten(f"{row.images:,}: {row.name}", letters, placeholder=" …"))
    more = rows[REASONS:]
    others = f"{sum(row.images for row in more):,}: {count(len(more), 'other reason')}"
    return [*lines, others] if more else lines


def _alike(rows: list[tuple]) -> list[str]:
    """How many images have a relative among the others, and in another part of the split."""
    told = [f"{row.images:,} {LIKE[row.name]}" for row in rows]
    parted = [f", {row.parted:,} parted by the split" if row.images else "" for row in rows]
    return ["compared with each other", *map("".join, zip(told, parted, strict=True))]
