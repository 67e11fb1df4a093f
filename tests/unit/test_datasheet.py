from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cxr import datasheet as sheets
from cxr import provenance
from cxr.sheets import markdown, page
from cxr.tables import columns, load_schema, read_table, write_table
from datasheet import datasheet

HOSTILE = "<script>alert(1)</script> | *a* `b` $x$ [c](d)\n{{ 1/0 }}"
PHANTOM = {"source": "phantom", "label_noise": 0.0, "shortcut": {"kind": "none", "share": 0.8}}
IMAGE = {"size": 64, "resize": "area", "min_size": 32}


def manifest(**changes):
    """Two effusions of one patient, and three normal X-rays of two others and nobody known."""
    ids = list("abcde")
    cells = {
        "id": ids,
        "path": [f"x/{name}.png" for name in ids],
        "label": [1, 1, 0, 0, 0],
        "class": ["effusion"] * 2 + ["normal"] * 3,
        "patient": ["p", "p", "q", "r", ""],
        "age": [19, 20, 41.5, np.nan, 90],
        "sex": ["F", "F", "M", "", "M"],
        "view": ["PA", "PA", "AP", "", "PA"],
        "width": [64, 64, 64, 64, 80],
        "height": 64,
        "bit_depth": 8,
        "sha256": [f"{row:064x}" for row in range(5)],
        "mask": "",
    }
    return pd.DataFrame(cells | changes)


LEAKAGE = pd.DataFrame(
    {
        "check": ["patients", "identical", "near-duplicate", "same-person", "resembling"],
        "found": [1, 2, 1, 3, 0],
        "across": [0, 0, 0, 1, 0],
        "labels_differ": [0, 1, 1, 5, 0],
        "recall": [np.nan, 1, 0.96, 0.5, 0.6],
    }
)
ERRORS = pd.DataFrame(
    {"listed": [3, 4], "checked": [10, 20], "verdict": "worth a look", "reason": ""}
)
PARTS = pd.Series(
    pd.Categorical(
        ["train", "train", "test", "train", "test"], ["train", "validation", "test"], ordered=True
    ),
    index=list("abcde"),
)
REJECTED = pd.DataFrame({"path": list("xyz"), "reason": ["empty", HOSTILE, "empty"]})
NO_BOXES = pd.DataFrame({"id": []})


def told(dataset=PHANTOM, **changes):
    """The data sheet as a dictionary, by section and item."""
    given = {"manifest": manifest(), "rejected": REJECTED, "boxes": NO_BOXES, "parts": PARTS}
    given |= {"leakage": LEAKAGE, "errors": ERRORS} | changes
    table = sheets.rows("mine", dataset, IMAGE, **given)
    assert not table.duplicated(["section", "item"]).any()
    return {(row.section, row.item): row.value for row in table.itertuples()}


def test_what_the_tables_say():
    found = told()
    assert found["Composition", "X-rays"] == "5: 2 with an effusion, 3 without"
    assert found["Composition", "views"] == "PA: 3, AP: 1, not given: 1"
    assert found["Composition", "sizes, pixels"] == "64 x 64: 4, 80 x 64: 1"
    assert found["Patients", "patients"] == "3; not given for 1 X-ray"
    assert found["Patients", "X-rays of a patient"] == "1 to 2, median 1"
    assert found["Patients", "age in years, effusion"].startswith(
        "median 19.5, range 19 to 20 (0 to 19: 1, 20 to 39: 1, 40 to 59: 0"
    )
    assert found["Patients", "age in years, normal"].endswith("80 to 120: 1, not given: 1)")
    assert found["Patients", "sex, normal"] == "M: 2, not given: 1"
    assert found["Labels", "likely errors (label_errors.csv)"] == (
        "7 among 30 X-rays that a network could judge: worth a look"
    )
    assert found["Labels", "copies with both labels"] == "2"
    assert found["Cleaning", "files left out (rejected.csv)"] == "3"
    assert found["Cleaning", "reasons"] == f"empty: 2, {HOSTILE}: 1"
    same = found["Copies and same persons", "same-person pairs"]
    assert same == "3, 1 of them parted by the split (the search finds 50% of them)"
    parts = [item for section, item in found if section == "Split"]
    assert parts == ["train", "test"]
    assert found["Split", "train"] == "3 X-rays, 2 with an effusion, 2 patients"


def test_what_nobody_said_is_not_given():
    unknown = manifest(patient="", age=np.nan, sex="", view="")
    found = told({"source": "folder", "path": "x"}, manifest=unknown)
    assert {item for (_, item), value in found.items() if value == "not given"} == {
        *("collection", "views", "places of findings", "patients", "X-rays of a patient"),
        *("age in years, effusion", "sex, effusion", "age in years, normal", "sex, normal"),
        *("made by", "known noise", "licence", "citation"),
    }
    assert found["Split", "test"] == "2 X-rays, 0 with an effusion"
    assert found["Origin", "place"] == "path: x"


