"""schemas/config.schema.yaml, ways to look things up in it, and its validator."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

try:
    from yaml import CSafeLoader as SafeLoader  # ten times as fast
except ImportError:
    from yaml import SafeLoader

SCHEMA_FILE = Path(__file__).resolve().parents[3] / "schemas" / "config.schema.yaml"
SCHEMA = yaml.load(SCHEMA_FILE.read_text(encoding="utf-8"), Loader=SafeLoader)


def keys(schema: dict = SCHEMA, at: str = "") -> Iterator[tuple[str, dict]]:
    """Walk every key that a schema describes.

    Yields:
        Key path and schema, references followed. A name that the user chooses is `<name>`, or
        the source of a data set, whose keys depend on it: `datasets.<folder>.path`.
    """
    schema = definition(schema)
    for key, sub in schema.get("properties", {}).items():
        path = f"{at}.{key}" if at else key
        yield path, definition(sub)
        yield from keys(sub, path)
    if isinstance(schema.get("additionalProperties"), dict):
        entry = definition(schema["additionalProperties"])
        branches = [definition(branch["then"]) for branch in entry.get("allOf", ())]
        for branch in branches or [entry]:
            name = branch["properties"].get("source", {}).get("const", "name")
            yield f"{at}.<{name}>", branch
            yield from keys(branch, f"{at}.<{name}>")


def definition(schema: dict) -> dict:
    """Follow a reference; keys beside it win."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix("#/$defs/")
    return {**definition(SCHEMA["$defs"][name]), **schema}


def types_of(schema: dict) -> list[str]:
    """The JSON types that a schema allows."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def applied(schema: dict, value: Any) -> dict:
    """The schema that governs `value`, with the branch of its `source` merged in."""
    schema = definition(schema)
    for branch in schema.get("allOf", ()) if isinstance(value, dict) else ():
        if value.get("source") == branch["if"]["properties"]["source"]["const"]:
            schema = {**schema, **definition(branch["then"])}
    return schema


def _is_finite(checker: jsonschema.TypeChecker, value: Any) -> bool:
    return checker.is_type(value, "integer") or (isinstance(value, float) and math.isfinite(value))


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("patient-pattern", (re.error, OverflowError, RecursionError, ValueError))
def _is_patient_pattern(value: Any) -> bool:
    if isinstance(value, str):
        groups = re.compile(value).groups
        if groups != 1:
            raise ValueError(f"this one has {groups} groups")
    return True


_DRAFT = jsonschema.Draft202012Validator
VALIDATOR = jsonschema.validators.extend(
    _DRAFT, type_checker=_DRAFT.TYPE_CHECKER.redefine("number", _is_finite)
)(SCHEMA, format_checker=_FORMATS)
