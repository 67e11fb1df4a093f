import contextlib
import hashlib
import http.server
import io
import socket
import stat
import tarfile
import threading
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr import archive
from cxr.errors import UserError

IMAGES = {"xrays/effusion/e0.png": b"one" * 1000, "xrays/normal/n0.png": b"two" * 1000}
PLACED = {name.removeprefix("xrays/"): data for name, data in IMAGES.items()}


def zip_bytes(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in members:
            # ZipInfo keeps a name as it stands; ZipFile.writestr(str) cuts it at a NUL
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            opened.writestr(info, data)
    return file.getvalue()


def tar_bytes(members, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=tarfile.PAX_FORMAT) as opened:
        for name, data in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(data)
            opened.addfile(info, io.BytesIO(data))
    return file.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }


def unpacked(data, tmp_path):
    (tmp_path / "a.bin").write_bytes(data)
    archive.unpack(tmp_path / "a.bin", tmp_path / "out")
    return tree(tmp_path / "out")


def refusal(data, tmp_path):
    """The message with which an archive is refused before anything is written."""
    (tmp_path / "a.bin").write_bytes(data)
    with pytest.raises(UserError) as error:
        archive.unpack(tmp_path / "a.bin", tmp_path / "out")
    assert tree(tmp_path) == {"a.bin": data}
    assert str(tmp_path / "a.bin") in str(error.value)
    return str(error.value)


# Unpacking what is sound


@pytest.mark.parametrize(
    "data",
    [
        zip_bytes(IMAGES.items()),
        *(tar_bytes(IMAGES.items(), mode) for mode in ("w", "w:gz", "w:bz2", "w:xz")),
    ],
    ids=["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"],
)
def test_every_kind_is_told_by_its_content_and_its_top_folder_stripped(data, tmp_path):
    assert unpacked(data, tmp_path) == PLACED


def test_without_a_common_top_folder_nothing_is_stripped(tmp_path):
    assert unpacked(zip_bytes(PLACED.items()), tmp_path) == PLACED


def test_only_one_top_folder_is_stripped(tmp_path):
    members = [(f"a/{name}", data) for name, data in IMAGES.items()]
    assert unpacked(zip_bytes(members), tmp_path) == IMAGES


def test_a_lone_file_keeps_its_name(tmp_path):
    assert unpacked(zip_bytes([("labels.csv", b"1")]), tmp_path) == {"labels.csv": b"1"}


def test_a_tar_whose_first_name_begins_like_a_zip(tmp_path):
    assert unpacked(tar_bytes([("PK/a.png", b"1"), ("b", b"2")]), tmp_path) == {
        "PK/a.png": b"1",
        "b": b"2",
    }


def test_dots_in_paths_folders_and_litter_are_left_out(tmp_path):
    members = [
        ("./xrays/", b""),
        ("./xrays/normal//n0.png", b"1"),
        ("./xrays/empty/", b""),
        ("__MACOSX/xrays/normal/._n0.png", b"x"),
        ("xrays/.DS_Store", b"x"),
        ("xrays/normal/Thumbs.db", b"x"),
        ("xrays/normal/._n0.png", b"x"),
    ]
    assert unpacked(zip_bytes(members), tmp_path) == {"normal/n0.png": b"1"}
    assert not (tmp_path / "out" / "empty").exists()


def test_modes_are_not_taken_from_the_archive(tmp_path):
    info = tarfile.TarInfo("normal/n0.png")
    info.mode = 0o6777
    unpacked(tar_bytes([(info, b"1")]), tmp_path)
    assert stat.S_IMODE((tmp_path / "out/n0.png").stat().st_mode) & 0o7111 == 0


