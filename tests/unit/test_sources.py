import itertools
import os
import re
from pathlib import Path

import pytest
import yaml

from cxr import sources
from cxr.config import load
from cxr.errors import UserError
from cxr.images import printable
from cxr.sources.common import years_of
from nih import label_table
from xrays import write_folder

CLASSES = {"effusion": "effusion", "normal": "normal"}
DOCS = Path(__file__).resolve().parents[2] / "docs/datasets.md"


def folder_set(path, **changes):
    return {
        "source": "folder",
        "path": str(path),
        "classes": CLASSES,
        "patient_pattern": None,
        **changes,
    }


def table_set(path, **changes):
    return {
        "source": "table",
        "path": str(path),
        "root": None,
        "encoding": None,
        "columns": {},
        "effusion": "1",
        "normal": "0",
        "label_separator": None,
        "patient_pattern": None,
        **changes,
    }


def listed(dataset, root, folder="nowhere"):
    return sources.list_images("mine", dataset, root / folder, root)


def message(dataset, root, folder="nowhere"):
    with pytest.raises(UserError) as error:
        listed(dataset, root, folder)
    return str(error.value)


@pytest.fixture
def xrays(tmp_path):
    return write_folder(tmp_path / "xrays", effusion=11, normal=3)


def test_folder_lists_effusions_first_in_natural_order(xrays, tmp_path):
    images = listed(folder_set(xrays), tmp_path)
    assert list(images["path"]) == [
        *(f"xrays/effusion/e{i}.png" for i in range(11)),
        *(f"xrays/normal/n{i}.png" for i in range(3)),
    ]
    assert list(images["label"]) == ["1"] * 11 + ["0"] * 3
    assert (images[["patient", "age", "sex", "view", "mask", "subset", "reason"]] == "").all().all()


def test_paths_outside_the_project_are_absolute(xrays, tmp_path):
    images = sources.list_images("mine", folder_set(xrays), tmp_path, tmp_path / "project")
    assert images["path"][0] == f"{xrays}/effusion/e0.png"


def test_folder_path_relative_to_the_project(xrays, tmp_path):
    assert listed(folder_set("xrays"), tmp_path)["path"][0] == "xrays/effusion/e0.png"


def test_archive_with_nested_class_folders(xrays, tmp_path):
    (xrays / "deep").mkdir()
    (xrays / "normal").rename(xrays / "deep" / "healthy")
    classes = {"effusion": "effusion", "normal": "deep/healthy"}
    dataset = {"source": "archive", "classes": classes, "patient_pattern": None}
    images = listed(dataset, tmp_path, "xrays")
    assert images["path"].iloc[-1] == "xrays/deep/healthy/n2.png"


def test_files_that_are_no_images_do_not_count_but_unsupported_ones_do(xrays, tmp_path):
    (xrays / "effusion" / "notes.txt").write_text("hello")
    (xrays / "effusion" / "scan.gif").write_text("GIF")
    (xrays / "effusion" / ".DS_Store").write_text("hidden")
    images = listed(folder_set(xrays), tmp_path).set_index("path")
    assert len(images) == 16
    assert images["reason"]["xrays/effusion/notes.txt"] == "not an image file"
    assert images["label"]["xrays/effusion/notes.txt"] == ""
    assert images["label"]["xrays/effusion/scan.gif"] == "1"


def test_dicom_files_are_known_by_what_they_begin_with(xrays, tmp_path):
    head = bytes(128) + b"DICM"
    for name in ("IM0001", "1.2.840.113619", "scan.DCM", "DICOMDIR", "notes.txt"):
        (xrays / "effusion" / name).write_bytes(head)
    (xrays / "effusion" / "LICENSE").write_text("hello")
    os.mkfifo(xrays / "effusion" / "pipe")
    images = listed(folder_set(xrays), tmp_path)
    found = {Path(path).name for path in images["path"][images["label"] == "1"]}
    assert found == {f"e{i}.png" for i in range(11)} | {"IM0001", "1.2.840.113619", "scan.DCM"}


@pytest.mark.parametrize("name", [b"line\nbreak.png", b"\xff\xfe.png", b"tab\t.png"])
def test_names_that_would_break_tables_are_refused(xrays, tmp_path, name):
    with open(os.fsencode(xrays) + b"/normal/" + name, "wb"):  # noqa: PTH123
        pass
    images = listed(folder_set(xrays), tmp_path)
    assert list(images["reason"].str.contains("rename it")).count(True) == 1
    bad = images["path"][images["reason"] != ""].iloc[0]
    assert printable(bad).isprintable()


def test_quotes_commas_and_unicode_are_fine(xrays, tmp_path):
    (xrays / "normal" / 'a "b", ä 肺.png').write_bytes(b"")
    assert (listed(folder_set(xrays), tmp_path)["reason"] == "").all()


