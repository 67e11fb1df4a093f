import re

import pandas as pd
import pytest
import yaml
from test_datasheet import Texts

import cards
from card_checklists import card_checklists
from cxr.checklists import HERE, NOT_APPLICABLE, as_sheet, fill
from cxr.sheets import TO_WRITE, markdown, page
from cxr.tables import read_table, write_table
from workspace import ROOT

PATHS = [ROOT / "report" / f"{name}.yaml" for name in ("claim", "tripod_ai")]
CLAIM, TRIPOD = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in PATHS)
SUBITEMS = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg"}
SUBITEMS |= {"18": "abcdef", "20": "abc", "23": "ab", "27": "abc"}
OPTIONAL = {  # what only some cards tell
    *("Other data sets", "Data: reasons", "Data: known noise of the labels"),
    *(
        "Data: age in years, effusion",
        "Data: age in years, normal",
        "Data: copies with both labels",
    ),
    *("Data: sex, effusion", "Data: sex, normal", "Division: cross-validation"),
}


def one(card=None, simulated=False, **keys):
    """Status, answer and addition of a checklist's only item."""
    item = {"item": "1", "section": "Methods", "asks": "What"} | keys
    card = cards.card() if card is None else card
    filled = fill({"name": "LIST", "items": [item]}, card, simulated)
    return tuple(filled.loc[0, ["status", "answer", "add"]])


def test_an_item_is_answered_from_the_card():
    found = one(here=["Mistakes: effusions missed"], where="mistakes.png", add="why")
    assert found == (HERE, "effusions missed: 5 of 20; see mistakes.png", "why")
    whole = one(here=["Mistakes"])[1]
    assert whole.startswith("effusions missed: 5 of 20; normal X-rays called an effusion: 4 of 30;")


def test_what_is_not_given_is_left_to_the_authors():
    keys = {"here": ["Data: labels made by"], "where": "x.csv", "write": "who labelled them"}
    assert one(**keys) == (TO_WRITE, "who labelled them", "")
    card = cards.card(sheet=cards.datasheet(**{"made by": "two radiologists"}))
    assert one(card, **keys) == (HERE, "labels made by: two radiologists; see x.csv", "")
    assert one(here=["Other data sets"], write="a test elsewhere")[0] == TO_WRITE
    assert one(cards.card(others=cards.transfer()), here=["Other data sets"])[0] == HERE


def test_what_does_not_apply_has_a_reason():
    keys = {"here": ["Mistakes"], "phantom": "nobody is ill"}
    assert one(simulated=True, **keys) == (NOT_APPLICABLE, "nobody is ill", "")
    assert one(simulated=False, **keys)[0] == HERE
    assert one(never="it reads pixels") == (NOT_APPLICABLE, "it reads pixels", "")


def test_an_item_without_any_answer_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="item 1 has no answer"):
        one(here=["Data: labels made by"])


def test_every_item_of_the_checklists_is_there():
    assert [item["item"] for item in CLAIM["items"]] == [str(n) for n in range(1, 45)]
    numbers = [f"{n}{letter}" for n in range(1, 28) for letter in SUBITEMS.get(str(n), " ")]
    assert [item["item"] for item in TRIPOD["items"]] == [number.strip() for number in numbers]
    for checklist in (CLAIM, TRIPOD):
        assert re.search(r"20\d\d.*doi:10\.\d+/", checklist["source"])


@pytest.mark.parametrize("checklist", [CLAIM, TRIPOD], ids=lambda checklist: checklist["name"])
@pytest.mark.parametrize("phantom", [True, False])
def test_every_item_finds_an_answer_where_little_is_known(checklist, phantom):
    filled = fill(checklist, cards.card(), phantom)
    assert set(filled["status"]) == {HERE, NOT_APPLICABLE, TO_WRITE}
    assert (filled["answer"] != "").all()
    assert "not given" not in " ".join(filled["answer"].str.replace("told as not given", ""))


@pytest.mark.parametrize("checklist", [CLAIM, TRIPOD], ids=lambda checklist: checklist["name"])
def test_the_checklists_name_what_a_card_has(checklist):
    card = cards.card()
    has = {*card["section"], *(card["section"] + ": " + card["item"])}
    named = {name for item in checklist["items"] for name in item.get("here", ())}
    assert named - has <= OPTIONAL
    allowed = {"item", "section", "asks", "here", "says", "where", "add", "write", "never"}
    assert {key for item in checklist["items"] for key in item} <= allowed | {"phantom"}


def test_what_cannot_be_computed_is_never_called_answered():
    everything = cards.card(others=cards.transfer())
    for checklist, asked in ((CLAIM, ["4", "21", "44"]), (TRIPOD, ["10", "17", "18a", "18d"])):
        filled = fill(checklist, everything, phantom=False).set_index("item")["status"]
        assert set(filled[asked]) == {TO_WRITE}


@pytest.mark.parametrize(
    ("checklist", "asked"),
    [(CLAIM, ["7", "14", "16", "33", "36"]), (TRIPOD, ["5a", "8a", "12d", "20b", "23b"])],
    ids=["CLAIM", "TRIPOD+AI"],
)
def test_what_nobody_gave_is_not_called_answered(checklist, asked):
    filled = fill(checklist, cards.card(), phantom=False).set_index("item")["status"]
    assert set(filled[asked]) == {TO_WRITE}


def test_text_of_others_stays_text():
    item = {"item": "1", "section": "Data", "asks": "Which", "here": ["Leakage: identical"]}
    sheet = as_sheet(fill({"name": "LIST", "items": [item]}, cards.card(), False))
    reader = Texts()
    reader.feed(page(cards.HOSTILE, cards.HOSTILE, sheet))
    assert not reader.tags & {"script", "a", "img"}
    assert cards.HOSTILE in reader.texts
    assert sheet["value"][0] in reader.texts and cards.HOSTILE in sheet["value"][0]
    text = markdown(cards.HOSTILE, cards.HOSTILE, sheet)
    assert text.count(r"\<script\>alert(1)\</script\> \| \*a\* \`b\` \$x\$ \[c\](d)") == 3


def test_files_say_the_same(tmp_path):
    write_table(cards.card(), tmp_path / "card.csv", "model_card")
    outputs = {key: tmp_path / f"lists.{key}" for key in ("table", "text", "page")}
    card_checklists(
        dataset="mine",
        experiment="small",
        source="folder",
        card=tmp_path / "card.csv",
        checklists=PATHS,
        outputs=outputs,
    )
    table = read_table(outputs["table"], "checklists")
    assert len(table) == len(CLAIM["items"]) + len(TRIPOD["items"]) == 96
    assert not table.duplicated(["checklist", "item"]).any()
    counts = table["status"].value_counts()
    html = outputs["page"].read_text()
    reader = Texts()
    reader.feed(html)
    about = " ".join(reader.texts)
    assert f"{counts[HERE]} {HERE}" in about and "doi:10.1148/ryai.240300" in about
    sheet = as_sheet(table)
    assert set(sheet["value"]) <= set(reader.texts) and set(sheet["item"]) <= set(reader.texts)
    assert html.count('class="unknown"') == counts[TO_WRITE]
    text = outputs["text"].read_text()
    assert text.count(f"| {TO_WRITE}: ") == counts[TO_WRITE]
    added = pd.Series(sheet["value"])[table["add"].to_numpy() != ""]
    assert added.str.contains(". You must add: ", regex=False).all()
