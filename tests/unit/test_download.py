import contextlib
import hashlib
import http.server
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxr import download
from cxr.errors import UserError
from trees import tree

DATA = bytes(range(256)) * 40  # fetching does not look into an archive


def sha256(data):
    return hashlib.sha256(data).hexdigest()


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
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.parametrize("page", ["a.zip", "busy/a.zip", "cut/a.zip", "a.zip?download=1#top"])
def test_an_archive_is_downloaded_if_need_be_in_several_attempts(server, page, tmp_path):
    found = download.fetch(f"{server.url}/{page}", sha256(DATA), tmp_path / "new")
    assert found == tmp_path / "new" / "a.zip"
    assert tree(tmp_path) == {"new/a.zip": DATA}


def test_a_download_is_not_repeated(server, tmp_path):
    for _ in range(2):
        download.fetch(f"{server.url}/a.zip", sha256(DATA).upper(), tmp_path)
    assert server.asked == 1


@pytest.mark.parametrize(
    "page, asked, reason",
    [
        ("missing/a.zip", 1, "the server answered 404 Not Found"),
        ("always-cut/a.zip", download.ATTEMPTS, "the connection broke off"),
    ],
)
def test_a_failed_download_leaves_nothing_and_says_what_to_do(
    server, page, asked, reason, tmp_path
):
    with pytest.raises(UserError) as error:
        download.fetch(f"{server.url}/{page}", sha256(DATA), tmp_path)
    assert server.asked == asked
    for part in (f"{server.url}/{page}", reason, f"place it at {tmp_path / 'a.zip'}"):
        assert part in str(error.value)
    assert tree(tmp_path) == {}


def test_a_refused_connection(server, tmp_path):
    server.server_close()
    with pytest.raises(UserError, match=r"could not be fetched: the connection to the server fail"):
        download.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {}


def test_a_silent_server(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", (0.2, 0.2))
    monkeypatch.setattr(download, "ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.zip"
        with pytest.raises(UserError, match="did not answer in time"):
            download.fetch(url, sha256(DATA), tmp_path)


def test_a_download_of_something_else_is_not_kept(server, tmp_path):
    with pytest.raises(UserError) as error:
        download.fetch(f"{server.url}/a.zip", "0" * 64, tmp_path, key="datasets.mine.sha256")
    for part in (server.url, sha256(DATA), "0" * 64, "datasets.mine.sha256"):
        assert part in str(error.value)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "file://localhost{}", "FILE://{}"])
def test_files_on_disk_are_copied(form, tmp_path):
    source = tmp_path / "my x-rays.zip"
    source.write_bytes(DATA)
    address = str(source) if form == "{}" else form.format(str(source).replace(" ", "%20"))
    found = download.fetch(address, sha256(DATA), tmp_path / "downloads")
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
        download.fetch(url, sha256(DATA), tmp_path)
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
    assert download.archive_name(url) == name


@given(st.text(), st.sampled_from(["", "file:", "https://host/"]))
def test_archive_names_stay_in_the_folder(text, scheme):
    with contextlib.suppress(UserError):
        name = download.archive_name(scheme + text)
        assert name == Path(name).name
        assert not name.startswith(".")


def test_an_archive_placed_by_hand_needs_no_network(tmp_path):
    (tmp_path / "a.zip").write_bytes(DATA)
    found = download.fetch("http://127.0.0.1:9/a.zip", sha256(DATA), tmp_path)
    assert found == tmp_path / "a.zip"
    assert tree(tmp_path) == {"a.zip": DATA}


def test_a_wrong_archive_placed_by_hand_is_left_untouched(server, tmp_path):
    (tmp_path / "a.zip").write_bytes(b"mine")
    before = (tmp_path / "a.zip").stat()
    with pytest.raises(UserError) as error:
        download.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path, key="datasets.mine.sha256")
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

    monkeypatch.setattr(download, "_bring", bring)
    with pytest.raises(UserError, match="left untouched"):
        download.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {"a.zip": b"mine"}


@pytest.mark.parametrize("kind", ["folder", "dangling link"])
def test_what_is_no_file_is_not_replaced(kind, tmp_path):
    if kind == "folder":
        (tmp_path / "a.zip").mkdir()
    else:
        (tmp_path / "a.zip").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="is not a file"):
        download.fetch("http://127.0.0.1:9/a.zip", sha256(DATA), tmp_path)
    assert (tmp_path / "a.zip").is_dir() == (kind == "folder")


def test_the_rest_of_a_killed_download_is_replaced(server, tmp_path):
    (tmp_path / ".a.zip.part").write_bytes(b"half")
    download.fetch(f"{server.url}/a.zip", sha256(DATA), tmp_path)
    assert tree(tmp_path) == {"a.zip": DATA}


def test_a_full_disk(tmp_path, monkeypatch):
    def full(url, part, target):
        raise OSError(28, "No space left on device", str(part))

    monkeypatch.setattr(download, "_bring", full)
    with pytest.raises(UserError, match=r"a.zip.part cannot be .* No space left on device"):
        download.fetch("https://host/a.zip", sha256(DATA), tmp_path)
