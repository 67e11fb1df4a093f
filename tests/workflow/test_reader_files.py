"""People's answers in data/readers/: what they make Snakemake do, and what comes of them."""

from pathlib import Path

import pandas as pd

from cxr.tables import read_table
from tiny import causes, finish, plan, refuse, rules

RESULTS = Path("results/phantom")


def answer(project: Path, name: str, ratings: dict[str, int]) -> Path:
    """Put a reader's file where it belongs."""
    path = project / "data" / "readers" / f"{name}.csv"
    path.parent.mkdir(exist_ok=True)
    rows = pd.DataFrame({"dataset": "phantom", "id": ratings.keys(), "rating": ratings.values()})
    rows.to_csv(path, index=False)
    return path


def test_readers_come_beside_the_network_and_retrain_nothing(project: Path) -> None:
    held_out = read_table(project / RESULTS / "small/seed-1/predictions.csv", "predictions")
    held_out = held_out[held_out["subset"] == "test"].set_index("id")
    assert read_table(project / RESULTS / "readers.csv", "readers").empty
    for name, wrong in {"anna": 0, "ben {x}": 2}.items():
        right = dict(1 + 4 * held_out["label"])
        answer(
            project,
            name,
            {
                each: 6 - right[each] if wrong > row else right[each]
                for row, each in enumerate(right)
            },
        )
    jobs = plan(project)
    assert set(causes(jobs)) == {"quiz_readers"}
    assert rules(jobs) == {"quiz_readers", "quiz_page", "report_times", "report_html"}
    finish(project, "quiz")
    table = read_table(project / RESULTS / "readers.csv", "readers")
    accuracy = table[table["metric"] == "accuracy"].set_index("reader")
    count = len(held_out)
    assert dict(accuracy["value"]) == {"anna": 1, "ben {x}": (count - 2) / count}
    called = held_out["probability"] >= 0.5
    assert set(accuracy["network"]) == {(called == (held_out["label"] == 1)).mean()}
    assert "ben {x}" in (project / RESULTS / "quiz.html").read_text()
    assert plan(project, "quiz") == []

    path = answer(project, "anna", {"phantom-e999": 3})
    before = path.read_bytes()
    text = refuse(project, "quiz")
    assert "data/readers/anna.csv rates images that are not among the held-out ones" in text
    assert "phantom-e999" in text
    assert path.read_bytes() == before
