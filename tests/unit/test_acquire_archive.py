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


def place(tmp_path, data):
    """Place an archive by hand; what `acquire_archive` is called with."""
    (tmp_path / "downloads").mkdir(exist_ok=True)
    (tmp_path / "downloads" / "a.zip").write_bytes(data)
    return {
        "url": "https://host.invalid/a.zip",
        "sha256": hashlib.sha256(data).hexdigest(),
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
        "url": call["url"],
        "sha256": call["sha256"],
        "files": 2,
    }
    assert names(tmp_path / "downloads") == ["a.zip"]
    assert (tmp_path / "downloads" / "a.zip").read_bytes() == data


def test_a_wrong_checksum_names_its_key_and_leaves_everything(tmp_path):
    call = place(tmp_path, make_zip("normal/n0.png", "effusion/e0.png"))
    acquire_archive(**call)
    before = names(tmp_path)
    with pytest.raises(UserError, match=r"datasets\.mine\.sha256"):
        acquire_archive(**{**call, "sha256": "0" * 64})
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
