import jsonschema
import numpy as np
import pandas as pd
import pytest

from cxr import tables
from cxr.errors import UserError

NAMES = sorted(path.name.split(".")[0] for path in tables.SCHEMAS.glob("*.schema.yaml"))
OTHERS = ("config", "metrics", "model", "reference", "run")  # no tables
TABLES = [name for name in NAMES if name not in OTHERS]
FILES = {"predicted": "predictions.csv"}  # where a file's name is not that of its schema


def test_there_are_schemas():
    assert {
        "boxes",
        "comparison",
        "history",
        "manifest",
        "predictions",
        "rejected",
        "split",
    } <= set(TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_schemas_are_sound_and_tell_what_each_column_is(table):
    schema = tables.load_schema(table)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"] == FILES.get(table, f"{table}.csv")
    assert set(schema["required"]) <= set(schema["properties"])
    for column in schema["properties"].values():
        assert column["description"].endswith(".")
        assert column["type"]


def test_manifest_begins_with_the_columns_of_the_contract():
    contract = "id,path,label,class,patient,age,sex,view,width,height,bit_depth,sha256,mask"
    assert tables.columns("manifest") == [*contract.split(","), "subset", "flags"]


MANIFEST = {
    "id": "007",
    "path": 'a "quoted", name/NA.png',
    "label": "1",
    "class": "effusion",
    "patient": "0012",
    "age": "",
    "sex": "",
    "view": "PA",
    "width": "64",
    "height": "48",
    "bit_depth": "8",
    "sha256": "0" * 64,
    "mask": "",
}


def test_cells_are_read_as_the_schema_says(tmp_path):
    second = {**MANIFEST, "id": "NA", "age": "57", "label": "0", "class": "normal"}
    path = tmp_path / "manifest.csv"
    tables.write_table(pd.DataFrame([MANIFEST, second]), path, "manifest")
    read = tables.read_table(path, "manifest")
    assert list(read["id"]) == ["007", "NA"]
    assert list(read["patient"]) == ["0012", "0012"]
    assert read["path"][0] == MANIFEST["path"]
    assert list(read["label"]) == [1, 0]
    assert read["label"].dtype == np.int64
    assert np.isnan(read["age"][0])
    assert read["age"][1] == 57


def test_writing_sorts_columns_drops_others_and_refuses_gaps(tmp_path):
    path = tmp_path / "split.csv"
    frame = pd.DataFrame({"extra": [1], "subset": ["test"], "id": ["a"]})
    tables.write_table(frame, path, "split")
    assert path.read_text() == "id,subset\na,test\n"
    with pytest.raises(ValueError, match="no column subset"):
        tables.write_table(frame[["id"]], path, "split")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,subset\na,train\nb,testing\n", "row 3, column subset: 'testing' (allowed: train,"),
        ("id,Subset\na,train\n", "no column 'subset'. Did you mean 'Subset'?"),
        ("id,subset\n,train\n", "row 2, column id: ''"),
        ("", "the file is empty"),
        ('id,subset\na,"train\nb,test\n', "not a proper CSV"),
        ("id,subset\na,b,train\n", "rows have more cells than the header"),
        ("id,subset\na,train\nb,c,train\n", "Expected 2 fields in line 3, saw 3"),
        ("id,subset,subset\na,train,test\n", "two columns 'subset'"),
        ("\n\n", "the file is empty"),
        ("id subset\na train\n", "no column 'id'"),
        ("\0" * 100, "not UTF-8 text"),
        ("id,subset\na,tr\0ain\n", "row 2, column subset: 'tr\\x00ain'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, text, expected):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        tables.read_table(path, "split")
    assert expected in str(error.value)
    assert str(path) in str(error.value)


def test_numbers_out_of_range_are_named(tmp_path):
    path = tmp_path / "predictions.csv"
    rows = [f"i{i},test,{i % 2},{value}" for i, value in enumerate([0.5, 1.5, "high", -1, 2, 3, 4])]
    path.write_text("\n".join(["id,subset,label,probability", *rows]))
    with pytest.raises(UserError) as error:
        tables.read_table(path, "predictions")
    assert "row 3, column probability: '1.5' (expected a number from 0 to 1)" in str(error.value)
    assert "row 4, column probability: 'high'" in str(error.value)
    assert "and 1 more" in str(error.value)


def test_files_that_are_no_tables(tmp_path):
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"id,subset\n\xff\xfe,\x81\n")
    for path, expected in [
        (tmp_path / "none.csv", "there is no such file"),
        (tmp_path, "is a folder"),
        (binary, "not UTF-8 text. Save it as CSV UTF-8, or name the `encoding`"),
    ]:
        with pytest.raises(UserError, match=expected) as error:
            tables.read_csv(path, "datasets.mine.path")
        assert str(error.value).startswith(f"datasets.mine.path: {path}: ")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_separators_and_encodings(tmp_path, separator, encoding):
    rows = ["path,label", "süd/a b.png,'1'", "", ",", "é.png,0", ""]
    text = "\r\n".join(rows).replace(",", separator).replace("'", '"')
    path = tmp_path / "mine.csv"
    path.write_bytes(text.encode(encoding))
    read = tables.read_csv(path, encoding=encoding if encoding == "windows-1252" else None)
    assert read.to_dict() == {
        "path": {0: "süd/a b.png", 3: "é.png"},  # the third and fourth rows are empty
        "label": {0: "1", 3: "0"},
    }


def test_a_separator_in_quotes_is_none(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('path;"age, sex, view"\na,b.png;"60, M, PA"\n')
    assert tables.read_csv(path).to_numpy().tolist() == [["a,b.png", "60, M, PA"]]


def test_the_wrong_encoding_is_never_taken(tmp_path):
    """Text that is read in a wrong encoding names other patients and files."""
    path = tmp_path / "mine.csv"
    text = "id,subset\nmüller,train\n"
    for written, named, expected in [
        ("utf-8", "windows-1252", "not windows-1252 text. Leave `encoding` out"),
        ("utf-16", "windows-1252", "not windows-1252 text. Leave `encoding` out"),
        ("utf-16-le", None, "not UTF-8 text"),
        ("utf-32", None, "not UTF-8 text"),
        ("windows-1252", None, "not UTF-8 text"),
        ("windows-1252", "shift_jis", "not shift_jis text"),
    ]:
        path.write_bytes(text.encode(written))
        with pytest.raises(UserError, match=expected):
            tables.read_csv(path, encoding=named)


@pytest.mark.parametrize("start", tables._WORKBOOKS)
def test_workbooks_have_to_be_saved_as_text(tmp_path, start):
    path = tmp_path / "mine.xlsx"
    path.write_bytes(start + bytes(range(256)))
    for encoding in (None, "windows-1252"):
        with pytest.raises(
            UserError, match=r"Excel .* workbook\. Save its sheet there as CSV UTF-8"
        ):
            tables.read_csv(path, encoding=encoding)
