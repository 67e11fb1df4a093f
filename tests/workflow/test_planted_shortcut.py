"""A tiny data set with a planted shortcut, from its images to the verdict on the maps."""

from pathlib import Path

import cv2

from cxr.tables import read_table
from cxr.verdicts import CHECKS
from tiny import configure, finish, refuse

METHODS = ["gradcam", "edges", "random"]
TINY = {"normal": 30, "effusion": 30, "size": 96}


def test_the_smaller_audit_of_a_planted_shortcut(fresh: Path) -> None:
    audit = {"quick_images": 6}
    changes = {"saliency": {"methods": ["gradcam"]}, "audit": audit, "run": ["small"]}
    configure(fresh, {"dataset": "shortcut", "datasets": {"shortcut": TINY}, **changes})
    finish(fresh, "audit_quick")
    folder = fresh / "results" / "shortcut" / "small" / "seed-1" / "audit-quick"
    use = read_table(folder / "shortcut_use.csv", "shortcut_use")
    assert set(use["n"]) == {len(use_of_test(fresh))}
    table = read_table(folder / "shortcut.csv", "shortcut")
    assert table.groupby("method", sort=False)["id"].nunique().to_dict() == dict.fromkeys(
        METHODS, 6
    )
    checks = read_table(folder / "checks.csv", "checks")
    assert set(checks["check"]) == set(CHECKS) - {"seeds", "permuted_labels"}
    for name in ("verdict", "shortcut"):
        picture = cv2.imread(str(folder / f"{name}.png"))
        assert picture is not None and picture.std() > 5  # something is drawn


def use_of_test(root: Path) -> list[str]:
    """The lines of split.csv that are about test images."""
    split = (root / "results" / "shortcut" / "split.csv").read_text(encoding="utf-8")
    return [line for line in split.splitlines() if ",test" in line]


def test_a_data_set_without_a_shortcut_has_no_such_table(fresh: Path) -> None:
    message = refuse(fresh, "--dry-run", "results/phantom/small/seed-1/audit/shortcut.csv")
    assert "MissingRuleException" in message
