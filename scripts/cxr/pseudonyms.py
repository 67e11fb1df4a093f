"""Names for patients that tell nobody who they are, as long as the key stays secret.

A pseudonym is a keyed hash (HMAC-SHA256, RFC 2104) of the patient's identifier: the same patient
has the same one in every data set and run with this key, and without the key nobody can try out
identifiers, which are often short numbers, until one fits.
"""

import contextlib
import functools
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from cxr.errors import UserError, explained_disk

_DIGITS = 64  # of a key, hexadecimal


@functools.cache
def load_key(path: Path) -> bytes:
    """Return the project's key; a random one is drawn and kept at `path` where there is none.

    Args:
        path: a text file of 64 hexadecimal digits, which only its owner may read.

    Raises:
        UserError: it cannot be read or written, or holds something else.
    """
    with explained_disk(path):
        if not path.exists():
            _draw(path)
        text = path.read_text(encoding="ascii", errors="replace").strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) * 2 != _DIGITS:
        raise UserError(
            f"{path} is no key of {_DIGITS} hexadecimal digits. Put the right file back, or remove "
            "it: then a new key is drawn and all patients get new pseudonyms."
        )
    return key


def _draw(path: Path) -> None:
    """Write a new key in one step: of threads and jobs that begin together, one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".pseudonyms-") as own:
        own.write(secrets.token_hex(_DIGITS // 2) + "\n")  # for nobody else to read: mode 600
        own.flush()
        with contextlib.suppress(FileExistsError):
            os.link(own.name, path)


def pseudonym(patient: str, key: bytes) -> str:
    """Return the name of a patient in all results: p and 16 hexadecimal digits; "" for ""."""
    if not patient:
        return ""
    digest = hmac.new(key, patient.encode("utf-8", "surrogatepass"), hashlib.sha256)
    return f"p{digest.hexdigest()[:16]}"
