"""Odd label tables: each is read or refused in words, and what is read is what stands there."""

import csv
import io
import os
import time

import pandas as pd
import pytest
from budget import fuzz
from hypothesis import given
from hypothesis import strategies as st

from cxr import tables
from cxr.errors import UserError
from cxr.fingerprint import watched
from cxr.listing import SEPARATORS, named_file
from cxr.readers import read_ratings
from cxr.sources import list_images

pytestmark = pytest.mark.slow

HEADER = ["path", "label", "patient", "age", "sex", "view", "mask", "subset", "No Finding"]
CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252", "shift_jis", "mac-roman"]
MINE = {
    "source": "table",
    "path": "mine.csv",
    "root": None,
    "encoding": None,
    "columns": {},
    "effusion": "1",
    "normal": "0",
    "label_separator": None,
    "patient_pattern": None,
}
LIMIT = 2  # seconds of CPU time for a table of a few rows

ODD = [
    *["", " ", "1", "0", "1.0", "-1", "NA", "a.png", "../a.png", "/dev/zero", "C:\\a.png", "~"],
    *["a\0", '"', "''", "\n", "\r", "\r\n", "\x85", "\u2028", "\x1b[2J", "é", "e\u0301", "\ufeff"],
    *["=1+1", "1|0", "1;0", "9" * 5000, "a/" * 500, "058Y", "1e400", "nan", "<b>", "$(x)", "{0}"],
]
_odd = st.sampled_from(ODD)
_cell = _odd | st.text(max_size=12)
_label = st.sampled_from(["1", "0"]) | _odd
_row = st.tuples(_cell, _label, *[_cell] * 7)


def listed(folder, data: bytes, **changes) -> pd.DataFrame | None:
    """The images of a table with this content; None if it is refused."""
    path = folder / "mine.csv"
    path.write_bytes(data)
    dataset = MINE | {"path": str(path)} | changes
    start = time.thread_time()
    try:
        images = list_images("mine", dataset, folder / "data", folder)
    except UserError as error:
        assert str(error).startswith("datasets.mine.")
        images = None
    else:
        assert (images["row"].map(int) >= 2).all()
        usable = images[images["reason"] == ""]
        assert set(usable["label"]) <= {"0", "1"}
        assert usable["path"].is_unique
        assert all(text.isprintable() or ord(min(text)) >= 32 for text in usable["path"])
        seen = {os.path.abspath(folder / file) for file in watched(dataset)}  # noqa: PTH100
        assert {os.path.abspath(folder / file) for file in usable["path"]} <= seen  # noqa: PTH100
    assert time.thread_time() - start < LIMIT
    return images


@fuzz(500)
@given(
    rows=st.lists(_row, min_size=1, max_size=6),
    separator=st.sampled_from(SEPARATORS),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    codec=st.sampled_from(CODECS),
    named=st.sampled_from([None, "windows-1252", "shift_jis", "mac-roman"]),
    findings=st.sampled_from([None, "|", ";"]),
    normal=st.sampled_from([None, "No Finding"]),
)
def test_odd_cells(tmp_path_factory, rows, separator, ending, codec, named, findings, normal):
    """Each cell comes back as it was written, whatever it holds; no label is another's."""
    file = io.StringIO()
    csv.writer(file, delimiter=separator, lineterminator=ending).writerows([HEADER, *rows])
    data = file.getvalue().encode(codec, "replace")
    folder = tmp_path_factory.getbasetemp()
    columns = {"normal": normal}
    images = listed(folder, data, encoding=named, label_separator=findings, columns=columns)
    if images is None or normal or findings or codec not in ("utf-8", "utf-8-sig", "utf-16"):
        return
    written = {named_file(folder, row[0].strip()): set() for row in rows}
    for row in rows:
        written[named_file(folder, row[0].strip())].add(row[1].strip())
    for row in images[images["reason"] == ""].itertuples():
        cells = written[os.path.abspath(folder / row.path)]  # noqa: PTH100
        assert cells <= {row.label, f"{row.label}.0"}


_text = st.text('",;\t|\r\n\0 path label01é', max_size=200)


@fuzz(500)
@given(st.binary(max_size=300) | _text.map(str.encode))
def test_any_bytes(tmp_path_factory, data):
    listed(tmp_path_factory.getbasetemp(), data)
    listed(tmp_path_factory.getbasetemp(), b"path,label\na,1\nb,0\n" + data)


@fuzz(300)
@given(
    table=st.sampled_from(["split", "boxes", "predictions", "manifest"]),
    cells=st.lists(st.lists(_cell, min_size=13, max_size=13), max_size=4),
)
def test_tables_by_their_schemas(tmp_path_factory, table, cells):
    """What a schema lets pass comes back from the disk as it was."""
    names = tables.columns(table)[:13]
    frame = pd.DataFrame([row[: len(names)] for row in cells], columns=names, dtype=str)
    path = tmp_path_factory.getbasetemp() / f"{table}.csv"
    frame.to_csv(path, index=False)
    try:
        read = tables.read_table(path, table)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert len(read) <= len(frame)


JUDGED = pd.DataFrame({"id": ["a.png", "1", "nan"], "label": [1, 0, 1]})
_rating = st.sampled_from(["1", "5", "3"]) | _odd


@fuzz(300)
@given(
    rows=st.lists(st.tuples(st.sampled_from(["mine", "", "é"]), _odd, _rating), max_size=4),
    separator=st.sampled_from(SEPARATORS),
    rest=st.binary(max_size=40),
)
def test_odd_readers(tmp_path_factory, rows, separator, rest):
    """A rating is that of its image, and 1 to 5; anything else is refused in words."""
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows([("dataset", "id", "rating"), *rows])
    path = tmp_path_factory.getbasetemp() / "anna.csv"
    path.write_bytes(file.getvalue().encode("utf-8", "replace") + rest)
    try:
        read = read_ratings(path, "mine", JUDGED)
    except UserError as error:
        assert str(path) in str(error)
    else:
        assert read["id"].is_unique
        assert read["rating"].between(1, 5).all()
        if not rest:
            given = {name: rating for place, name, rating in rows if place == "mine"}
            assert dict(zip(read["id"], read["rating"].astype(str), strict=True)) == given
