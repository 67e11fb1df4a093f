"""Hostile archives: each is refused in words or unpacked, soon, and never outside its folder."""

import bz2
import gzip
import io
import lzma
import shutil
import stat
import tarfile
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from budget import fuzz
from hypothesis import given
from hypothesis import strategies as st

from cxr import archive
from cxr.errors import UserError
from trees import tree

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:Duplicate name")]

LIMIT = 2  # seconds of CPU time
LARGEST = 100_000  # bytes of a file
TOTAL = 150_000  # and of all files of an archive
COPIES = 10  # of an archive, each damaged in another way
_parts = st.sampled_from(
    [
        *("..", ".", "", "a", "A", "\xf6", "o\u0308", "C:", "\\", "\0", "~", "-rf", "a\n", " "),
        *("effusion", "._a", ".DS_Store", "__MACOSX", "a" * 255, "a" * 256, "\u202e", "\udcff"),
    ]
)
_names = st.lists(_parts | st.text(max_size=4), min_size=1, max_size=5).map("/".join)
_sizes = st.sampled_from([0, 1, 511, 512, 513, LARGEST, LARGEST + 1])
_data = _sizes.map(bytes) | st.binary(max_size=600)
_numbers = st.integers(-(2**40), 2**80) | st.sampled_from([0, -1, -512, -1536, 2**31, 2**63])
_pax = st.dictionaries(
    st.sampled_from(
        [
            *("path", "linkpath", "size", "mtime", "hdrcharset", "GNU.sparse.map"),
            *(f"GNU.sparse.{name}" for name in ("size", "major", "minor", "name", "realsize")),
        ]
    ),
    _numbers.map(str) | _names | st.sampled_from(["BINARY", "0,1,2", "1", "0"]),
    max_size=3,
)


@st.composite
def _tars(draw: st.DrawFn) -> bytes:
    """A tar of any members: links, devices, odd sizes, extended headers."""
    blocks = b""
    for name in draw(st.lists(_names, max_size=4)):
        info = tarfile.TarInfo(name)
        info.type = draw(st.sampled_from([tarfile.REGTYPE] * 6 + [b"%d" % n for n in range(8)]))
        info.type = draw(st.just(info.type) | st.sampled_from([b"S", b"L", b"K", b"x", b"g", b"Z"]))
        info.linkname = draw(st.just("") | _names)
        data = draw(_data)
        info.size = draw(st.just(len(data)) | st.just(len(data)) | _numbers)
        info.pax_headers = draw(st.just({}) | _pax)
        kind = draw(st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]))
        try:
            blocks += info.tobuf(kind, "utf-8", "surrogateescape")
        except (ValueError, UnicodeError, OverflowError):
            continue  # what no tar can say
        blocks += data + bytes(-len(data) % 512)
    return blocks + draw(st.just(bytes(1024)) | st.sampled_from([b"", bytes(512)]))


@st.composite
def _zips(draw: st.DrawFn) -> bytes:
    """A zip of any members: links, methods, comments, and sizes that are not true."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for name in draw(st.lists(_names, max_size=4)):
            info = zipfile.ZipInfo(name)
            info.compress_type = draw(st.sampled_from([0, 8, 12, 14]))
            mode = draw(st.sampled_from([0, stat.S_IFREG, stat.S_IFLNK, stat.S_IFIFO]))
            info.create_system, info.external_attr = 3, (mode | 0o777) << 16
            info.extra, info.comment = draw(st.binary(max_size=12)), draw(st.binary(max_size=5))
            try:
                opened.writestr(info, draw(_data))
            except (ValueError, UnicodeError):
                continue  # what no zip can say
    data = bytearray(file.getvalue())
    for header, places in ((b"PK\3\4", (6, 8, 14, 18, 22)), (b"PK\1\2", (8, 10, 16, 20, 24, 42))):
        if draw(st.integers(0, 3)) == 0 and (at := data.find(header)) >= 0:
            place = at + draw(st.sampled_from(places))
            data[place : place + 2] = draw(st.binary(min_size=2, max_size=2))
    return bytes(data)


_packed = {
    "zip": _zips(),
    "tar": _tars(),
    "tar.gz": _tars().map(lambda data: gzip.compress(data, 1, mtime=0)),
    "tar.bz2": _tars().map(lambda data: bz2.compress(data, 1)),
    "tar.xz": _tars().map(lambda data: lzma.compress(data, preset=0)),
}


@pytest.fixture(scope="module")
def room() -> Iterator[Path]:
    """A folder in memory where there is one: a million archives are written to it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True, scope="module")
def bounds() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archive, "MAX_FILE_BYTES", LARGEST)
        patch.setattr(archive, "MAX_TOTAL_BYTES", TOTAL)
        yield


def check(data: bytes, room: Path) -> None:
    """The archive is unpacked or refused in words, soon, and nothing lands outside its folder."""
    out = room / "deep" / "out"
    (room / "a").write_bytes(data)
    start = time.thread_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive.unpack(room / "a", out)
    except UserError as error:
        assert str(error).isprintable()
        assert str(room / "a") in str(error)
    assert time.thread_time() - start < LIMIT
    assert {path.name for path in room.iterdir()} == {"a", "deep"}
    assert {path.name for path in out.parent.iterdir()} == {"out"}
    assert not any(path.is_symlink() for path in out.rglob("*"))
    assert sum(map(len, tree(out).values())) <= TOTAL
    shutil.rmtree(out)


@pytest.mark.parametrize("kind", _packed)
@fuzz(500)
@given(drawn=st.data())
def test_hostile_members(kind, drawn, room):
    check(drawn.draw(_packed[kind]), room)


def damaged(whole: bytes, random: Random) -> bytes:
    """A copy with bytes changed, more often near the ends, and cut off somewhere or not."""
    data, last = bytearray(whole), max(0, len(whole) - 1)
    for _ in range(random.randint(0, 4) if data else 0):
        near = [(0, last), (0, min(last, 600)), (max(0, last - 100), last)]
        data[random.randint(*random.choice(near))] = random.randrange(256)
    return bytes(data[: random.choice([len(data), random.randint(0, len(data))])])


@pytest.mark.parametrize("kind", _packed)
@fuzz(500, at_once=COPIES)
@given(drawn=st.data())
def test_damage(kind, drawn, room):
    whole, random = drawn.draw(_packed[kind]), Random(drawn.draw(st.integers(0, 2**32)))
    for _ in range(COPIES):
        check(damaged(whole, random), room)


@fuzz(500)
@given(
    start=st.sampled_from([b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08", b"BZh9", b"\xfd7zXZ\0", b""]),
    rest=st.binary(max_size=2000),
)
def test_junk(start, rest, room):
    check(start + rest, room)
