"""Fetch an archive and unpack it, trusting neither the network nor the archive.

`pooch` downloads; the rest is ours because pooch knows no file: URLs, replaces a file whose
checksum differs, and its tar reader filters nothing below Python 3.12. The filter refuses
what Python's own `data` filter refuses, for zip and tar alike, and more: any link, names that clash
where upper and lower case are one, and archives that unpack to more than the bounds below.
"""

import contextlib
import hashlib
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pooch
import requests

from cxr.acquired import LITTER
from cxr.errors import UserError
from cxr.log import say

DOWNLOADS = Path("data/downloads")

# The NIH release, the largest set in sight, has 112,120 images in 42 GB.
MAX_FILES = 1_000_000
MAX_FILE_BYTES = 4 * 10**9
MAX_TOTAL_BYTES = 100 * 10**9

ATTEMPTS = 3
TIMEOUT = 15, 60  # seconds without a connection, and without a byte
_BLOCK = 1 << 20

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    IndexError,
    NotImplementedError,
)


def fetch(url: str, sha256: str, folder: str | Path = DOWNLOADS, *, key: str = "sha256") -> Path:
    """The path of the archive at `url`, in `folder`, with the right checksum.

    `url` is an http, https or file: address or a path. A file of that name in `folder` is verified
    and used as it is, without any network; it is never changed, replaced or deleted. `key` is what
    messages call the checksum's place in the config.

    Raises `UserError` if the archive cannot be had or is another one than `sha256` (hex) describes.
    """
    target = Path(folder) / archive_name(url)
    sha256 = sha256.strip().lower()
    part = target.with_name(f".{target.name}.part")
    with _explained_disk(target):
        if os.path.lexists(target):
            return _verified_in_place(target, sha256, key)
        part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _explained_disk(part):
            _bring(url, part, target)
            found = _sha256(part)
            if found != sha256:
                raise UserError(
                    f"{url} gave {part.stat().st_size:,} bytes with sha256 {found}, but {key} is "
                    f"{sha256}. Nothing was kept. Try again later, or, if you trust this archive, "
                    f"set {key} to the sha256 found."
                )
            if os.path.lexists(target):  # placed by hand in the meantime
                return _verified_in_place(target, sha256, key)
            part.replace(target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink()
    return target


def archive_name(url: str) -> str:
    """The archive's file name in the downloads folder: the last part of its address or path.

    Percent codes are decoded and odd characters become "_"; query and fragment do not count.
    Raises `UserError` if nothing is left.
    """
    name = unquote(_path_of(url).rstrip("/").rpartition("/")[2]) if _scheme(url) else Path(url).name
    name = re.sub(r"[^\w .()+-]", "_", name).strip(" .")
    if not name:
        raise UserError(f"{url} does not end in a file name: give the archive's full address.")
    return name


def unpack(archive: str | Path, folder: str | Path) -> None:
    """Unpack a zip or tar (plain, gz, bz2, xz; told by its content) into the empty `folder`.

    A single top-level folder that holds everything is stripped; folders without files and litter
    of macOS and Windows are left out; modes, owners and times are not taken over.

    Raises `UserError`, naming the archive and the member, if the archive is damaged, exceeds a
    bound of this module, or holds a member that is encrypted, a link, a device, or has a name that
    is absolute, leads outside, cannot be written everywhere, or clashes with another. All names
    are checked before anything is written; what a damaged archive left behind is the caller's to
    remove. `FileExistsError` if `folder` is not empty.
    """
    archive, folder = Path(archive), Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    with _opened(archive) as members:
        plan = _plan(archive, members)
        total = sum(member.size for _, member in plan)
        with _explained_disk(folder):
            _refuse_full_disk(archive, folder, total)
            progress = _Progress(f"unpacking {archive.name}", total)
            for path, member in plan:
                _write(archive, member, folder / path, progress)
    say(f"unpacked {len(plan):,} files ({_megabytes(total)}) from {archive}")


# Fetching


def _scheme(url: str) -> str:
    """http, https, file..., or nothing for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://|(file):", url, re.IGNORECASE)
    return (found[1] or found[2]).lower() if found else ""


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise UserError(f"{url} is not a valid address ({error}). Correct it.") from error


def _bring(url: str, part: Path, target: Path) -> None:
    scheme = _scheme(url)
    if scheme in ("http", "https"):
        _download(url, part, target)
    elif scheme in ("file", ""):
        _copy(url, part)
    else:
        raise UserError(
            f"{url}: archives are fetched from http, https or file: addresses, not {scheme}. "
            + _by_hand(target)
        )


def _download(url: str, part: Path, target: Path) -> None:
    """Download with pooch; try again when the connection or the server fails."""
    say(f"downloading {url}")
    for attempt in range(1, ATTEMPTS + 1):
        downloader = pooch.HTTPDownloader(
            progressbar=_Progress(f"downloading {target.name}"),
            chunk_size=_BLOCK,
            timeout=TIMEOUT,
            headers={"Accept-Encoding": "identity"},  # a .tar.gz stays one
        )
        try:
            return downloader(url, str(part), None)
        except requests.RequestException as error:
            reason, passing = _network_reason(error)
            if not passing or attempt == ATTEMPTS:
                raise UserError(
                    f"{url} could not be fetched: {reason}. {_by_hand(target)}"
                ) from error
            say(f"{reason}; trying again ({attempt} of {ATTEMPTS - 1})")
            time.sleep(attempt)


def _network_reason(error: requests.RequestException) -> tuple[str, bool]:
    """What went wrong in plain words, and whether another attempt may help."""
    if isinstance(error, requests.HTTPError):
        answer = error.response
        return (
            f"the server answered {answer.status_code} {answer.reason}",
            answer.status_code >= 500,
        )
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate could not be verified", False
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy could not be reached (see the variable https_proxy)", True
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time", True
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off", True
    if isinstance(error, requests.ConnectionError):
        return "the connection to the server failed", True
    return str(error), False


def _by_hand(target: Path) -> str:
    return (
        "Check the address and the network, or get the archive by other means and place it at "
        f"{target}: it is used once its checksum is right."
    )


def _copy(url: str, part: Path) -> None:
    source = _local_path(url)
    if not source.is_file():
        raise UserError(f"{url}: there is no file {source}. Correct the url of the data set.")
    say(f"copying {source}")
    shutil.copyfile(source, part)


def _local_path(url: str) -> Path:
    if not _scheme(url):
        return Path(url).expanduser()
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise UserError(f"{url} names the computer {parts.netloc}: write file:///path/to/archive.")
    return Path(url2pathname(parts.path))


def _verified_in_place(target: Path, sha256: str, key: str) -> Path:
    if not target.is_file():
        raise UserError(f"{target} is not a file: move it away, so that the archive can lie there.")
    found = _sha256(target)
    if found != sha256:
        raise UserError(
            f"{target} is there already and has sha256 {found}, but {key} is {sha256}. It was left "
            f"untouched. Move it away to fetch the archive anew, or, if it is the one you want, "
            f"set {key} to the sha256 found."
        )
    say(f"using {target}, checksum verified")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# Unpacking


class _Member(NamedTuple):
    name: str  # as it stands in the archive
    size: int  # bytes, as the archive declares
    is_folder: bool
    fault: str  # why the member is refused whatever its name, or ""
    open: Callable[[], IO[bytes]]


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[Iterable[_Member]]:
    """The members of a zip or tar, read as they are asked for."""
    with archive.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        with _explained_damage(archive):
            if start in (b"PK\3\4", b"PK\5\6"):
                opened = zipfile.ZipFile(file)
            else:
                opened = _open_tar(archive, file)
        with opened:
            is_zip = isinstance(opened, zipfile.ZipFile)
            yield _zip_members(opened) if is_zip else _tar_members(opened)


def _open_tar(archive: Path, file: IO[bytes]) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=file, mode="r:*")
    except tarfile.ReadError as error:
        raise UserError(
            f"{archive} is neither a zip nor a tar archive, or its beginning is damaged. "
            "Give the url of an archive."
        ) from error


def _zip_members(file: zipfile.ZipFile) -> Iterator[_Member]:
    for info in file.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        fault = ""
        if info.flag_bits & 0x1:
            fault = "is encrypted"
        elif kind == stat.S_IFLNK:
            fault = "is a link"
        elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            fault = "is a device or a pipe"
        elif "\0" in info.orig_filename:  # zipfile cuts the name there
            fault = "has a control character in its name"
        yield _Member(
            info.filename, info.file_size, info.is_dir(), fault, lambda info=info: file.open(info)
        )


def _tar_members(file: tarfile.TarFile) -> Iterator[_Member]:
    for info in file:
        fault = ""
        if info.issym() or info.islnk():
            fault = "is a link"
        elif not (info.isreg() or info.isdir()):
            fault = "is a device or a pipe"
        yield _Member(
            info.name, info.size, info.isdir(), fault, lambda info=info: file.extractfile(info)
        )
    # tarfile takes a bad header for the end; reading on also checks a compressed stream's checksum
    file.fileobj.seek(file.offset)
    if not file.fileobj.read(_BLOCK).startswith(bytes(tarfile.BLOCKSIZE)):
        raise tarfile.ReadError("its end is missing")


def _plan(archive: Path, members: Iterable[_Member]) -> list[tuple[str, _Member]]:
    """The files to write, each with its path below the folder, in the archive's order."""
    plan: list[tuple[str, _Member]] = []
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    total = 0
    with _explained_damage(archive):
        for member in members:
            path = "/".join(part for part in member.name.split("/") if part not in ("", "."))
            fault = member.fault or _name_fault(member.name)
            if not fault and not (member.is_folder or _is_litter(path)):
                plan.append((path, member))
                total += member.size
                fault = _size_fault(member, total, len(plan)) or _clash(path, files, folders)
            if fault:
                raise UserError(
                    f"{archive}: {member.name!r} {fault}. Nothing was unpacked. "
                    "Make the archive again, with plain files and folders only."
                )
    if not plan:
        raise UserError(f"{archive} holds no files. Give the url of another archive.")
    return _without_common_top(plan)


def _without_common_top(plan: list[tuple[str, _Member]]) -> list[tuple[str, _Member]]:
    tops = {path.partition("/")[0] for path, _ in plan}
    if len(tops) > 1 or any("/" not in path for path, _ in plan):
        return plan
    return [(path.partition("/")[2], member) for path, member in plan]


def _name_fault(name: str) -> str:
    """Why a name is unsafe, or cannot be written on every system; "" for a good one."""
    parts = name.split("/")
    if name.startswith("/") or any(re.match(r"[A-Za-z]:", part) for part in parts):
        return "has an absolute path"
    if ".." in parts:
        return "leads outside the folder (..)"
    if "\\" in name:
        return "has a backslash in its name"
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in name):
        return "has a control character in its name"
    if any(len(part.encode()) > 255 for part in parts):
        return "has a name of more than 255 bytes"
    return ""


