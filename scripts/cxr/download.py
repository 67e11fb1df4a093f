"""Fetch an archive into data/downloads/, trusting no network and replacing no file of the user's.

`pooch` downloads; the rest is ours because pooch knows no file: URLs, replaces a file whose
checksum differs, and does not continue a download that broke off (see `cxr.partial`).
"""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pooch
import requests

from cxr import partial
from cxr.errors import UserError, explained_disk
from cxr.files import Progress, megabytes, sha256_of
from cxr.log import say

DOWNLOADS = Path("data/downloads")
ATTEMPTS = 3  # in a row that brought nothing
CHUNK = 1 << 16  # bytes written at a time, and what a broken connection costs at most
TIMEOUT = 15, 60  # seconds without a connection, and without a byte


def fetch(url: str, sha256: str, folder: str | Path = DOWNLOADS, *, key: str = "sha256") -> Path:
    """The path of the archive at `url`, in `folder`, with the right checksum.

    `url` is an http, https or file: address or a path. A file of that name in `folder` is verified
    and used as it is, without any network; it is never changed, replaced or deleted. A download
    that breaks off or is killed is continued, by the next run if need be. `key` is what messages
    call the checksum's place in the config.

    Raises `UserError` if the archive cannot be had or is another one than `sha256` (hex) describes.
    """
    target = Path(folder) / archive_name(url)
    sha256 = sha256.strip().lower()
    part = target.with_name(f".{target.name}.part")
    with explained_disk(target):
        if os.path.lexists(target):
            return _verified_in_place(target, sha256, key)
        part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with explained_disk(part):
            continued = _bring(url, part, target)
            found = sha256_of(part)
            if found != sha256 and continued:
                say("the parts of the download do not fit together: starting anew")
                partial.discard(part)
                _bring(url, part, target)
                found = sha256_of(part)
            if found != sha256:
                partial.discard(part)
                raise UserError(
                    f"{url} gave a file with sha256 {found}, but {key} is {sha256}. Nothing was "
                    f"kept. Try again later, or, if you trust this archive, set {key} to the "
                    "sha256 found."
                )
            if os.path.lexists(target):  # placed by hand in the meantime
                partial.discard(part)
                return _verified_in_place(target, sha256, key)
            part.replace(target)
            partial.discard(part)
    finally:
        with contextlib.suppress(OSError):
            partial.keep_if_begun(part)
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


def _scheme(url: str) -> str:
    """http, https, file..., or nothing for a path."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://|(file):", url, re.IGNORECASE)
    return (found[1] or found[2]).lower() if found else ""


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError as error:
        raise UserError(f"{url} is not a valid address ({error}). Correct it.") from error


def _bring(url: str, part: Path, target: Path) -> bool:
    """Write a file to `part`; whether a part of it was there before."""
    scheme = _scheme(url)
    if scheme in ("http", "https"):
        return _download(url, part, target)
    if scheme in ("file", ""):
        _copy(url, part)
        return False
    raise UserError(
        f"{url}: archives are fetched from http, https or file: addresses, not {scheme}. "
        + _by_hand(target)
    )


def _download(url: str, part: Path, target: Path) -> bool:
    """Download; go on when the connection or the server fails. Whether the file came in parts."""
    say(f"downloading {url}")
    failures, most = 0, partial.begun(part, url)[0]
    while True:
        size, record = partial.begun(part, url)
        try:
            _request(url, part, target.name, size, record)
            return size > 0
        except requests.RequestException as error:
            reason, passing = _network_reason(error)
            come, _ = partial.begun(part, url)
            failures, most = (0, come) if come > most else (failures + 1, most)
            if not passing or failures == ATTEMPTS:
                kept = f" What came is kept ({megabytes(come)}) and continued by the next run."
                raise UserError(
                    f"{url} could not be fetched: {reason}.{kept if come else ''} "
                    f"{_by_hand(target)}"
                ) from error
            say(f"{reason}; trying again")
            time.sleep(failures)


def _request(url: str, part: Path, name: str, size: int, record: dict[str, Any]) -> None:
    """Ask a server once, for what is missing behind `size` bytes; see `cxr.partial.begun`."""
    if size and size == record["total"]:
        return
    with part.open("ab") as file:
        downloader = pooch.HTTPDownloader(
            progressbar=Progress(f"downloading {name}"),
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers=partial.headers(size, record),
            hooks={"response": lambda response, **_: partial.accept(response, part, file, url)},
        )
        try:
            downloader(url, file, None)
        except requests.HTTPError as error:
            if error.response.status_code == 416:  # nothing behind these bytes: a shorter file
                partial.discard(part)
            raise
    size, record = partial.begun(part, url)
    if size and size < record["total"]:
        raise requests.exceptions.ChunkedEncodingError


def _network_reason(error: requests.RequestException) -> tuple[str, bool]:
    """What went wrong in plain words, and whether another attempt may help."""
    if isinstance(error, requests.HTTPError):
        answer = error.response
        return (
            f"the server answered {answer.status_code} {answer.reason}",
            answer.status_code >= 500 or answer.status_code == 416,
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
    found = sha256_of(target)
    if found != sha256:
        raise UserError(
            f"{target} is there already and has sha256 {found}, but {key} is {sha256}. It was left "
            f"untouched. Move it away to fetch the archive anew, or, if it is the one you want, "
            f"set {key} to the sha256 found."
        )
    say(f"using {target}, checksum verified")
    return target
