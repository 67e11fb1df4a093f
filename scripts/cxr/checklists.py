"""Filling reporting checklists from a model card.

A checklist (report/claim.yaml says what its keys mean) names for each item the sections or items of
the card that answer it. What no result can answer stays for the authors to write.
"""

from typing import Any

import pandas as pd

from cxr.sheets import NOT_GIVEN, TO_WRITE

HERE, NOT_APPLICABLE = "here", "not applicable"


def fill(checklist: dict[str, Any], card: pd.DataFrame, phantom: bool) -> pd.DataFrame:
    """Answer each item of a checklist, as the rows of checklists.csv.

    Args:
        checklist: report/claim.yaml or another like it.
        card: model_card.csv.
        phantom: Whether the X-rays are simulated.

    Raises:
        ValueError: An item has no answer, whatever the card says.
    """
    answers = [_answer(item, card, phantom) for item in checklist["items"]]
    return pd.DataFrame(
        [
            (checklist["name"], item["section"], item["item"], item["asks"], status, answer, add)
            for item, (status, answer, add) in zip(checklist["items"], answers, strict=True)
        ],
        columns=["checklist", "section", "item", "asks", "status", "answer", "add"],
    )


def _answer(item: dict[str, Any], card: pd.DataFrame, phantom: bool) -> tuple[str, str, str]:
    """Status of an item, its answer and what the authors have to add."""
    reason = item.get("phantom") if phantom else None
    if reason := reason or item.get("never"):
        return NOT_APPLICABLE, reason, ""
    told = [text for name in item.get("here", ()) for text in _told(name, card)]
    told += [item["says"]] if "says" in item else []
    if told:
        places = [f"see {item['where']}"] if "where" in item else []
        return HERE, "; ".join(told + places), item.get("add", "")
    if "write" in item:
        return TO_WRITE, item["write"], ""
    raise ValueError(f"item {item['item']} has no answer")


def _told(name: str, card: pd.DataFrame) -> list[str]:
    """What the card says of one item, or of all of a section; nothing of what is not given."""
    section, _, item = name.partition(": ")
    rows = card[(card["section"] == section) & (card["value"] != NOT_GIVEN)]
    rows = rows[rows["item"] == item] if item else rows
    return [f"{row.item}: {row.value.rstrip('.')}" for row in rows.itertuples()]


def as_sheet(filled: pd.DataFrame) -> pd.DataFrame:
    """Filled checklists as sections, items and values, see `cxr.sheets`."""
    values = filled["status"] + ": " + filled["answer"]
    added = filled["add"].where(filled["add"] == "", ". You must add: " + filled["add"])
    return pd.DataFrame(
        {
            "section": filled["checklist"] + ": " + filled["section"],
            "item": filled["item"] + ". " + filled["asks"] + "?",
            "value": values + added,
        }
    )