def _size_fault(member: _Member, total: int, files: int) -> str:
    """Why a member is too much, with a `total` of bytes and number of files that include it."""
    if not 0 <= member.size <= MAX_FILE_BYTES:
        return f"declares {member.size:,} bytes, not 0 to {_megabytes(MAX_FILE_BYTES)}"
    if total > MAX_TOTAL_BYTES:
        return f"makes the archive's contents larger than {_megabytes(MAX_TOTAL_BYTES)}"
    if files > MAX_FILES:
        return f"comes after {MAX_FILES:,} files, the most that are unpacked"
    return ""


def _is_litter(path: str) -> bool:
    """Whether macOS or Windows put the member beside the user's files."""
    *folders, name = path.split("/")
    return "__MACOSX" in folders or name in LITTER or name.startswith("._")


def _clash(path: str, files: dict[str, str], folders: dict[str, str]) -> str:
    """Take a file's path and its folders, or say what is in the way, upper or lower case alike."""
    if not path:
        return "has no name"
    folded = _folded(path)
    if folded in files or folded in folders:
        return f"clashes with {files.get(folded) or folders[folded]!r}"
    files[folded] = path
    for parent in map(str, PurePosixPath(path).parents[:-1]):
        folded = _folded(parent)
        if folded in files or folders.setdefault(folded, parent) != parent:
            return f"clashes with {files.get(folded) or folders[folded]!r}"
    return ""


