import contextlib
import gzip
import io
import stat
import tarfile
import time
import tracemalloc
import unicodedata
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxr import archive
from cxr.errors import UserError
from trees import tree

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


# What is sound


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


# What is not

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


def header(kind, size=0, name="x", pax=None, extended=0):
    """A tar header by itself, or a pax header and the header that it is about."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.pax_headers = kind, size, pax or {}
    data = bytearray(info.tobuf(tarfile.PAX_FORMAT if pax else tarfile.GNU_FORMAT))
    data[482] = extended  # of an old GNU sparse file: another block of the list follows
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


END = bytes(1024)
GAPS = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x"}
HOSTILE = {
    "a long name": header(tarfile.GNUTYPE_LONGNAME, 10**8) + b"a" * 10**8,
    "a long link": header(tarfile.GNUTYPE_LONGLINK, 10**8) + b"a" * 10**8,
    "an extended header": header(tarfile.XHDTYPE, 10**8) + b"a" * 10**8,
    "a global header": header(tarfile.XGLTYPE, 10**8) + b"a" * 10**8,
    "headers of headers": header(tarfile.XHDTYPE) * 5000 + header(tarfile.REGTYPE) + END,
    "a list of gaps": header(tarfile.REGTYPE, pax=GAPS) + b"9999999999\n" + b"0\n" * 10**7,
    "an old list of gaps": header(tarfile.GNUTYPE_SPARSE, extended=1)
    + (b"00000000001\0" * 42 + b"\1" + bytes(7)) * 10**5,
    "back to its own header": header(tarfile.REGTYPE, name=".DS_Store", pax={"size": "-1536"}),
    "folders without end": header(tarfile.DIRTYPE) * 10**5,
    "litter without end": header(tarfile.REGTYPE, name=".DS_Store") * 10**5,
    "a large piece of litter": header(tarfile.REGTYPE, 5 * 10**9, name=".DS_Store") + END,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_would_take_all_memory_or_time_is_refused_soon(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILES", 1000)
    data = gzip.compress(HOSTILE[kind], 1)
    start = time.thread_time()
    tracemalloc.start()
    refusal(data, tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 10**7
    assert time.thread_time() - start < 5


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
    ids=lambda value: (
        value if isinstance(value, str) else str(len(value))
    ),  # not the bytes: a gzip holds the time, and workers must name tests alike
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
