"""What the smaller audit of the tiny run leaves behind."""

from pathlib import Path

import cv2
import pytest

from cxr.tables import columns, read_table
from cxr.verdicts import CHECKS

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
    expected = set(CHECKS) - {"seeds", "permuted_labels"}  # one seed, and no control in such a run
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


def test_other_experiments_are_not_audited(finished: Path) -> None:
    assert [path.parts[-3] for path in finished.glob("results/**/audit-quick")] == ["small"]
