"""Draw docs/shortcuts.png, write docs/shortcuts.csv and print the tables of docs/shortcuts.md.

From the audits of docs/shortcut.yaml's data sets that are there, see docs/shortcuts.md:
python docs/shortcuts.py
"""

import itertools
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from cxr import confounding, plots, tables  # noqa: E402
from cxr.methods import method_name  # noqa: E402

DOCS = ROOT / "docs"
NETWORKS = ("pleura", "lesson")
SHARES = (0, 0.2, 0.5, 0.8, 1)
DATASET, SHOWN = ["network", "kind", "share"], "mark_shown"
COLUMNS = [*DATASET, "use", "method", "statistic", "value", "low", "high", "n", "verdict"]
SYMBOLS = {"pass": "✓", "fail": "✗", "cannot tell": "?"}
COLOURS = {"pass": "#d9eaf5", "fail": "#fae0cf", "cannot tell": plots.LIGHT}
USED = {confounding.USES: "used", confounding.UNUSED: "unused", confounding.OPEN: "?"}


def read_audits() -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the mark does to each network, and to the maps of each method.

    Returns:
        shortcut_use.csv and the rows of checks.csv that are about the shortcut, of all audits, each
        with kind, share and network; the latter also with use.
    """
    uses, checks = [], []
    study = yaml.safe_load((DOCS / "shortcut.yaml").read_text(encoding="utf-8"))["datasets"]
    for network, (name, dataset) in itertools.product(NETWORKS, study.items()):
        folders = {each: ROOT / "results" / name / each / "seed-42/audit" for each in NETWORKS}
        if not all((folder / "shortcut.csv").exists() for folder in folders.values()):
            continue
        folder = folders[network]
        facts = dataset["shortcut"] | {"network": network}
        use = tables.read_table(folder / "shortcut_use.csv", "shortcut_use")
        table = tables.read_table(folder / "shortcut.csv", "shortcut")
        manifest = tables.read_csv(ROOT / "results" / name / "manifest.csv")
        patients = manifest.set_index("id")["patient"]
        used = confounding.use_of_mark(use)
        uses.append(use.assign(**facts))
        for method, part in table.groupby("method", sort=False):
            owners = patients[part["id"]].to_numpy()
            found = confounding.rows(method, part, owners, used)
            checks.append(pd.DataFrame(found).assign(**facts, use=used))
    numbers = dict.fromkeys(("value", "low", "high"), float)
    return tuple(pd.concat(parts, ignore_index=True).astype(numbers) for parts in (uses, checks))


def draw(uses: pd.DataFrame, checks: pd.DataFrame) -> plt.Figure:
    """For each kind of mark and network the AUROC, and what the maps show, by share."""
    kinds = list(uses["kind"].unique())
    figure, axes = plt.subplots(
        len(kinds),
        4,
        figsize=(12, 0.3 + 3.5 * len(kinds)),
        squeeze=False,
        width_ratios=(1, 1.5, 1, 1.5),
        layout="constrained",
    )
    for line, kind in zip(axes, kinds, strict=True):
        for place, network in enumerate(NETWORKS):
            use, found = (
                part[(part["kind"] == kind) & (part["network"] == network)]
                for part in (uses, checks)
            )
            draw_aurocs(line[2 * place], use)
            line[2 * place].set_title(f"{network}: {kind}")
            draw_verdicts(line[2 * place + 1], found, named=not place)
    axes[0, 0].legend(fontsize=8, loc="lower left")
    return figure


def draw_aurocs(axis: plt.Axes, use: pd.DataFrame) -> None:
    """The AUROC where the mark goes with the label and where it is dealt out, by share."""
    looks = {
        confounding.FOLLOWS: {"fmt": "o-", "color": plots.BLUE},
        confounding.AT_RANDOM: {"fmt": "s--", "color": plots.ORANGE},
    }
    for offset, (images, look) in zip((-1, 1), looks.items(), strict=True):
        rows = use[(use["statistic"] == "auroc") & (use["images"] == images)]
        arms = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        places = 100 * rows["share"] + offset
        axis.errorbar(places, rows["value"], arms, capsize=3, label=images, **look)
    axis.set(xlabel="patients tied to the mark, %", ylabel="AUROC", ylim=(0.5, 1.01))
    axis.set(xlim=(-4, 104), xticks=[100 * share for share in SHARES])


def draw_verdicts(axis: plt.Axes, found: pd.DataFrame, named: bool) -> None:
    """The share of each method's maps that show the mark; without a place, their correlation."""
    statistic = SHOWN if found.loc[found["statistic"] == SHOWN, "n"].any() else "explanation_ncc"
    found = found[found["statistic"] == statistic]
    methods, uses = list(found["method"].unique()), found.groupby("share")["use"].first().map(USED)
    for row in found.itertuples():
        x, y = SHARES.index(row.share), methods.index(row.method)
        place = (x - 0.48, y - 0.45)
        axis.add_patch(plt.Rectangle(place, 0.96, 0.9, color=COLOURS[row.verdict], linewidth=0))
        value = "no image" if np.isnan(row.value) else f"{row.value:.2f} {SYMBOLS[row.verdict]}"
        axis.text(x, y, value, ha="center", va="center", fontsize=8)
    heads = [f"{percent(share)}\n{uses.get(share, '')}" for share in SHARES]
    axis.set_xticks(range(len(SHARES)), heads)
    names = map(method_name, methods) if named else [""] * len(methods)
    axis.set_yticks(range(len(methods)), names, fontsize=8)
    axis.set(xlim=(-0.5, len(SHARES) - 0.5), ylim=(len(methods) - 0.5, -0.5))
    title = "maps that show the mark" if statistic == SHOWN else "correlation of the maps"
    axis.set_title(title, fontsize=10, fontweight="normal")
    axis.tick_params(length=0)
    axis.grid(False)


