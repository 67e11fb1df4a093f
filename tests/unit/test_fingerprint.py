import os
import time

import pytest

from cxr.fingerprint import files_below, fingerprint, watched


@pytest.fixture
def folder(tmp_path):
    for name in ("effusion/e0.png", "effusion/deep/e1.png", "normal/n0.png"):
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")
    return tmp_path / "set"


def add(folder):
    (folder / "effusion" / "deep" / "new.png").write_bytes(b"image")


def delete(folder):
    (folder / "normal" / "n0.png").unlink()


def rename(folder):
    (folder / "normal" / "n0.png").rename(folder / "normal" / "n1.png")


def grow(folder):
    path = folder / "normal" / "n0.png"
    status = path.stat()
    path.write_bytes(b"longer image")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touch(folder):
    path = folder / "normal" / "n0.png"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))


@pytest.mark.parametrize("change", [add, delete, rename, grow, touch])
def test_every_change_shows(folder, change):
    before = fingerprint(folder)
    assert before == fingerprint(str(folder))
    change(folder)
    assert fingerprint(folder) != before


def test_hidden_files_do_not_matter(folder):
    before = fingerprint(folder)
    (folder / ".DS_Store").write_bytes(b"litter")
    (folder / ".cache").mkdir()
    (folder / ".cache" / "x.png").write_bytes(b"litter")
    assert fingerprint(folder) == before


def test_order_of_paths_does_not_matter_but_their_split_does(folder):
    effusion, normal = folder / "effusion", folder / "normal"
    assert fingerprint([effusion, normal]) == fingerprint([normal, effusion])
    assert fingerprint([effusion, normal]) != fingerprint([effusion])


def test_missing_then_there(tmp_path):
    path = tmp_path / "later.csv"
    before = fingerprint([path])
    assert before == fingerprint([path])
    path.write_text("a")
    one = fingerprint([path])
    path.write_text("ab")
    assert len({before, one, fingerprint([path])}) == 3


def test_links_are_followed_once(folder, tmp_path):
    (folder / "normal" / "loop").symlink_to(folder, target_is_directory=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "n9.png").write_bytes(b"image")
    (folder / "normal" / "linked").symlink_to(elsewhere, target_is_directory=True)
    found = [os.path.relpath(path, folder) for path in files_below(folder)]
    assert sorted(found) == [
        "effusion/deep/e1.png",
        "effusion/e0.png",
        "normal/linked/n9.png",
        "normal/n0.png",
    ]


def test_broken_link_and_odd_name(folder):
    (folder / "normal" / "gone.png").symlink_to(folder / "nowhere")
    with open(os.fsencode(folder) + b"/normal/\xff\n.png", "wb"):  # noqa: PTH123
        pass
    assert len(list(files_below(folder))) == 5
    assert len(fingerprint(folder)) == 32


def test_a_link_to_itself_is_a_file(folder):
    loop = folder / "loop.png"
    loop.symlink_to(loop)
    assert str(loop) in files_below(folder)
    assert fingerprint(folder) == fingerprint(folder)


def test_thousands_of_files_take_no_time(tmp_path):
    for i in range(3000):
        (tmp_path / f"{i}.png").touch()
    start = time.perf_counter()
    fingerprint(tmp_path)
    assert time.perf_counter() - start < 1


def test_watched_folders_of_each_source(tmp_path):
    classes = {"effusion": "e", "normal": "deep/n"}
    folder = {"source": "folder", "path": str(tmp_path), "classes": classes}
    assert watched(folder) == [tmp_path / "e", tmp_path / "deep/n"]
    nih = {"source": "nih", "images": "i", "labels": "l.csv", "boxes": None}
    assert [str(path) for path in watched(nih)] == ["i", "l.csv"]
    archived = nih | {"images": None, "train_val_list": "train.txt", "test_list": "test.txt"}
    assert [str(path) for path in watched(archived)] == ["l.csv", "train.txt", "test.txt"]
    assert watched({"source": "archive", "classes": classes}) == []
    assert watched({"source": "phantom"}) == []


def test_watched_table_names_its_images(tmp_path):
    table = tmp_path / "list.csv"
    dataset = {"source": "table", "path": str(table), "columns": {"path": "file", "mask": None}}
    assert watched(dataset) == [str(table)]  # not there yet
    table.write_text("file,mask,label\na.png,m/a.png,1\n/abs/b.png,,0\n")
    expected = [tmp_path / name for name in ("a.png", "list.csv", "m/a.png")]
    assert watched(dataset) == ["/abs/b.png", *map(str, expected)]
    before = fingerprint(watched(dataset))
    (tmp_path / "unrelated.png").touch()
    assert fingerprint(watched(dataset)) == before
    (tmp_path / "a.png").touch()
    assert fingerprint(watched(dataset)) != before


def test_watched_table_in_another_encoding_and_from_windows(tmp_path):
    table = tmp_path / "list.csv"
    dataset = {"source": "table", "path": str(table), "encoding": "windows-1252"}
    table.write_bytes("path;label\nsüd\\a.png;1\n".encode("windows-1252"))
    assert watched(dataset) == [str(table), str(tmp_path / "süd/a.png")]


def test_a_path_that_no_file_can_have_counts_as_missing(tmp_path):
    assert fingerprint([tmp_path / "nul\0.png"])
