"""Values as the schema wants them: defaults filled in, strings converted."""

import contextlib
import math
import os
from typing import Any

import yaml

from cxr.config.schema import applied, types_of

_NULLS = ("", "~", "null")  # what YAML reads as nothing
_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")


def settle(value: Any, schema: dict) -> Any:
    """Copy a value with strings converted and defaults filled in, as far as it fits."""
    schema = applied(schema, value)
    value = _convert(value, schema)
    if isinstance(value, dict) and "object" in types_of(schema):
        return _settle_section(value, schema)
    if isinstance(value, list) and "array" in types_of(schema):
        return [settle(item, schema["items"]) for item in value]
    return value


def _settle_section(section: dict, schema: dict) -> dict:
    settled = {}
    known = schema.get("properties", {})
    for key, sub in known.items():
        if key in section or "default" in sub:
            settled[key] = settle(section.get(key, sub.get("default")), sub)
    others = schema.get("additionalProperties")
    for key in [key for key in section if key not in known]:
        settled[key] = settle(section[key], others) if isinstance(others, dict) else section[key]
    return settled


def _convert(value: Any, schema: dict) -> Any:
    types = types_of(schema)
    if isinstance(value, int) and value.bit_length() > 1000:
        return math.inf if value > 0 else -math.inf  # neither prints nor fits a float
    if value is None and "object" in types:
        return {}
    if isinstance(value, str):
        return _convert_text(value, schema)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _convert_number(value, schema)
    return value


def _convert_number(value: float, schema: dict) -> Any:
    types = types_of(schema)
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return int(value)
    if "number" in types:
        return value + 0.0  # 0, 0.0 and -0.0 must not look like a change of the parameters
    if "string" in types and isinstance(value, int) and schema.get("format") != "id":
        return str(value)  # but an id 00000013_005 without quotes has lost its digits
    return value


def _convert_text(text: str, schema: dict) -> Any:
    types, word = types_of(schema), text.strip().lower()
    if word in _NULLS and "null" in types:
        return None
    if word in _NULLS and "object" in types:
        return {}
    if "string" in types:
        return _expanded(text) if schema.get("format") in ("folder", "file", "path") else text
    if "enum" in schema:
        number = _number(word)
        return number if text not in schema["enum"] and number in schema["enum"] else text
    if "boolean" in types and word in _TRUE + _FALSE:
        return word in _TRUE
    if "integer" in types or "number" in types:
        number = _number(word)
        return text if number is None else _convert_number(number, schema)
    if "array" in types and word.startswith("["):
        with contextlib.suppress(yaml.YAMLError):
            return yaml.load(text, Loader=yaml.BaseLoader)  # as Snakemake does; strings all through
    return text


def _expanded(path: str) -> str:
    """A path with a home folder in place of `~`, where there is one."""
    with contextlib.suppress(ValueError):
        return os.path.expanduser(path)  # noqa: PTH111 (Path raises where there is none)
    return path


def _number(text: str) -> int | float | None:
    """The finite number that `text` spells, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    with contextlib.suppress(ValueError):
        return int(text)
    return number