def test_missing_class_folder_names_the_likely_one(xrays, tmp_path):
    (xrays / "effusion").rename(xrays / "Effusion")
    text = message(folder_set(xrays), tmp_path)
    assert "datasets.mine.classes.effusion" in text
    assert "Did you mean 'Effusion'? " in text


def test_empty_class_folder(xrays, tmp_path):
    for path in (xrays / "normal").iterdir():
        path.unlink()
    (xrays / "normal" / "readme.txt").write_text("nothing here")
    text = message(folder_set(xrays), tmp_path)
    assert f"datasets.mine.classes.normal: {xrays}/normal holds no image" in text


def test_missing_folder(tmp_path):
    assert f"datasets.mine.path: there is no folder {tmp_path}/x" in message(
        folder_set("x"), tmp_path
    )


def test_patients_from_names(xrays, tmp_path):
    images = listed(folder_set(xrays, patient_pattern=r"^(.\d)"), tmp_path)
    assert list(images["patient"][9:12]) == ["e9", "e1", "n0"]  # e10 is taken for e1


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"e(\d+)", "finds no patient in 3 of 14 file names, such as n0.png"),
        (r"e(\d+", "is no regular expression"),
        (r"e\d+", "needs one group"),
    ],
)
def test_patterns_that_do_not_fit(xrays, tmp_path, pattern, expected):
    text = message(folder_set(xrays, patient_pattern=pattern), tmp_path)
    assert text.startswith("datasets.mine.patient_pattern: ")
    assert expected in text


def test_phantom_has_facts_and_masks(tmp_path):
    folder = write_folder(tmp_path / "data/phantom", effusion=2, normal=1)
    (folder / "labels.csv").write_text(
        "path,label,patient,age,sex,view,mask,severity\n"
        "effusion/e1.png,1,P2,60,F,PA,masks/e1.png,0.5\n"
        "effusion/e0.png,1,P1,50,M,AP,masks/e0.png,0.5\n"
        "normal/n0.png,0,P1,51,M,AP,,\n"
        "normal/n7.png,0,P9,51,M,AP,,\n"  # deleted by hand
    )
    images = listed({"source": "phantom"}, tmp_path, "data/phantom")
    assert list(images["path"].map(os.path.basename)) == ["e0.png", "e1.png", "n0.png"]
    assert list(images["patient"]) == ["P1", "P2", "P1"]
    assert list(images["age"]) == ["50", "60", "51"]
    assert list(images["mask"]) == [
        "data/phantom/masks/e0.png",
        "data/phantom/masks/e1.png",
        "",
    ]


def write(path, text):
    path.write_text(text)
    return path


def test_table_with_our_own_names(tmp_path):
    table = write(
        tmp_path / "list.csv",
        "path,label,patient,age,sex,view,mask,subset,other\n"
        "n.png,0,007,058Y,female,pa,,test,x\n"
        "e.png, 1.0 ,NA,411,M,AP,m/e.png,train,x\n",
    )
    images = listed(table_set(table), tmp_path)
    assert images.to_dict("records") == [
        {
            "path": "e.png",
            "label": "1",
            "patient": "NA",
            "age": "",
            "sex": "M",
            "view": "AP",
            "mask": "m/e.png",
            "subset": "train",
            "row": "3",
            "reason": "",
        },
        {
            "path": "n.png",
            "label": "0",
            "patient": "007",
            "age": "58",
            "sex": "F",
            "view": "PA",
            "mask": "",
            "subset": "test",
            "row": "2",
            "reason": "",
        },
    ]


def test_table_with_mapped_names_and_labels(tmp_path):
    table = write(tmp_path / "list.csv", "file,finding,who\ne.png,fluid,A\n/abs/n.png,none,B\n")
    (tmp_path / "xrays").mkdir()
    columns = {"path": "file", "label": "finding", "patient": "who", "age": None}
    dataset = table_set(table, columns=columns, effusion="fluid", normal="none", root="xrays")
    images = listed(dataset, tmp_path)
    assert list(images["path"]) == ["xrays/e.png", "/abs/n.png"]
    assert list(images["patient"]) == ["A", "B"]


def test_a_file_that_is_listed_twice(tmp_path):
    rows = "e.png,1\nn.png,0\n./n.png,0\nx.png,0\na/../x.png,1\n"
    images = listed(table_set(write(tmp_path / "list.csv", "path,label\n" + rows)), tmp_path)
    assert images[["path", "label", "reason"]].to_numpy().tolist() == [
        ["e.png", "1", ""],
        ["x.png", "1", "listed with different labels"],
        ["n.png", "0", ""],
        ["n.png", "0", "listed more than once"],
        ["x.png", "0", "listed with different labels"],
    ]