def interval(row: pd.Series) -> str:
    """A value with its interval, as a cell of a table."""
    if np.isnan(row["value"]):
        return ""
    digits = ".3f" if row.get("statistic") == "auroc_drop" else ".2f"
    limits = "" if np.isnan(row["low"]) else f" ({row['low']:{digits}} to {row['high']:{digits}})"
    return f"{row['value']:{digits}}{limits}"


def print_uses(uses: pd.DataFrame) -> None:
    """The AUROC, its drop and the calls that the mark changes, of each network."""
    cells = uses.assign(cell=uses.apply(interval, axis=1))
    cells = cells.pivot(index=DATASET, columns=["statistic", "images"], values="cell")
    columns = {
        "AUROC, as they are": ("auroc", confounding.AS_DRAWN),
        "mark at random": ("auroc", confounding.AT_RANDOM),
        "mark removed": ("auroc", confounding.REMOVED),
        "drop": ("auroc_drop", confounding.AT_RANDOM),
        "called otherwise": ("called_otherwise", confounding.ADDED),
    }
    print_table(["network", "mark", "tied", *columns], in_order(cells[[*columns.values()]], uses))


def print_statistic(checks: pd.DataFrame, statistic: str) -> None:
    """A statistic of checks.csv for each network, mark and method, by share."""
    rows = checks[(checks["statistic"] == statistic) & (checks["n"] > 0)]
    texts = rows.apply(interval, axis=1) + ", n = " + rows["n"].astype(str)
    rows = rows.assign(cell=texts + " " + rows["verdict"].map(SYMBOLS))
    cells = rows.pivot(index=["network", "kind", "method"], columns="share", values="cell")
    print_table(["network", "mark", "method", *map(percent, cells)], in_order(cells, rows))


def in_order(cells: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Cells in the order in which the rows name their index for the first time."""
    return cells.loc[pd.MultiIndex.from_frame(rows[cells.index.names].drop_duplicates())]


def percent(share: float) -> str:
    """A share in percent, as text."""
    return f"{100 * share:.0f} %"


def print_table(heads: list[str], cells: pd.DataFrame) -> None:
    """A table in Markdown; its index comes first."""
    print(f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}")
    for index, row in cells.fillna("").iterrows():
        keys = [method_name(key) if isinstance(key, str) else percent(key) for key in index]
        print(f"| {' | '.join([*keys, *row])} |")
    print()


def main() -> None:
    """Write docs/shortcuts.png and docs/shortcuts.csv, print the tables."""
    uses, checks = read_audits()
    plots.save(draw(uses, checks), DOCS / "shortcuts.png", dpi=90)
    checks[COLUMNS].round(4).to_csv(DOCS / "shortcuts.csv", index=False)
    print_uses(uses)
    for statistic in (SHOWN, "confounder_sensitivity", "explanation_ncc"):
        print_statistic(checks, statistic)


if __name__ == "__main__":
    main()
