"""Odd configurations: each is taken or refused in words, and soon."""

import copy
import time
from pathlib import Path

import jsonschema
import pytest
import yaml
from budget import fuzz
from hypothesis import given
from hypothesis import strategies as st
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

from cxr.config import SCHEMA, keys, load
from cxr.errors import UserError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "config.yaml").read_text(encoding="utf-8")
SOURCES = {
    "one": {"source": "folder", "path": "."},
    "two": {"source": "table", "path": "config.yaml"},
    "three": {"source": "nih", "images": ".", "labels": "config.yaml"},
}
WHOLE = yaml.safe_load(TEXT)
WHOLE["datasets"].update(SOURCES)
WHOLE = load(WHOLE, ROOT)  # with every key that there is

_words = st.sampled_from(
    sorted({part for path, _ in keys() for part in path.split(".")} | {*WHOLE["experiments"]})
)
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.dates()
    | st.datetimes()
    | st.binary(max_size=3)
    | _words
    | st.sampled_from(["", " ", "~", "~x", "1_0", "0x1", "[1", "[]", "{}", "(", "(?P<a>x)", "-0"])
    | st.sampled_from([10**4000, -(10**400), 1e308, -0.0, float("nan"), "9" * 5000, "\ud800"])
)
_junk = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_words | st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=20,
)


def check(config, files=()) -> None:
    """The configuration is loaded or refused in words, in less than a second."""
    start = time.thread_time()
    try:
        loaded = load(config, ROOT, files)
    except UserError as error:
        assert all(line.isprintable() for line in str(error).splitlines())
    else:
        jsonschema.validate(loaded, SCHEMA)
        assert load(loaded, ROOT) == loaded
    assert time.thread_time() - start < 1


def paths(value, at=()):
    """The way to each value in a configuration, lists too."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*at, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*at, key))


PATHS = list(paths(WHOLE))


@fuzz(500)
@given(st.lists(st.tuples(st.sampled_from(PATHS), _junk), min_size=1, max_size=3))
def test_junk_at_any_keys(changes):
    config = copy.deepcopy(WHOLE)
    for (*above, key), value in changes:
        section = config
        try:
            for part in above:
                section = section[part]
            section[key] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken this section away
    check(config)


@fuzz(500)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(TEXT) - 1),
            st.integers(0, 30),
            st.text(":-{}[]&*!|>%@`'\"#, \n\t\rabe01?<", max_size=6),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_config_file_with_mistakes(tmp_path_factory, changes):
    """config.yaml with pieces of its text replaced, as Snakemake reads it."""
    text = TEXT
    for place, length, piece in changes:
        text = text[:place] + piece + text[place + length :]
    file = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_text(text, encoding="utf-8")
    try:
        config = load_configfile(file)
    except WorkflowError:
        return
    check(config, [file])
    merged = copy.deepcopy(WHOLE)
    try:
        update_config(merged, config)
    except (TypeError, AttributeError):
        return  # Snakemake cannot merge a section and a value
    check(merged, [file])