@pytest.mark.parametrize(
    "name", ["9" * 5000, "a" * 300, "a/" * 3000, "~/x", "/dev/zero", "..", "<b>"]
)
def test_no_path_in_a_table_is_too_odd(tmp_path, name):
    rows = f"e.png,1\nn.png,0\n{name},0\n"
    images = listed(table_set(write(tmp_path / "list.csv", "path,label\n" + rows)), tmp_path)
    assert len(images) == 3


def test_a_missing_class_in_a_folder_that_holds_the_world(xrays, tmp_path, monkeypatch):
    (xrays / "effusion").rename(xrays / "fluid")
    monkeypatch.setattr(Path, "rglob", lambda top, _: (top for _ in itertools.count()))
    assert "classes.effusion" in message(folder_set(xrays), tmp_path)


def test_rows_that_cannot_be_used_have_reasons(tmp_path):
    rows = "e.png,1,\nn.png,0,\n\nx.png,?,\n,1,\nn.png,0,\nm.png,0,a\tb\n"
    table = write(tmp_path / "list.csv", "path,label,patient\n" + rows)
    images = listed(table_set(table), tmp_path)
    reasons = images[images["reason"] != ""].set_index("row")["reason"].to_dict()
    assert reasons == {
        "5": "the label '?' is neither effusion nor normal",
        "6": "the row has no path",
        "7": "listed more than once",
        "8": "its patient holds a control character",
    }


def labels_of(tmp_path, text, **changes):
    """The label of each image of a table by its name, or the reason why it is not used."""
    images = listed(table_set(write(tmp_path / "list.csv", text), **changes), tmp_path)
    return {
        Path(path).name: label or reason
        for path, label, reason in images[["path", "label", "reason"]].to_numpy()
    }


def test_labels_are_the_same_however_their_letters_are_coded(tmp_path):
    text = "path,label\na.png,e\u0301panchement\nb.png,n\u00e9ant\n"
    found = labels_of(tmp_path, text, effusion="\u00e9panchement", normal="ne\u0301ant")
    assert found == {"a.png": "1", "b.png": "0"}


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_a_column_of_findings(tmp_path, separator):
    rows = ["Effusion", "Mass|Effusion", "Normal", "Mass", "Normal|Mass", "Normal|Effusion", ""]
    rows = [f'{i}.png\t"{row}"\n'.replace("|", f"{separator} ") for i, row in enumerate(rows)]
    found = labels_of(
        tmp_path,
        "path\tlabel\n" + "".join(rows),
        effusion="Effusion",
        normal="Normal",
        label_separator=separator,
    )
    assert [found.pop(f"{i}.png") for i in range(3)] == ["1", "1", "0"]
    assert found == {
        "3.png": "the label 'Mass' is neither effusion nor normal",
        "4.png": f"the label 'Normal{separator} Mass' is neither effusion nor normal",
        "5.png": f"the label 'Normal{separator} Effusion' is both effusion and normal",
        "6.png": "the label '' is neither effusion nor normal",
    }


def test_a_column_for_each_finding(tmp_path):
    """As CheXpert's: 1 is seen, 0 is not, -1 is uncertain, empty is not mentioned."""
    cells = ["1.0,", "1.0,0.0", "0.0,1.0", ",1.0", "-1.0,1.0", "1.0,1.0", ",", "0.0,", "-1.0,"]
    rows = "".join(f"{i}.png,{row}\n" for i, row in enumerate(cells))
    found = labels_of(
        tmp_path,
        "path,Pleural Effusion,No Finding\n" + rows,
        columns={"label": "Pleural Effusion", "normal": "No Finding"},
    )
    assert [found[f"{i}.png"] for i in range(4)] == ["1", "1", "0", "0"]
    assert found["5.png"].endswith(
        "with '1.0' in the column 'No Finding' is both effusion and normal"
    )
    assert all(found[f"{i}.png"].endswith("neither effusion nor normal") for i in (4, 6, 7, 8))


def test_without_a_column_of_normal_images_0_is_normal_and_no_more(tmp_path):
    rows = "a.png,1.0\nb.png,0.0\nc.png,-1.0\nd.png,\n"
    found = labels_of(tmp_path, "path,label\n" + rows)
    assert (found["a.png"], found["b.png"]) == ("1", "0")
    assert "'-1.0' is neither" in found["c.png"]
    assert "'' is neither" in found["d.png"]


def test_paths_written_on_windows(tmp_path):
    (tmp_path / "odd\\name.png").touch()  # a name that Linux allows
    rows = "a\\e.png,1\nodd\\name.png,0\n"
    images = listed(table_set(write(tmp_path / "list.csv", "path,label\n" + rows)), tmp_path)
    assert list(images["path"]) == ["a/e.png", "odd\\name.png"]


