"""What the smaller audit of the tiny run leaves behind, and what the full one adds to it."""

from pathlib import Path

import cv2
import pytest

from cxr.permuted import EPOCHS, FITTED
from cxr.tables import columns, read_table
from cxr.verdicts import CHECKS
from tiny import configure, finish

METHODS = [
    *("gradcam", "gradcam_plus_plus", "layercam", "scorecam", "smoothgrad", "occlusion"),
    *("edges", "random"),
]
TABLES = ("sanity", "faithfulness", "localisation", "checks")


@pytest.fixture(scope="module")
def folder(finished: Path) -> Path:
    return finished / "results" / "phantom" / "small" / "seed-1" / "audit-quick"


@pytest.mark.parametrize("table", TABLES)
def test_each_table_holds_what_its_schema_says(folder: Path, table: str) -> None:
    assert [*read_table(folder / f"{table}.csv", table).columns] == columns(table)


def test_each_method_is_judged_by_each_check(folder: Path) -> None:
    checks = read_table(folder / "checks.csv", "checks")
    assert [*checks["method"].unique()] == METHODS
    absent = {"seeds", "permuted_labels", "shortcut"}  # one seed, the smaller audit, no such mark
    expected = set(CHECKS) - absent
    for _, part in checks.groupby("method"):
        assert set(part["check"]) == expected


def test_controls_fail_what_they_have_to(folder: Path) -> None:
    checks = read_table(folder / "checks.csv", "checks")
    verdicts = checks.groupby(["method", "check"])["verdict"].agg(set)
    for control in ("edges", "random"):
        assert verdicts[control, "randomisation"] == {"fail"}
    for check in ("deletion", "insertion", "localisation"):
        assert "pass" not in verdicts["random", check]


def test_the_picture_is_there(folder: Path) -> None:
    picture = cv2.imread(str(folder / "verdict.png"))
    assert picture is not None
    assert picture.std() > 5  # something is drawn


def test_the_full_audit_adds_a_network_with_memorised_labels(project: Path) -> None:
    configure(project, {"audit": {"images": 6, "slow_images": 5, "draws": 1}})
    finish(project, "audit")
    folder = project / "results" / "phantom" / "small" / "seed-1" / "audit"
    history = read_table(folder / "permutation-1" / "history.csv", "history")
    assert len(history) == EPOCHS
    checks = read_table(folder / "checks.csv", "checks")
    permuted = checks[checks["check"] == "permuted_labels"]
    assert [*permuted["method"]] == METHODS
    (learned,) = set(permuted["learned"])
    assert learned == pytest.approx(history["accuracy"].iloc[-1], abs=0.15)
    if learned < FITTED:
        assert set(permuted["verdict"]) == {"cannot tell"}
    stages = read_table(folder / "sanity.csv", "sanity").groupby("check")["stage"].unique()
    assert [*stages["cascading"]] == [*stages["independent"]] == [1, 2, 3]
    for figure in ("verdict", "sanity"):
        assert cv2.imread(str(folder / f"{figure}.png")).std() > 5


def test_other_experiments_are_not_audited(finished: Path) -> None:
    assert {path.parts[-3] for path in finished.glob("results/**/audit-quick")} == {"small"}
