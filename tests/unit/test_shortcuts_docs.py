import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxr import confounding, tables

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))
import shortcuts

LABELS = np.arange(20) % 2
IDS = [f"x{number}" for number in range(20)]


@pytest.fixture
def results(tmp_path, monkeypatch):
    """The audits of two of the study's data sets, in a project of their own."""
    monkeypatch.setattr(shortcuts, "ROOT", tmp_path)
    for (name, change), network in itertools.product(
        [("tube_0", 0.0), ("tube_100", 0.5)], shortcuts.NETWORKS
    ):
        folder = tmp_path / "results" / name / network / "seed-42/audit"
        folder.mkdir(parents=True)
        pd.DataFrame({"id": IDS, "patient": ""}).to_csv(
            tmp_path / "results" / name / "manifest.csv", index=False
        )
        without = np.linspace(0.2, 0.3, 20)
        marked = without + (change if network == "pleura" else 0.0)
        use = confounding.use_table(LABELS, np.full(20, ""), LABELS == 1, without, marked)
        tables.write_table(use, folder / "shortcut_use.csv", "shortcut_use")
        table = pd.DataFrame(
            {
                "id": IDS,
                "label": LABELS,
                "marked": LABELS,
                "probability_without": without,
                "probability_marked": marked,
                "called_otherwise": confounding.flipped(without, marked).astype(int),
                "method": "gradcam",
                "sensitivity_without": 0.0,
                "sensitivity_marked": 2 * change,
                "explanation_ncc": 1 - change,
            }
        )
        tables.write_table(table, folder / "shortcut.csv", "shortcut")
    return tmp_path


def test_the_page_shows_the_audits_that_are_there(results, monkeypatch, capsys):
    study = (shortcuts.DOCS / "shortcut.yaml").read_text(encoding="utf-8")
    (results / "shortcut.yaml").write_text(study, encoding="utf-8")
    monkeypatch.setattr(shortcuts, "DOCS", results)
    shortcuts.main()
    assert (results / "shortcuts.png").read_bytes().startswith(b"\x89PNG")
    found = pd.read_csv(results / "shortcuts.csv")
    assert list(found) == shortcuts.COLUMNS
    shown = found[found["statistic"] == "mark_shown"].set_index(["network", "share"])
    wrong = [("lesson", 1)]  # its maps show a mark that it does not use
    assert list(shown.index[shown["verdict"] == "fail"]) == wrong
    assert (shown["verdict"].drop(wrong) == "pass").all()
    assert shown.loc[("pleura", 1), ["use", "value", "n"]].tolist() == [confounding.USES, 1, 20]
    assert shown.loc[("lesson", 1), "use"] == confounding.UNUSED
    assert "| pleura | tube | GradCAM | 0.00 (0.00 to 0." in capsys.readouterr().out


def test_the_page_and_its_table_hold_the_same_study():
    table = pd.read_csv(shortcuts.DOCS / "shortcuts.csv")
    assert len(table[["network", "kind", "share"]].drop_duplicates()) == 2 * 3 * 5
    page = (shortcuts.DOCS / "shortcuts.md").read_text(encoding="utf-8")
    row = table.set_index(["network", "kind", "share", "method", "statistic"]).loc[
        ("pleura", "tube", 0.8, "gradcam", "mark_shown")
    ]
    assert f"{row['value']:.2f} ({row['low']:.2f} to {row['high']:.2f}), n = {row['n']}" in page
