"""A download that broke off: the bytes so far, and how a server is asked for the rest.

Beside the bytes (`.a.zip.part`) lies what they are bytes of (`.a.zip.part.json`): `url`, `total`
(bytes of the whole, null if unknown) and `validator`, the server's name for that very file, its
ETag or date. The rest is asked for by `Range` with `If-Range` (RFC 9110, sections 13.1.5 and 14.2):
a server whose file is another one by now, or that knows no ranges, sends the whole file instead.
"""

import contextlib
import json
import re
from pathlib import Path
from typing import IO, Any

import requests

from cxr.files import megabytes
from cxr.log import say


def begun(part: Path, url: str) -> tuple[int, dict[str, Any]]:
    """How many bytes of `url` there are, and their record; 0 and {} if they cannot be continued."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        record = json.loads(_record(part).read_text(encoding="utf-8"))
        record["total"] = int(record["total"] or 0)
        if record["url"] == url and record["validator"]:
            return part.stat().st_size, record
    return 0, {}


def headers(size: int, record: dict[str, Any]) -> dict[str, str]:
    """What to ask a server with: for the file as it is stored, a .tar.gz as one, from `size` on."""
    rest = {"Range": f"bytes={size}-", "If-Range": record["validator"]} if size else {}
    return {"Accept-Encoding": "identity", **rest}


def accept(response: requests.Response, part: Path, file: IO[bytes], url: str) -> None:
    """Cut `file`, which is `part` opened to append, to where the answer goes on.

    An answer with the whole file begins anew, with a record if the server allows to continue.
    """
    length = response.headers.get("Content-Length", "")
    if not re.fullmatch("[0-9]{1,18}", length):
        response.headers.pop("Content-Length", None)  # pooch takes it for a number
    if response.status_code not in (200, 206):
        return  # a redirect or an error
    size = file.seek(0, 2)
    place = re.match(r"bytes (\d{1,18})-", response.headers.get("Content-Range", ""))
    if response.status_code == 206 and place and int(place[1]) <= size:
        file.truncate(int(place[1]))
        say(f"going on from {megabytes(int(place[1]))}")
        return
    if "Range" in response.request.headers:
        say("the file on the server is another one by now, or it sends no parts: starting anew")
    _record(part).unlink(missing_ok=True)
    file.truncate(0)
    if validator := _validator(response):
        total = int(response.headers.get("Content-Length", 0)) or None
        record = {"url": url, "validator": validator, "total": total}
        _record(part).write_text(json.dumps(record), encoding="utf-8")


def discard(part: Path) -> None:
    """Forget a download."""
    _record(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def keep_if_begun(part: Path) -> None:
    """Remove bytes that no later run could continue."""
    if not _record(part).exists():
        part.unlink(missing_ok=True)


def _record(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _validator(response: requests.Response) -> str:
    """The ETag, unless it is a weak one, or the date; "" if the file cannot be continued."""
    given = response.headers
    if "Content-Encoding" in given or given.get("Accept-Ranges", "").lower() == "none":
        return ""
    tag = given.get("ETag", "")
    return tag if tag.startswith('"') else given.get("Last-Modified", "")
