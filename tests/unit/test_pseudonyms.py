import multiprocessing
import re

import pytest

from cxr.errors import UserError
from cxr.pseudonyms import load_key, pseudonym


def test_key_is_drawn_once_and_kept_for_its_owner(tmp_path):
    path = tmp_path / "data/pseudonyms.key"
    key = load_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["pseudonyms.key"]
    load_key.cache_clear()
    assert load_key(path) == key
    assert load_key(tmp_path / "other.key") != key


def test_jobs_that_begin_together_share_a_key(tmp_path):
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(set(pool.map(load_key, [tmp_path / "pseudonyms.key"] * 8, chunksize=1))) == 1


@pytest.mark.parametrize("text", ["", "abc", "0" * 63, "0" * 66, "z" * 64, "\xff"])
def test_what_is_no_key_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "pseudonyms.key"
    path.write_text(text)
    with pytest.raises(UserError, match=r"is no key of 64 hexadecimal digits"):
        load_key(path)
    assert path.read_text() == text


def test_pseudonyms_are_of_patient_and_key():
    key, other = bytes(32), bytes([1] * 32)
    name = pseudonym("17", key)
    assert re.fullmatch("p[0-9a-f]{16}", name)
    assert pseudonym("17", key) == name
    assert len({name, pseudonym("18", key), pseudonym("17", other), pseudonym("肺", key)}) == 4
    assert pseudonym("", key) == ""


def test_pseudonyms_are_hmac_sha256():
    """RFC 4231, test case 2."""
    assert pseudonym("what do ya want for nothing?", b"Jefe") == "p5bdcc146bf60754e"
