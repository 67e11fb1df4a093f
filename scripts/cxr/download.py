"""Fetch an archive into data/downloads/, trusting no network and replacing no file of the user's.

`pooch` downloads; the rest is ours because pooch knows no file: URLs and replaces a file whose
checksum differs.
"""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pooch
import requests

from cxr.errors import UserError, explained_disk
from cxr.files import BLOCK, Progress, sha256_of
from cxr.log import say

DOWNLOADS = Path("data/downloads")
ATTEMPTS = 3
TIMEOUT = 15, 60  # seconds without a connection, and without a byte


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
    with explained_disk(target):
        if os.path.lexists(target):
            return _verified_in_place(target, sha256, key)
        part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with explained_disk(part):
            _bring(url, part, target)
            found = sha256_of(part)
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
            progressbar=Progress(f"downloading {target.name}"),
            chunk_size=BLOCK,
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
    found = sha256_of(target)
    if found != sha256:
        raise UserError(
            f"{target} is there already and has sha256 {found}, but {key} is {sha256}. It was left "
            f"untouched. Move it away to fetch the archive anew, or, if it is the one you want, "
            f"set {key} to the sha256 found."
        )
    say(f"using {target}, checksum verified")
    return target
