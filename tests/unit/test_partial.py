import contextlib
import hashlib
import http.server
import json
import random
import re
import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr import download, partial
from cxr.errors import UserError
from trees import tree

DATA = random.Random(1).randbytes(50_000)
OTHER = random.Random(2).randbytes(40_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
ETAG = '"one"'


@dataclass
class Behaviour:
    """What the server does, and the ranges that it was asked for."""

    data: bytes = DATA
    tag: str | None = ETAG
    date: str | None = None
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)  # bytes of the body after which to break off
    stop: int | None = None  # the same for every answer
    after: bytes | None = None  # the file after the first answer, with another tag
    length: int = 0  # what is added to the true Content-Length
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    shift: int = 0  # what is added to where the part begins that was asked for
    blind: bool = False  # ignores If-Range
    asked: list[str | None] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        does = self.server.does
        if self.path != "/a.zip":
            self.send_response(302)
            self.send_header("Location", "/a.zip")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        wanted = self.headers["Range"]
        does.asked.append(wanted)
        start = self.start(does, wanted)
        if start is not None and start >= len(does.data):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        first = 0 if start is None else start + does.shift
        body = does.data[first:]
        self.send_response(200 if start is None else 206)
        self.describe(does, body)
        if start is not None:
            last = len(does.data) - 1
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(does.data)}")
        self.end_headers()
        self.send_body(does, body)
        if does.after is not None:
            does.data, does.tag, does.after = does.after, '"two"', None

    def start(self, does, wanted):
        """Where a part begins; None for the whole file."""
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        known = does.blind or self.headers["If-Range"] in {does.tag, does.date} - {None}
        return int(found[1]) if found and does.ranges and known else None

    def describe(self, does, body):
        for name, value in (("ETag", does.tag), ("Last-Modified", does.date)):
            if value:
                self.send_header(name, value)
        for name, value in does.headers.items():
            self.send_header(name, value)
        if does.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in does.headers:
            self.send_header("Content-Length", str(len(body) + does.length))

    def send_body(self, does, body):
        cut = does.cuts.pop(0) if does.cuts else does.stop
        with contextlib.suppress(OSError):
            if does.chunked:
                self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            else:
                self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url = f"http://127.0.0.1:{server.server_port}/a.zip"
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def does(server):
    """What the server does, to be changed by a test."""
    server.does = Behaviour()
    return server.does


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(download, "CHUNK", 100)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def fetch(server, folder):
    download.fetch(server.url, SHA256, folder)
    assert tree(folder) == {"a.zip": DATA}


def left(folder):
    """The bytes that an interrupted run leaves for the next one."""
    assert set(tree(folder)) <= {".a.zip.part", ".a.zip.part.json"}
    return tree(folder).get(".a.zip.part", b"")


def interrupted(server, does, folder, size=20_000):
    """Let a run give up after `size` bytes."""
    does.stop, does.cuts = 0, [size]
    with pytest.raises(UserError, match="the connection broke off") as error:
        download.fetch(server.url, SHA256, folder)
    does.stop, does.asked = None, []
    return str(error.value)


# Within a run


def test_what_breaks_off_is_continued(server, does, tmp_path, capsys):
    does.cuts = [10_000, 25_000, 700, 0, 0, 100]  # never ATTEMPTS in a row without a byte
    fetch(server, tmp_path)
    places = [0, 10_000, 35_000, 35_700, 35_700, 35_700, 35_800]
    assert does.asked == [f"bytes={place}-" if place else None for place in places]
    assert "going on from 0.0 MB" in capsys.readouterr().out


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cuts=st.lists(st.integers(0, 60_000), max_size=6), kind=st.sampled_from(["tag", "date"]))
def test_cut_off_anywhere(server, tmp_path_factory, cuts, kind):
    server.does = Behaviour(cuts=[max(cut, 100 * (number % 3)) for number, cut in enumerate(cuts)])
    if kind == "date":
        server.does.tag, server.does.date = None, "Mon, 01 Jan 2024 00:00:00 GMT"
    fetch(server, tmp_path_factory.mktemp("cut"))


def test_a_redirect_is_followed_to_the_rest(server, does, tmp_path):
    does.cuts = [20_000]
    download.fetch(server.url.replace("a.zip", "b.zip"), SHA256, tmp_path)
    assert does.asked == [None, "bytes=20000-"]
    assert tree(tmp_path) == {"b.zip": DATA}


# From one run to the next


def test_the_next_run_goes_on(server, does, tmp_path):
    text = interrupted(server, does, tmp_path)
    assert "What came is kept (0.0 MB) and continued by the next run." in text
    assert left(tmp_path) == DATA[:20_000]
    fetch(server, tmp_path)
    assert does.asked == ["bytes=20000-"]


def test_what_was_complete_when_the_run_was_killed_is_not_fetched_again(server, does, tmp_path):
    interrupted(server, does, tmp_path)
    (tmp_path / ".a.zip.part").write_bytes(DATA)
    fetch(server, tmp_path)
    assert does.asked == []


def test_bytes_of_another_address_are_not_continued(server, does, tmp_path):
    interrupted(server, does, tmp_path)
    record = tmp_path / ".a.zip.part.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"url": "http://elsewhere"}))
    fetch(server, tmp_path)
    assert does.asked == [None]


