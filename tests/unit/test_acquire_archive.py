import hashlib
import io
import json
import zipfile

import pytest

from acquire_archive import acquire_archive
from cxr.errors import UserError


def make_zip(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in names:
            opened.writestr(zipfile.ZipInfo(name), name)
    return file.getvalue()


def place(tmp_path, *contents):
    """Place archives by hand, a.zip, b.zip...; what `acquire_archive` is called with."""
    (tmp_path / "downloads").mkdir(exist_ok=True)
    archives = []
    for letter, data in zip("abc", contents, strict=False):
        (tmp_path / f"downloads/{letter}.zip").write_bytes(data)
        archive = {
            "folder": letter if len(contents) > 1 else "",
            "url": f"https://host.invalid/{letter}.zip",
            "sha256": hashlib.sha256(data).hexdigest(),
            "key": f"datasets.mine.{letter}",
        }
        archives.append(archive)
    return {
        "archives": archives,
        "folder": tmp_path / "mine",
        "downloads": tmp_path / "downloads",
    }


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_archive_fills_the_folder(tmp_path):
    data = make_zip("x/effusion/e0.png", "x/normal/n0.png")
    call = place(tmp_path, data)
    acquire_archive(**call)
    assert names(tmp_path / "mine") == [
        "acquired.json",
        "effusion/e0.png",
        "files.csv",
        "normal/n0.png",
    ]
    assert json.loads((tmp_path / "mine" / "acquired.json").read_text()) == {
        "source": "archive",
        "archives": [
            {
                "folder": "",
                "url": "https://host.invalid/a.zip",
                "sha256": hashlib.sha256(data).hexdigest(),
            }
        ],
        "files": 2,
    }
    assert names(tmp_path / "downloads") == ["a.zip"]
    assert (tmp_path / "downloads" / "a.zip").read_bytes() == data


def test_several_archives_fill_a_folder_each(tmp_path):
    acquire_archive(**place(tmp_path, make_zip("x/1.png", "x/2.png"), make_zip("x/1.png")))
    assert names(tmp_path / "mine") == [
        *("a/1.png", "a/2.png", "acquired.json", "b/1.png", "files.csv"),
    ]
    acquire_archive(**place(tmp_path, make_zip("x/3.png", "x/2.png"), make_zip("x/4.png")))
    assert names(tmp_path / "mine")[:2] == ["a/2.png", "a/3.png"]


def test_nothing_is_unpacked_before_all_archives_are_verified(tmp_path, monkeypatch):
    call = place(tmp_path, make_zip("1.png"), make_zip("2.png"))
    call["archives"][1]["sha256"] = "0" * 64
    monkeypatch.setattr("acquire_archive.unpack", None)
    with pytest.raises(UserError, match=r"datasets\.mine\.b"):
        acquire_archive(**call)
    assert names(tmp_path) == ["downloads/a.zip", "downloads/b.zip"]


def test_a_wrong_checksum_names_its_key_and_leaves_everything(tmp_path):
    call = place(tmp_path, make_zip("normal/n0.png", "effusion/e0.png"))
    acquire_archive(**call)
    before = names(tmp_path)
    call["archives"][0]["sha256"] = "0" * 64
    with pytest.raises(UserError, match=r"datasets\.mine\.a"):
        acquire_archive(**call)
    assert names(tmp_path) == before


def test_an_unsafe_archive_leaves_the_folder_as_it_was(tmp_path):
    acquire_archive(**place(tmp_path, make_zip("normal/n0.png", "effusion/e0.png")))
    before = names(tmp_path)
    with pytest.raises(UserError, match="leads outside"):
        acquire_archive(**place(tmp_path, make_zip("normal/n0.png", "../x.png")))
    assert names(tmp_path) == before


def test_a_damaged_archive_leaves_no_folder(tmp_path):
    data = make_zip("normal/n0.png", "effusion/e0.png")
    data = data.replace(b"effusion/e0.pngeff", b"effusion/e0.pngEFF")
    with pytest.raises(UserError, match=r"a\.zip: 'effusion/e0.png' cannot be read"):
        acquire_archive(**place(tmp_path, data))
    assert names(tmp_path) == ["downloads/a.zip"]
    assert not (tmp_path / "mine").exists()