def _folded(path: str) -> str:
    """One spelling for all that a file system without case, or with its own Unicode form, mixes."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _write(archive: Path, member: _Member, path: Path, progress: "_Progress") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as target, contextlib.ExitStack() as stack:
        with _explained_damage(archive, member.name):
            source = stack.enter_context(member.open())
        while True:
            with _explained_damage(archive, member.name):
                block = source.read(_BLOCK)
                written += len(block)
                if written > member.size or (not block and written < member.size):
                    raise ValueError("its size is not the declared one")
            if not block:
                break
            target.write(block)
            progress.update(len(block))


def _refuse_full_disk(archive: Path, folder: Path, total: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < total:
        raise UserError(
            f"{archive} unpacks to {_megabytes(total)}, but {folder.parent} has room for "
            f"{_megabytes(free)}. Make room, or run where there is more."
        )


@contextlib.contextmanager
def _explained_damage(archive: Path, member: str = "") -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        where = f"{archive}: {member!r}" if member else f"{archive}"
        raise UserError(
            f"{where} cannot be read: {error or type(error).__name__}. The archive is damaged, "
            "incomplete or of a kind that Python cannot read; get or make it again."
        ) from error


@contextlib.contextmanager
def _explained_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{error.filename or path} cannot be read or written: {error.strerror or error}. "
            "Check the free space and the permissions, then run again."
        ) from error


class _Progress:
    """Says a line at each tenth, but not for less than 10 MB: a progress bar that suits a log.

    `total`, `update`, `reset` and `close` are what pooch calls; it sets `total` (0 if unknown)
    first, and counts whole chunks until it puts the sum right at the end.
    """

    def __init__(self, doing: str, total: int = 0):
        self.doing, self.total = doing, total
        self.done = self.said = 0

    def update(self, count: int) -> None:
        self.done += count
        step = max(self.total // 10, 10 * 10**6)
        if self.done // step == self.said // step:
            return
        self.said = self.done
        if self.total:
            percent = min(100, self.done * 100 // self.total)
            say(f"{self.doing}: {percent} % of {_megabytes(self.total)}")
        else:
            say(f"{self.doing}: {_megabytes(self.done)}")

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        """Nothing to put away."""


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