@pytest.mark.parametrize("text", ["", "{", "[]", "1", '{"url": 1, "total": "x"}', "\0", "{}"])
def test_a_record_that_is_none(server, does, tmp_path, text):
    interrupted(server, does, tmp_path)
    (tmp_path / ".a.zip.part.json").write_text(text)
    fetch(server, tmp_path)
    assert does.asked == [None]


def test_damaged_bytes_are_noticed_and_fetched_again(server, does, tmp_path, capsys):
    interrupted(server, does, tmp_path)
    (tmp_path / ".a.zip.part").write_bytes(bytes(20_000))
    fetch(server, tmp_path)
    assert does.asked == ["bytes=20000-", None]
    assert "the parts of the download do not fit together" in capsys.readouterr().out


def test_more_bytes_than_there_are(server, does, tmp_path):
    interrupted(server, does, tmp_path)
    (tmp_path / ".a.zip.part").write_bytes(DATA + DATA)
    fetch(server, tmp_path)
    assert does.asked == ["bytes=100000-", None]


def test_a_wrong_file_is_not_kept(server, does, tmp_path):
    does.data = OTHER
    with pytest.raises(UserError, match="Nothing was kept"):
        download.fetch(server.url, SHA256, tmp_path)
    assert tree(tmp_path) == {}


# Servers


@pytest.mark.parametrize(
    "change",
    [
        {"ranges": False},
        {"tag": None},  # nothing to name the file by
        {"tag": 'W/"weak"'},
        {"headers": {"Accept-Ranges": "none"}},
    ],
    ids=str,
)
def test_servers_that_send_no_parts(server, does, tmp_path, change):
    vars(does).update(change, cuts=[10_000, 30_000])
    fetch(server, tmp_path / "whole")
    vars(does).update(cuts=[10_000] * 4, asked=[])
    with pytest.raises(UserError, match="the connection broke off"):
        download.fetch(server.url, SHA256, tmp_path)
    if "ranges" not in change:  # no part was ever asked for, and none is kept
        assert does.asked == [None] * download.ATTEMPTS
        assert tree(tmp_path) == {"whole/a.zip": DATA}


def test_a_file_that_has_changed_since(server, does, tmp_path, capsys):
    vars(does).update(data=OTHER, after=DATA, cuts=[30_000])
    fetch(server, tmp_path)
    assert does.asked == [None, "bytes=30000-"]
    assert "is another one by now" in capsys.readouterr().out


def test_a_file_that_has_changed_without_a_word(server, does, tmp_path):
    """The server mixes two files; the checksum tells, and the whole is fetched."""
    vars(does).update(data=OTHER, blind=True)
    interrupted(server, does, tmp_path)
    does.data = DATA
    fetch(server, tmp_path)
    assert does.asked == ["bytes=20000-", None]


def test_a_file_that_has_become_shorter(server, does, tmp_path):
    vars(does).update(data=OTHER, blind=True)
    interrupted(server, does, tmp_path, size=39_000)
    does.data = DATA[:38_000]
    with pytest.raises(UserError, match="Nothing was kept"):
        download.fetch(server.url, SHA256, tmp_path)
    assert does.asked == ["bytes=39000-", None]
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("shift", [-5000, -20_000])
def test_a_part_that_begins_before_what_was_asked_for(server, does, tmp_path, shift):
    interrupted(server, does, tmp_path)
    does.shift = shift
    fetch(server, tmp_path)
    assert does.asked == ["bytes=20000-"]


def test_a_part_that_begins_behind_what_was_asked_for(server, does, tmp_path):
    interrupted(server, does, tmp_path)
    does.shift = 100
    fetch(server, tmp_path)
    assert does.asked == ["bytes=20000-", None]


def test_a_server_that_promises_more_than_it_sends(server, does, tmp_path):
    does.length = 1000
    with pytest.raises(UserError, match="416 Requested Range"):
        download.fetch(server.url, SHA256, tmp_path)
    assert not (tmp_path / "a.zip").exists()
    does.length = 0
    fetch(server, tmp_path)


@pytest.mark.parametrize("chunked", [True, False])
def test_a_server_that_sends_more_than_the_file(server, does, tmp_path, chunked):
    vars(does).update(data=DATA + b"more", chunked=chunked)
    with pytest.raises(UserError, match="Nothing was kept"):
        download.fetch(server.url, SHA256, tmp_path)
    assert tree(tmp_path) == {}


def test_a_server_that_sends_more_than_it_promises(server, does, tmp_path):
    vars(does).update(data=DATA + b"more", length=-4)
    fetch(server, tmp_path)


@pytest.mark.parametrize("length", ["many", "-1", "", "1e3", "9" * 5000])
def test_a_server_that_cannot_count(server, does, tmp_path, length):
    does.headers = {"Content-Length": length}
    with contextlib.suppress(UserError):
        fetch(server, tmp_path)
    assert tree(tmp_path).get("a.zip") in (None, DATA)
    does.headers = {}
    fetch(server, tmp_path)


def test_an_encoded_answer_is_not_continued(server, does, tmp_path):
    """Its ranges would be those of other bytes."""
    assert partial.headers(0, {}) == {"Accept-Encoding": "identity"}
    vars(does).update(headers={"Content-Encoding": "identity"}, cuts=[20_000])
    fetch(server, tmp_path)
    assert does.asked == [None, None]