def test_a_folder_with_contents_is_not_unpacked_into(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.png").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        unpacked(zip_bytes(IMAGES.items()), tmp_path)
    assert tree(tmp_path / "out") == {"mine.png": b"mine"}


# Unpacking what is not

BAD_NAMES = {
    "/etc/passwd": "absolute",
    "//host/share": "absolute",
    "C:/x.png": "absolute",
    "C:\\x.png": "absolute",
    "xrays/D:x.png": "absolute",
    "../x.png": "outside",
    "xrays/../../x.png": "outside",
    "xrays/..": "outside",
    "..\\x.png": "backslash",
    "xrays\\e0.png": "backslash",
    "xrays/a\nb.png": "control",
    "xrays/a\x7f.png": "control",
    "xrays/" + "a" * 256: "255 bytes",
    "__MACOSX/../../x": "outside",
}


@pytest.mark.parametrize("make", [zip_bytes, tar_bytes])
@pytest.mark.parametrize("name", BAD_NAMES)
def test_unsafe_names_are_refused_before_anything_is_written(make, name, tmp_path):
    message = refusal(make([*IMAGES.items(), (name, b"bad")]), tmp_path)
    assert BAD_NAMES[name] in message
    assert repr(name) in message


def test_a_nul_in_a_name_is_refused(tmp_path):
    data = zip_bytes([("xrays/a#.png", b"1")]).replace(b"xrays/a#.png", b"xrays/a\0.png")
    assert "control" in refusal(data, tmp_path)


@pytest.mark.parametrize(
    "kind, reason",
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.FIFOTYPE, "device or a pipe"),
        (tarfile.CHRTYPE, "device or a pipe"),
        (tarfile.BLKTYPE, "device or a pipe"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(kind, reason, tmp_path):
    info = tarfile.TarInfo("xrays/normal")
    info.type, info.linkname = kind, "/tmp"
    assert reason in refusal(tar_bytes([(info, b""), ("xrays/normal/x", b"1")]), tmp_path)


@pytest.mark.parametrize(
    "mode, reason", [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "device or a pipe")]
)
def test_links_and_devices_in_a_zip_are_refused(mode, reason, tmp_path):
    info = zipfile.ZipInfo("xrays/normal")
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    assert reason in refusal(zip_bytes([(info, b"/tmp"), ("xrays/a", b"1")]), tmp_path)


def test_encrypted_members_are_refused(tmp_path):
    data = bytearray(zip_bytes(IMAGES.items()))
    data[data.index(b"PK\1\2") + 8] |= 1  # the first flag in the central directory
    assert "encrypted" in refusal(bytes(data), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("make", [zip_bytes, tar_bytes])
@pytest.mark.parametrize(
    "first, second",
    [
        ("a/x.png", "a/x.png"),
        ("a/x.png", "a/X.PNG"),
        ("a/x.png", "A/y.png"),
        ("a/x.png", "a/./x.png"),
        ("a/x.png", "a/x.png/y.png"),
        ("a/x.png/y.png", "a/X.png"),
        ("a/ö.png", unicodedata.normalize("NFD", "a/ö.png")),
        ("a/straße.png", "a/STRASSE.png"),
    ],
)
def test_names_that_clash_are_refused(make, first, second, tmp_path):
    message = refusal(make([(first, b"1"), ("b/z", b"2"), (second, b"3")]), tmp_path)
    assert "clashes with" in message


@pytest.mark.parametrize(
    "bound, value, reason",
    [
        ("MAX_FILES", 1, "comes after 1 files"),
        ("MAX_FILE_BYTES", 2999, "declares 3,000 bytes"),
        ("MAX_TOTAL_BYTES", 5999, "contents larger than"),
    ],
)
@pytest.mark.parametrize("make", [zip_bytes, tar_bytes])
def test_bounds(make, bound, value, reason, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, bound, value)
    assert reason in refusal(make(IMAGES.items()), tmp_path)
    monkeypatch.setattr(archive, bound, value + 1)
    assert unpacked(make(IMAGES.items()), tmp_path) == PLACED


def test_a_zip_that_holds_more_than_it_declares_is_refused(tmp_path):
    data = bytearray(zip_bytes([("a/bomb.png", b"\0" * 10**6)]))
    for header, offset in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = data.index(header) + offset
        data[start : start + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(UserError, match=r"a.bin: 'a/bomb.png' cannot be read"):
        unpacked(bytes(data), tmp_path)
    assert sum(map(len, tree(tmp_path / "out").values())) <= 1000


def test_too_little_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    usage = archive.shutil.disk_usage(tmp_path)._replace(free=5999)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda folder: usage)
    assert "Make room" in refusal(zip_bytes(IMAGES.items()), tmp_path)


@pytest.mark.parametrize(
    "data, reason",
    [
        (b"", "neither a zip nor a tar"),
        (b"<html>not found</html>" * 100, "neither a zip nor a tar"),
        (zip_bytes([]), "holds no files"),
        (tar_bytes([]), "holds no files"),
        (zip_bytes([("xrays/", b""), ("xrays/.DS_Store", b"")]), "holds no files"),
        (zip_bytes(IMAGES.items())[:-30], "damaged"),
        (zip_bytes(IMAGES.items())[:40], "damaged"),
        (tar_bytes(IMAGES.items())[:4000], "damaged"),
        (tar_bytes(IMAGES.items())[:3584], "its end is missing"),
        (tar_bytes(IMAGES.items(), "w:gz")[:100], "damaged"),
        (tar_bytes(IMAGES.items(), "w:gz")[:-4], "damaged"),
        (tar_bytes(IMAGES.items(), "w:gz")[:-8] + b"badcrc##", "damaged"),
        (tar_bytes(IMAGES.items(), "w:bz2")[:-4], "damaged"),
        (tar_bytes(IMAGES.items(), "w:xz")[:200], "damaged"),
    ],
)
def test_what_is_no_whole_archive_is_refused(data, reason, tmp_path):
    assert reason in refusal(data, tmp_path)


def test_a_damaged_member_is_named(tmp_path):
    noise = bytes(range(256)) * 20
    data = bytearray(zip_bytes([("a/good.png", b"1"), ("a/bad.png", noise)]))
    data[data.index(b"a/bad.png") + 50] ^= 0xFF
    with pytest.raises(UserError, match=r"a.bin: 'a/bad.png' cannot be read"):
        unpacked(bytes(data), tmp_path)


NAMES = st.lists(
    st.sampled_from(["..", ".", "", "a", "A", "ö", "effusion", "C:", "\\", "\0", "~", "a\n", " "])
    | st.text(max_size=5),
    min_size=1,
    max_size=5,
).map("/".join)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.filterwarnings("ignore:Duplicate name")
@given(
    names=st.lists(NAMES, min_size=1, max_size=4),
    links=st.booleans(),
    make=st.sampled_from([zip_bytes, tar_bytes]),
)
def test_nothing_lands_outside_whatever_the_names(names, links, make, tmp_path_factory):
    members = [(name, b"x") for name in names]
    if links and make is tar_bytes:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = tarfile.SYMTYPE, ".."
        members.insert(0, (info, b""))
    try:
        data = make(members)
    except (UnicodeEncodeError, ValueError):
        return  # a name that such an archive cannot even hold
    tmp_path = tmp_path_factory.mktemp("names")
    try:
        placed = unpacked(data, tmp_path)
    except UserError:
        placed = {}
        assert not tree(tmp_path / "out")
    assert {name for name in tree(tmp_path) if not name.startswith("out/")} == {"a.bin"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))
    for path in placed:
        assert not {"..", "C:"} & set(path.split("/"))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.sampled_from(
        [zip_bytes(IMAGES.items()), *(tar_bytes(IMAGES.items(), m) for m in ("w", "w:gz", "w:xz"))]
    ),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4),
    kept=st.floats(0, 1) | st.just(1.0),
)
def test_damage_ends_in_a_user_error_or_does_no_harm(data, changes, kept, tmp_path_factory):
    damaged = bytearray(data)
    for place, value in changes:
        damaged[int(place * len(damaged))] = value
    tmp_path = tmp_path_factory.mktemp("damage")
    with contextlib.suppress(UserError):
        unpacked(bytes(damaged[: int(kept * len(damaged))]), tmp_path)
    assert {name for name in tree(tmp_path) if not name.startswith("out/")} == {"a.bin"}


