"""What is allowed and what is wrong, in words."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema

from cxr.config.schema import SCHEMA, definition, keys, types_of

Key = tuple[Any, ...]  # the way to a value: ("experiments", "lesson", "filters", 2)

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
}


def allowed(schema: dict) -> str:
    """Say in words what values a schema allows."""
    if "title" in schema:
        return schema["title"]
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return one_of(schema["enum"])
    types = types_of(schema)
    if "object" in types:
        return _allowed_section(schema)
    if "array" in types:
        return _allowed_list(schema)
    limits = _limits(schema)
    return ", or ".join(
        _KINDS[kind] + (limits if kind in ("integer", "number") else "") for kind in types
    )


def _allowed_section(schema: dict) -> str:
    if "properties" in schema:
        return f"a section with the keys {', '.join(schema['properties'])}"
    return "a section with at least one entry, under a name of its own"


def _allowed_list(schema: dict) -> str:
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if low and high:
        count = f" of {low} to {high} items"
    elif low or high:
        count = (
            f" of at least {low} item{'s' if low > 1 else ''}"
            if low
            else f" of at most {high} items"
        )
    else:
        count = ""
    twice = ", none twice" if schema.get("uniqueItems") else ""
    return f"a list{count}, each {allowed(definition(schema['items']))}{twice}"


def _limits(schema: dict) -> str:
    if "minimum" in schema and "maximum" in schema:
        return f" from {schema['minimum']} to {schema['maximum']}"
    words = {
        "minimum": "at least",
        "exclusiveMinimum": "above",
        "maximum": "at most",
        "exclusiveMaximum": "below",
    }
    found = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    return f" {' and '.join(found)}" if found else ""


def one_of(names: Iterable[Any]) -> str:
    """The choices there are, in words."""
    names = [show_name(name) for name in names]
    return f"one of {', '.join(names)}" if len(names) > 1 else "".join(names)


def explain(error: jsonschema.ValidationError) -> Iterator[tuple[Key, str]]:
    """Key and text of each problem in one error of the validator."""
    key: Key = tuple(error.absolute_path)
    schema = error.schema
    if "propertyNames" in error.absolute_schema_path:
        yield (*key, error.instance), _wrong_name(error)
    elif error.validator == "additionalProperties":
        paths = _below(schema)
        for extra in error.instance.keys() - schema["properties"].keys():
            yield (*key, extra), _unknown_key(extra, schema, paths)
    elif error.validator == "required":
        for missing in schema["required"]:
            if missing not in error.instance:
                sub = definition(schema["properties"][missing])
                yield (*key, missing), f"missing, allowed: {allowed(sub)}"
    else:
        text = found(error.instance, allowed(schema))
        yield key, text + _hint(error.instance, schema, error.cause)


def found(value: Any, what: str) -> str:
    """Say what a key holds and `what` it may hold."""
    return f"found {show(value)}, allowed: {what}"


def _wrong_name(error: jsonschema.ValidationError) -> str:
    if error.validator == "not":
        return "this name is one of pleura's own words, take another"
    return f"this name cannot be used, allowed: {SCHEMA['$defs']['name']['title']}"


def _unknown_key(key: Any, schema: dict, paths: dict[str, list[str]]) -> str:
    known = schema["properties"]
    source = known.get("source", {}).get("const")
    text = f"unknown key{f' of a data set with the source {source}' if source else ''}"
    close = _closest(key, known, cutoff=0.8) or _closest(key, paths)
    if close is None:
        return f"{text}, allowed: {', '.join(known)}"
    return f"{text}; did you mean {' or '.join(f'`{path}`' for path in paths[close])}?"


def _below(schema: dict) -> dict[str, list[str]]:
    """Last words of the key paths in a section, those of the section itself first."""
    paths = {key: [key] for key in schema["properties"]}
    for path, _ in keys(schema):
        *above, word = path.split(".")
        if above and word not in schema["properties"] and not word.startswith("<"):
            paths.setdefault(word, []).append(path)
    return paths


def _hint(value: Any, schema: dict, cause: Exception | None) -> str:
    """What else helps to put a value right."""
    if cause is not None:
        return f"; {plain(str(cause))}"
    if value is None and "default" in schema:
        return f"; leave the key out for the default, {show(schema['default'])}"
    if "enum" in schema:
        return did_you_mean(value, schema["enum"])
    if "array" in types_of(schema) and re.match(r"[^\s\[]", str(value)) and not _holds(value):
        return f"; did you mean `[{plain(str(value))}]`?"
    if "string" in types_of(schema) and not isinstance(value, str) and not _holds(value):
        return "; put it in quotes if it is text"
    return ""


def _holds(value: Any) -> bool:
    return value is None or isinstance(value, dict | list | set | tuple)


def _closest(word: Any, choices: Iterable[Any], cutoff: float = 0.6) -> Any | None:
    """The one of `choices` that is spelt most like `word`, if one is close."""
    if not isinstance(word, str):
        return None
    known = {str(choice).lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower()[:100], known, n=1, cutoff=cutoff)
    return known[close[0]] if close else None


def did_you_mean(word: Any, choices: Iterable[Any]) -> str:
    close = _closest(word, choices)
    return "" if close is None else f"; did you mean `{show_name(close)}`?"


def show(value: Any) -> str:
    """A value on one line, as one would write it in the configuration; long ones are cut."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = f"a {'section' if isinstance(value, dict) else 'list'}"
    return plain(text if len(text) <= 80 else text[:77] + "...")


def plain(text: str) -> str:
    """A text on one line: line breaks, control characters and the like as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show_name(value: Any) -> str:
    """A name as it stands where it is plain, else as `show` writes it."""
    plain = isinstance(value, str) and re.fullmatch(r"[\w ./-]{1,80}", value)
    return value if plain else show(value)


def dotted(key: Key) -> str:
    """Key path as people write it: experiments.lesson.filters[2]."""
    path = ""
    for part in key:
        if isinstance(part, int) and path:
            path += f"[{part}]"
        else:
            path += f".{show_name(part)}" if path else show_name(part)
    return path or "config"