def test_places_of_findings_and_flags():
    boxes = pd.DataFrame({"id": ["a", "a", "b"]})
    images = manifest(
        mask=["m.png", "", "", "", ""], flags=["lateral burned_in", "", "lateral"] * 1 + ["", ""]
    )
    found = told(manifest=images, boxes=boxes)
    places = "1 X-ray with a mask of the effusion, 2 X-rays with boxes, 3 in all"
    assert found["Composition", "places of findings"] == places
    assert found["Composition", "flags"] == "lateral: 2, burned_in: 1"
    assert told(manifest=manifest(flags=""))["Composition", "flags"] == "none"


def test_many_values_are_cut_short():
    values = pd.Series([f"v{row:02}" for row in range(sheets.SHOWN + 3)])
    assert sheets.counted(values).endswith("v09: 1, 3 others")


@pytest.mark.parametrize(
    ("dataset", "known"),
    [
        (PHANTOM, {"collection": "simulated", "label noise": "none", "licence": "MIT"}),
        (PHANTOM | {"label_noise": 0.1}, {"label noise": "10% of each class's labels are wrong"}),
        (
            PHANTOM | {"shortcut": {"kind": "tube", "share": 0.8}},
            {"shortcut": "tube, which tells the label of 80% of the patients"},
        ),
        ({"source": "nih"}, {"labels": "text processing", "citation": "Wang"}),
        (
            {"source": "archive", "sha256": provenance.LESSON.upper()},
            {"collection": "lesson", "label noise": "90 %", "citation": "CITATION.cff"},
        ),
    ],
)
def test_known_data_sets(dataset, known):
    found = provenance.known_of(dataset)
    for key, words in known.items():
        assert words in found[key]


@pytest.mark.parametrize("source", ["archive", "folder", "table"])
def test_of_other_data_sets_nothing_is_claimed(source):
    assert provenance.known_of({"source": source, "sha256": "0" * 64}) == {}


def test_every_source_has_a_form():
    branches = load_schema("config")["$defs"]["dataset"]["properties"]["source"]["enum"]
    assert set(branches) == set(sheets.FORMS)


class Texts(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_text_of_others_stays_text():
    table = sheets.rows(
        "mine", PHANTOM, IMAGE, manifest(), REJECTED, NO_BOXES, PARTS, LEAKAGE, ERRORS
    )
    reader = Texts()
    reader.feed(page("mine", "about", table))
    assert not reader.tags & {"script", "a", "img"}
    assert f"empty: 2, {HOSTILE}: 1" in reader.texts
    (line,) = [line for line in markdown("mine", "about", table).splitlines() if "alert" in line]
    assert r"\<script\>alert(1)\</script\> \| \*a\* \`b\` \$x\$ \[c\](d) {{ 1/0 }}: 1 |" in line


def test_files_say_the_same(tmp_path):
    def csv(name, frame, table):
        write_table(frame, tmp_path / name, table)
        return tmp_path / name

    outputs = {key: tmp_path / f"sheet.{key}" for key in ("table", "text", "page")}
    powers = {"verdict": "pass", "reason": "x", "recall_low": 0.1, "recall_high": 1.0}
    numbers = {"images": 30, "threshold": 0.5, "share": 0.1, "at_most": 0.2, "auroc": 0.8}
    numbers |= {"auroc_low": 0.7, "auroc_high": 0.9, "planted_recall": 1, "planted_precision": 1}
    split = pd.DataFrame({"id": list("abcde"), "subset": PARTS.astype(str).to_numpy()})
    boxes = pd.DataFrame(columns=columns("boxes"))
    datasheet(
        "mine",
        PHANTOM,
        IMAGE,
        manifest=csv("manifest.csv", manifest(), "manifest"),
        rejected=csv("rejected.csv", REJECTED, "rejected"),
        boxes=csv("boxes.csv", boxes, "boxes"),
        split=csv("split.csv", split, "split"),
        leakage=csv(
            "leakage.csv", LEAKAGE.assign(**powers, false_pairs=0.0, measured_on="x"), "leakage"
        ),
        errors=csv("errors.csv", ERRORS.assign(label=[0, 1], **numbers), "label_errors_summary"),
        outputs=outputs,
    )
    table = read_table(outputs["table"], "datasheet")
    assert (
        dict(zip(zip(table["section"], table["item"], strict=True), table["value"], strict=True))
        == told()
    )
    text = outputs["text"].read_text()
    shown = Texts()
    shown.feed(outputs["page"].read_text())
    for row in table.itertuples():
        assert row.item in shown.texts and row.value in shown.texts
        assert f"## {row.section}\n" in text
    assert text.count("| not given |") == (table["value"] == "not given").sum()