# Fetching

DATA = zip_bytes(IMAGES.items())


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        if "missing" in self.path:
            return self.send_error(404, "Not Found")
        if "busy" in self.path and self.server.asked < 3:
            return self.send_error(503, "Busy")
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        cut = "cut" in self.path and (self.server.asked < 2 or "always" in self.path)
        self.wfile.write(DATA[:100] if cut else DATA)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.asked = 0
        server.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(archive.time, "sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("page", ["a.zip", "busy/a.zip", "cut/a.zip", "a.zip?download=1#top"])
def test_an_archive_is_downloaded_if_need_be_in_several_attempts(server, page, tmp_path):
    found = archive.fetch(f"{server.url}/{page}", sha256(DATA), tmp_path / "new")
    assert found == tmp_path / "new" / "a.zip"
    assert tree(tmp_path) == {"new/a.zip": DATA}


def test_a_download_is_not_repeated(server, tmp_path):
    for _ in range(2):
        archive.fetch(f"{server.url}/a.zip", sha256(DATA).upper(), tmp_path)
    assert server.asked == 1


@pytest.mark.parametrize(
    "page, asked, reason",
    [
        ("missing/a.zip", 1, "the server answered 404 Not Found"),
        ("always-cut/a.zip", archive.ATTEMPTS, "the connection broke off"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_what_to_do(
    server, page, asked, reason, tmp_path
):
    with pytest.raises(UserError) as error:
        archive.fetch(f"{server.url}/{page}", sha256(DATA), tmp_path)
    assert server.asked == asked
    for part in (f"{server.url}/{page}", reason, f"place it at {tmp_path / 'a.zip'}"):
        assert part in str(error.value)
    assert tree(tmp_path) == {}


def test_a_refused_connection(server, tmp_path):
    server.server_close()
    with pytest.raises(UserError, match=r"could not be fetched: the connection to the server fail"):
        archive.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {}


def test_a_silent_server(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "TIMEOUT", (0.2, 0.2))
    monkeypatch.setattr(archive, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip"
        with pytest.raises(UserError, match="did not answer in time"):
            archive.fetch(url, sha256(DATA), tmp_path)


def test_a_download_of_something_else_is_not_kept(server, tmp_path):
    with pytest.raises(UserError) as error:
        archive.fetch(f"{server.url}/a.zip", "0" * 64, tmp_path, key="datasets.mine.sha256")
    for part in (server.url, sha256(DATA), "0" * 64, "datasets.mine.sha256"):
        assert part in str(error.value)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}", "FILE://{}"])
def test_files_on_disk_are_copied(form, tmp_path):
    source = tmp_path / "my x-rays.zip"
    source.write_bytes(DATA)
    address = str(source) if form == "{}" else form.format(str(source).replace(" ", "%20"))
    found = archive.fetch(address, sha256(DATA), tmp_path / "downloads")
    assert tree(tmp_path) == {source.name: DATA, f"downloads/{source.name}": DATA}
    assert found == tmp_path / "downloads" / source.name


@pytest.mark.parametrize(
    "url, reason",
    [
        ("file:///nowhere/a.zip", "there is no file /nowhere/a.zip"),
        ("/nowhere/a.zip", "there is no file /nowhere/a.zip"),
        ("file://elsewhere/a.zip", "names the computer elsewhere"),
        ("ftp://127.0.0.1/a.zip", "not ftp"),
        ("http://[bad/a.zip", "not a valid address"),
        ("https:///a.zip", "https:///a.zip could not be fetched"),
        ("https://127.0.0.1/", "does not end in a file name"),
        ("https://127.0.0.1/..", "does not end in a file name"),
    ],
)
def test_addresses_that_cannot_work(url, reason, tmp_path):
    with pytest.raises(UserError, match=r".") as error:
        archive.fetch(url, sha256(DATA), tmp_path)
    assert reason in str(error.value)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    "url, name",
    [
        ("https://host/a/b.tar.gz?x=/c.zip#d", "b.tar.gz"),
        ("https://host/my%20x-rays.zip", "my x-rays.zip"),
        ("https://host/a%2F..%2Fb.zip", "a_.._b.zip"),
        ("https://host/a/", "a"),
        ("https://host/.hidden", "hidden"),
        ("file:/tmp/a.zip", "a.zip"),
        ("../a.zip", "a.zip"),
    ],
)
def test_archive_name(url, name):
    assert archive.archive_name(url) == name


@given(st.text(), st.sampled_from(["", "file:", "https://host/"]))
def test_archive_names_stay_in_the_folder(text, scheme):
    with contextlib.suppress(UserError):
        name = archive.archive_name(scheme + text)
        assert name == Path(name).name
        assert not name.startswith(".")


def test_an_archive_placed_by_hand_needs_no_network(tmp_path):
    (tmp_path / "a.zip").write_bytes(DATA)
    found = archive.fetch("http://127.0.0.1:9/a.zip", sha256(DATA), tmp_path)
    assert found == tmp_path / "a.zip"
    assert tree(tmp_path) == {"a.zip": DATA}


def test_a_wrong_archive_placed_by_hand_is_left_untouched(server, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"mine")
    before = (tmp_path / "a.zip").stat()
    with pytest.raises(UserError) as error:
        archive.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path, key="datasets.mine.sha256")
    for part in (f"{tmp_path / 'a.zip'}", sha256(b"mine"), sha256(DATA), "left untouched"):
        assert part in str(error.value)
    assert "datasets.mine.sha256" in str(error.value)
    assert tree(tmp_path) == {"a.zip": b"mine"}
    after = (tmp_path / "a.zip").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert server.asked == 0


def test_an_archive_placed_during_the_download_is_not_overwritten(server, tmp_path, monkeypatch):
    def bring(url, part, target):
        part.write_bytes(DATA)
        target.write_bytes(b"mine")

    monkeypatch.setattr(archive, "_bring", bring)
    with pytest.raises(UserError, match="left untouched"):
        archive.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {"a.zip": b"mine"}


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_what_is_no_file_is_not_replaced(kind, tmp_path):
    if kind == "folder":
        (tmp_path / "a.zip").mkdir()
    else:
        (tmp_path / "a.zip").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="is not a file"):
        archive.fetch("http://127.0.0.1:9/a.zip", sha256(DATA), tmp_path)
    assert (tmp_path / "a.zip").is_dir() == (kind == "folder")


def test_the_rest_of_a_killed_download_is_replaced(server, tmp_path):
    (tmp_path / ".a.zip.part").write_bytes(b"half")
    archive.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {"a.zip": DATA}


def test_a_full_disk(tmp_path, monkeypatch):
    def full(url, part, target):
        raise OSError(28, "No space left on device", str(part))

    monkeypatch.setattr(archive, "_bring", full)
    with pytest.raises(UserError, match=r"a.zip.part cannot be .* No space left on device"):
        archive.fetch("https://host/a.zip", sha256(DATA), tmp_path)


def test_progress_says_a_few_lines(monkeypatch):
    lines = []
    monkeypatch.setattr(archive, "say", lines.append)
    progress = archive._Progress("downloading a.zip")
    progress.total = 166_486_464
    for _ in range(159):
        progress.update(1 << 20)
    progress.reset()
    progress.update(progress.total)
    progress.close()
    assert 9 <= len(lines) <= 11
    assert lines[0] == "downloading a.zip: 10 % of 166.5 MB"
    assert lines[-1].startswith("downloading a.zip: 100 %")
