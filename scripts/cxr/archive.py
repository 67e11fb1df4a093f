"""Unpack an archive without trusting it.

The filter is ours because Python's tar reader has none below Python 3.12. It refuses what Python's
own `data` filter refuses, for zip and tar alike, and more: any link, names that clash where upper
and lower case are one, and archives that unpack to more than the bounds below.
"""

import contextlib
import lzma
import re
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from cxr.acquired import LITTER
from cxr.errors import UserError, explained_disk
from cxr.files import BLOCK, Progress, megabytes
from cxr.log import say

# The NIH release, the largest set in sight, has 112,120 images in 42 GB.
MAX_FILES = 1_000_000  # folders and litter included
MAX_FILE_BYTES = 4 * 10**9
MAX_TOTAL_BYTES = 100 * 10**9
MAX_HEADER_BYTES = 2**20  # of the long names and other extensions that a tar has before a member

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
    MemoryError,
    OverflowError,
    RecursionError,  # a thousand extended headers in a row
)


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
        with explained_disk(folder):
            _refuse_full_disk(archive, folder, total)
            progress = Progress(f"unpacking {archive.name}", total)
            for path, member in plan:
                _write(archive, member, folder / path, progress)
    say(f"unpacked {len(plan):,} files ({megabytes(total)}) from {archive}")


class _Member(NamedTuple):
    name: str  # as it stands in the archive
    size: int  # bytes, as the archive declares
    is_folder: bool
    fault: str  # why the member is refused whatever its name, or ""
    open: Callable[[], IO[bytes]]


class _TarHeader(tarfile.TarInfo):
    """A header that Python's reader can follow without taking up gigabytes or going in circles."""

    @classmethod
    def frombuf(cls, buf: bytes, encoding: str, errors: str) -> "_TarHeader":
        """Refuse sizes below 0, extensions that are read whole and large, and lists of gaps."""
        header = super().frombuf(buf, encoding, errors)
        extension = header.type not in tarfile.REGULAR_TYPES and header.type != tarfile.DIRTYPE
        if header.size < 0 or (extension and header.size > MAX_HEADER_BYTES):
            raise tarfile.ReadError(f"a header declares {header.size:,} bytes")
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError("a sparse file")
        return header

    def _proc_gnusparse_10(self, *_: object) -> None:
        raise tarfile.ReadError("a sparse file")


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
        return tarfile.open(fileobj=file, mode="r:*", tarinfo=_TarHeader)
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
        size = 0 if info.isdir() else info.size
        yield _Member(
            info.name, size, info.isdir(), fault, lambda info=info: file.extractfile(info)
        )
    # tarfile takes a bad header for the end; reading on also checks a compressed stream's checksum
    file.fileobj.seek(file.offset)
    if not file.fileobj.read(BLOCK).startswith(bytes(tarfile.BLOCKSIZE)):
        raise tarfile.ReadError("its end is missing")


def _plan(archive: Path, members: Iterable[_Member]) -> list[tuple[str, _Member]]:
    """The files to write, each with its path below the folder, in the archive's order."""
    plan: list[tuple[str, _Member]] = []
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    total = 0
    with _explained_damage(archive):
        for count, member in enumerate(members, start=1):
            path = "/".join(part for part in member.name.split("/") if part not in ("", "."))
            total += member.size
            fault = member.fault or _name_fault(member.name) or _size_fault(member, total, count)
            if not fault and not (member.is_folder or _is_litter(path)):
                plan.append((path, member))
                fault = _clash(path, files, folders)
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
    """Why a member is too much, with a `total` of bytes and a count of files that include it."""
    if not 0 <= member.size <= MAX_FILE_BYTES:
        return f"declares {member.size:,} bytes, not 0 to {megabytes(MAX_FILE_BYTES)}"
    if total > MAX_TOTAL_BYTES:
        return f"makes the archive's contents larger than {megabytes(MAX_TOTAL_BYTES)}"
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


def _write(archive: Path, member: _Member, path: Path, progress: Progress) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with path.open("xb") as target, contextlib.ExitStack() as stack:
        with _explained_damage(archive, member.name):
            source = stack.enter_context(member.open())
        while True:
            with _explained_damage(archive, member.name):
                block = source.read(BLOCK)
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
            f"{archive} unpacks to {megabytes(total)}, but {folder.parent} has room for "
            f"{megabytes(free)}. Make room, or run where there is more."
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