def test_cells_that_mean_nothing_are_told(tmp_path, capsys):
    rows = 'e.png,1,"64,5",M\nn.png,0,old,?\n'
    images = listed(table_set(write(tmp_path / "l.csv", "path,label,age,sex\n" + rows)), tmp_path)
    assert list(images["age"]) == ["64.5", ""]
    said = capsys.readouterr().out
    assert "age: 1 cell without a meaning, such as 'old': left empty" in said
    assert "sex: 1 cell without a meaning, such as '?': left empty" in said


def test_patients_of_folders(tmp_path):
    rows = "p1/a/1.png,1\np2/a/1.png,0\n"
    table = write(tmp_path / "list.csv", "path,label\n" + rows)
    images = listed(table_set(table, patient_pattern=r"(p\d+)/a/"), tmp_path)
    assert list(images["patient"]) == ["p1", "p2"]
    text = message(table_set(table, patient_pattern=r"(p1)/"), tmp_path)
    assert re.search("finds no patient in 1 of 2 paths, such as .*/p2/a/1.png", text)


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        (
            "path,labels\ne.png,1\n",
            {},
            ["datasets.mine.columns.label", "no column 'label'. Did you mean 'labels'?"],
        ),
        (
            "path,label\ne.png,1\n",
            {"columns": {"patient": "pid"}},
            ["datasets.mine.columns.patient", "no column 'pid'"],
        ),
        (
            "path,label\ne.png,1\nn.png,2\n",
            {},
            ["datasets.mine.normal", "has the label '0'. Labels in it: '1', '2'"],
        ),
        ("path,label\n", {}, ["datasets.mine.effusion", "Labels in it: none"]),
        (
            "path,label,subset\ne.png,1,val\nn.png,0,train\n",
            {},
            ["datasets.mine.columns.subset", "the subset 'val'. Allowed: train, validation, test"],
        ),
        ("path,label\n", {"root": "none"}, ["datasets.mine.root", "there is no folder"]),
        ("", {}, ["datasets.mine.path", "list.csv: the file is empty"]),
    ],
)
def test_mistakes_in_a_table(tmp_path, text, changes, expected):
    text = message(table_set(write(tmp_path / "list.csv", text), **changes), tmp_path)
    for part in expected:
        assert part in text


@pytest.mark.parametrize(
    ("given", "years"),
    [
        ("57", "57"),
        ("57.0", "57"),
        ("3.5", "3.5"),
        ("058Y", "58"),
        ("018M", "1"),
        ("006M", "0"),
        ("010D", "0"),
        ("120", "120"),
        ("121", ""),
        ("-1", ""),
        ("", ""),
        ("old", ""),
        ("9" * 5000 + "M", ""),
    ],
)
def test_years(given, years):
    assert years_of(given) == years


SNIPPETS = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_the_snippets_of_the_docs_work(tmp_path, snippet):
    for pair in ("xrays", "data/mine"):
        write_folder(tmp_path / pair, effusion=1, normal=1)
    classes = ("xrays/fluid/17_a", "xrays/controls/healthy/18_a")
    release = [f"{folder}/{name}" for folder in ("nih/images", "data/nih") for name in "12"]
    for name in (*classes, *release):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.png").write_bytes(b"image")
    write(tmp_path / "xrays.csv", re.search(r"```csv\n(.*?)```", DOCS.read_text(), re.DOTALL)[1])
    rows = "a.png,pleural effusion,1\nb.png,healthy,2\n"
    write(tmp_path / "list.csv", "file,diagnosis,pid\n" + rows)
    rows = "a.png,Cardiomegaly|Effusion\nb.png,No Finding\n"
    write(tmp_path / "findings.csv", "path,findings\n" + rows)
    rows = "patient1/a.jpg,Male,50,,1.0\npatient2/b.jpg,Female,51,1.0,\n"
    write(tmp_path / "train.csv", "Path,Sex,Age,No Finding,Pleural Effusion\n" + rows)
    rows = [("1", "Effusion", "50", "PA"), ("2", "No Finding", "50", "PA")]
    for name in ("Data_Entry_2017", "Data_Entry_2017_v2020"):
        write(tmp_path / f"nih/{name}.csv", label_table(*rows))
    write(tmp_path / "nih/BBox_List_2017.csv", "Image Index,Finding Label,Bbox [x,y,w,h]\n")
    write(tmp_path / "nih/train_val_list.txt", "1.png\n")
    write(tmp_path / "nih/test_list.txt", "2.png\n")

    shipped = yaml.safe_load((DOCS.parents[1] / "config.yaml").read_text(encoding="utf-8"))
    mine = yaml.safe_load(snippet)
    shipped["datasets"] |= mine["datasets"]
    config = load(shipped | {"dataset": mine["dataset"]}, tmp_path)
    name = config["dataset"]
    images = sources.list_images(name, config["datasets"][name], tmp_path / "data" / name, tmp_path)
    assert set(images["label"]) == {"0", "1"}
    assert (images["reason"] == "").all()
