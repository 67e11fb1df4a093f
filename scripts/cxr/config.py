"""The configuration: defaults, conversions and checks by schemas/config.schema.yaml."""

import contextlib
import difflib
import json
import math
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import yaml

from cxr.errors import UserError

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "schemas" / "config.schema.yaml"
SCHEMA = yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8"))

Key = tuple[Any, ...]  # the way to a value: ("experiments", "lesson", "filters", 2)

_NULLS = ("", "~", "null")  # what YAML reads as nothing
_TRUE = ("true", "yes", "on")
_FALSE = ("false", "no", "off")
_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "null": "null",
}


def load(config: dict | None, root: Path) -> dict:
    """Complete and check a configuration.

    A string becomes a number, a truth value, null or a list where the schema asks for one
    (`--config a={b: 1}` makes strings of numbers, and YAML reads 1e-3 as a string), and a whole
    number becomes a string where only text will do. Defaults are filled in at every level; a
    section with nothing in it gets all of its defaults.

    Args:
        config: Snakemake's merged configuration. It is not changed.
        root: The project's root, from which relative paths start.

    Returns:
        A new dictionary with every key of the schema.

    Raises:
        UserError: Something is wrong. One line for each problem: the key, the value found and
            what is allowed.
    """
    problems = _Problems()
    try:
        settled = _settle(config, SCHEMA)
        for error in _VALIDATOR.iter_errors(settled):
            problems.add_all(_explain(error))
    except (RecursionError, ValueError) as error:  # the validator prints what it refuses
        raise UserError(f"The configuration holds something too long to print: {error}.") from error
    _check_names(settled, problems)
    _check_classes(settled, problems)
    _check_experiments(settled, problems)
    _check_subsets(settled, problems)
    _check_files(settled, root, problems)
    problems.raise_if_any()
    return settled


def keys(schema: dict = SCHEMA, at: str = "") -> Iterator[tuple[str, dict]]:
    """Walk every key that a schema describes.

    Yields:
        Key path and schema, references followed. A name that the user chooses is `<name>`, or
        the source of a data set, whose keys depend on it: `datasets.<folder>.path`.
    """
    schema = _definition(schema)
    for key, sub in schema.get("properties", {}).items():
        path = f"{at}.{key}" if at else key
        yield path, _definition(sub)
        yield from keys(sub, path)
    if isinstance(schema.get("additionalProperties"), dict):
        entry = _definition(schema["additionalProperties"])
        branches = [_definition(branch["then"]) for branch in entry.get("allOf", ())]
        for branch in branches or [entry]:
            name = branch["properties"].get("source", {}).get("const", "name")
            yield f"{at}.<{name}>", branch
            yield from keys(branch, f"{at}.<{name}>")


def allowed(schema: dict) -> str:
    """Say in words what values a schema allows."""
    if "title" in schema:
        return schema["title"]
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return _one_of(schema["enum"])
    types = _types(schema)
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
        count = f" of at least {low} item" if low else f" of at most {high} items"
    else:
        count = ""
    twice = ", none twice" if schema.get("uniqueItems") else ""
    return f"a list{count}, each {allowed(_definition(schema['items']))}{twice}"


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


def _one_of(names: Iterable[Any]) -> str:
    names = [_name(name) for name in names]
    return f"one of {', '.join(names)}" if len(names) > 1 else "".join(names)


# --- defaults and conversions -------------------------------------------------------------


def _definition(schema: dict) -> dict:
    """Follow a reference; keys beside it win."""
    if "$ref" not in schema:
        return schema
    name = schema["$ref"].removeprefix("#/$defs/")
    return {**_definition(SCHEMA["$defs"][name]), **schema}


def _types(schema: dict) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def _applied(schema: dict, value: Any) -> dict:
    """The schema that governs `value`, with the branch of its `source` merged in."""
    schema = _definition(schema)
    for branch in schema.get("allOf", ()) if isinstance(value, dict) else ():
        if value.get("source") == branch["if"]["properties"]["source"]["const"]:
            schema = {**schema, **_definition(branch["then"])}
    return schema


def _settle(value: Any, schema: dict) -> Any:
    """Copy a value with strings converted and defaults filled in, as far as it fits."""
    schema = _applied(schema, value)
    value = _convert(value, schema)
    if isinstance(value, dict) and "object" in _types(schema):
        return _settle_section(value, schema)
    if isinstance(value, list) and "array" in _types(schema):
        return [_settle(item, schema["items"]) for item in value]
    return value


def _settle_section(section: dict, schema: dict) -> dict:
    settled = {}
    known = schema.get("properties", {})
    for key, sub in known.items():
        if key in section or "default" in sub:
            settled[key] = _settle(section.get(key, sub.get("default")), sub)
    others = schema.get("additionalProperties")
    for key in [key for key in section if key not in known]:
        settled[key] = _settle(section[key], others) if isinstance(others, dict) else section[key]
    return settled


def _convert(value: Any, schema: dict) -> Any:
    types = _types(schema)
    if isinstance(value, int) and value.bit_length() > 1000:
        return math.inf if value > 0 else -math.inf  # neither prints nor fits a float
    if value is None and "object" in types:
        return {}
    if isinstance(value, str):
        return _convert_text(value, schema)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _convert_number(value, types)
    return value


def _convert_number(value: float, types: list[str]) -> Any:
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return int(value)
    if "number" in types:
        return float(value)  # 0 and 0.0 must not look like a change of the parameters
    if "string" in types and isinstance(value, int):
        return str(value)
    return value


def _convert_text(text: str, schema: dict) -> Any:
    types, word = _types(schema), text.strip().lower()
    if word in _NULLS and "null" in types:
        return None
    if word in _NULLS and "object" in types:
        return {}
    if "string" in types:
        return _expanded(text) if "format" in schema else text
    if "enum" in schema:
        number = _number(word)
        return number if text not in schema["enum"] and number in schema["enum"] else text
    if "boolean" in types and word in _TRUE + _FALSE:
        return word in _TRUE
    if "integer" in types or "number" in types:
        number = _number(word)
        return text if number is None else _convert_number(number, types)
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


# --- what is wrong, in words --------------------------------------------------------------


class _Problems:
    """The problems found so far, by key."""

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}

    def add(self, key: Key, text: str) -> None:
        """Note a problem; the first one of a key stands."""
        self._texts.setdefault(key, text)

    def add_all(self, problems: Iterable[tuple[Key, str]]) -> None:
        """Note several problems."""
        for key, text in problems:
            self.add(key, text)

    def sound(self, *keys: Key) -> bool:
        """Whether nothing is wrong at these keys, above them or below them."""
        return not any(bad[: len(key)] == key[: len(bad)] for bad in self._texts for key in keys)

    def raise_if_any(self) -> None:
        """Raise one UserError with all problems, by key."""
        if not self._texts:
            return
        texts = sorted((_dotted(key), text) for key, text in self._texts.items())
        lines = [f"  {key}: {text}" for key, text in texts]
        count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
        head = f"The configuration has {count} (docs/config.md describes every key):"
        raise UserError("\n".join([head, *lines]))


def _explain(error: jsonschema.ValidationError) -> Iterator[tuple[Key, str]]:
    """Key and text of each problem in one error of the validator."""
    key: Key = tuple(error.absolute_path)
    schema = error.schema
    if "propertyNames" in error.absolute_schema_path:
        yield (*key, error.instance), _wrong_name(error)
    elif error.validator == "additionalProperties":
        for extra in error.instance.keys() - schema["properties"].keys():
            yield (*key, extra), _unknown_key(extra, schema)
    elif error.validator == "required":
        for missing in schema["required"]:
            if missing not in error.instance:
                sub = _definition(schema["properties"][missing])
                yield (*key, missing), f"missing, allowed: {allowed(sub)}"
    else:
        text = _found(error.instance, allowed(schema))
        yield key, text + _hint(error.instance, schema, error.cause)


def _found(value: Any, what: str) -> str:
    return f"found {_show(value)}, allowed: {what}"


def _wrong_name(error: jsonschema.ValidationError) -> str:
    if error.validator == "not":
        return "this name is one of pleura's own words, take another"
    return f"this name cannot be used, allowed: {SCHEMA['$defs']['name']['title']}"


def _unknown_key(key: Any, schema: dict) -> str:
    known = schema["properties"]
    source = known.get("source", {}).get("const")
    text = f"unknown key{f' of a data set with the source {source}' if source else ''}"
    paths = _below(schema)
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
        return f"; {_plain(str(cause))}"
    if value is None and "default" in schema:
        return f"; leave the key out for the default, {_show(schema['default'])}"
    if "enum" in schema:
        return _did_you_mean(value, schema["enum"])
    if "array" in _types(schema) and isinstance(value, str | int):
        return f"; did you mean `[{_name(value)}]`?"
    if "string" in _types(schema) and isinstance(value, bool):
        return "; put it in quotes if it is text"
    return ""


def _closest(word: Any, choices: Iterable[Any], cutoff: float = 0.6) -> Any | None:
    """The one of `choices` that is spelt most like `word`, if one is close."""
    if not isinstance(word, str):
        return None
    known = {str(choice).lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower()[:100], known, n=1, cutoff=cutoff)
    return known[close[0]] if close else None


def _did_you_mean(word: Any, choices: Iterable[Any]) -> str:
    close = _closest(word, choices)
    return "" if close is None else f"; did you mean `{_name(close)}`?"


def _show(value: Any) -> str:
    """A value on one line, as one would write it in the configuration; long ones are cut."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError, RecursionError):
        text = f"a {'section' if isinstance(value, dict) else 'list'}"
    return _plain(text if len(text) <= 80 else text[:77] + "...")


def _plain(text: str) -> str:
    """A text on one line: line breaks, control characters and the like as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _name(value: Any) -> str:
    plain = isinstance(value, str) and re.fullmatch(r"[\w ./-]{1,80}", value)
    return value if plain else _show(value)


def _dotted(key: Key) -> str:
    """Key path as people write it: experiments.lesson.filters[2]."""
    path = ""
    for part in key:
        if isinstance(part, int) and path:
            path += f"[{part}]"
        else:
            path += f".{_name(part)}" if path else _name(part)
    return path or "config"


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
_VALIDATOR = jsonschema.validators.extend(
    _DRAFT, type_checker=_DRAFT.TYPE_CHECKER.redefine("number", _is_finite)
)(SCHEMA, format_checker=_FORMATS)


# --- what one key asks of another ---------------------------------------------------------
# Each check looks only at values that are sound so far.


def _section(settled: Any, name: str) -> dict:
    section = settled.get(name) if isinstance(settled, dict) else None
    return section if isinstance(section, dict) else {}


def _check_names(settled: Any, problems: _Problems) -> None:
    """`dataset`, `run` and `main` name what there is."""
    datasets, experiments = _section(settled, "datasets"), _section(settled, "experiments")
    if datasets and problems.sound(("dataset",)):
        _check_name(("dataset",), settled["dataset"], datasets, problems)
    if not (experiments and problems.sound(("run",))):
        return
    for row, name in enumerate(settled["run"]):
        _check_name(("run", row), name, experiments, problems)
    if problems.sound(("run",), ("main",)):
        _check_name(("main",), settled["main"], settled["run"], problems)


def _check_name(key: Key, name: str, known: Iterable[str], problems: _Problems) -> None:
    if name not in known:
        where = " (those of `run`)" if key == ("main",) else ""
        text = _found(name, _one_of(known) + where)
        problems.add(key, text + _did_you_mean(name, known))


def _check_classes(settled: Any, problems: _Problems) -> None:
    """The two classes of a data set are told apart."""
    for name in _section(settled, "datasets"):
        at = ("datasets", name)
        if not problems.sound(at):
            continue
        data = settled["datasets"][name]
        if "classes" in data:
            effusion, normal = (PurePosixPath(data["classes"][k]) for k in ("effusion", "normal"))
            if effusion.is_relative_to(normal) or normal.is_relative_to(effusion):
                what = f"a folder apart from that of the effusions ({_show(str(effusion))})"
                problems.add((*at, "classes", "normal"), _found(str(normal), what))
        pairs = {"table": ("effusion", "normal"), "nih": ("positive", "negative")}
        first, second = pairs.get(data["source"], (None, None))
        if first and data[first] == data[second]:
            problems.add((*at, second), _found(data[second], f"another label than `{first}`"))


def _check_experiments(settled: Any, problems: _Problems) -> None:
    """Networks are of one piece; those that are run fit the images."""
    for name in _section(settled, "experiments"):
        at = ("experiments", name)
        if not problems.sound((*at, "filters"), (*at, "kernels")):
            continue
        blocks, kernels = (len(settled["experiments"][name][key]) for key in ("filters", "kernels"))
        if blocks != kernels:
            what = f"a list as long as `filters` ({blocks})"
            problems.add((*at, "kernels"), f"found a list of {kernels}, allowed: {what}")
    if problems.sound(("run",), ("image", "size")):
        for name in settled["run"]:
            _check_input(name, settled, problems)


def _check_input(name: str, settled: dict, problems: _Problems) -> None:
    at = ("experiments", name)
    used = ("input_size", "filters", "pooling")
    if not problems.sound(*((*at, key) for key in used)):
        return
    given, filters, pooling = (settled["experiments"][name][key] for key in used)
    image_size = settled["image"]["size"]
    size, needed = given or image_size, 2 ** (len(filters) - 1)
    if size > image_size:
        what = f"`image.size` ({image_size}) at most, or null"
        problems.add((*at, "input_size"), _found(size, what))
    elif pooling != "none" and size < needed:
        problems.add(
            (*at, "filters"),
            f"found {len(filters)} blocks, whose poolings halve an input of {size} pixels to "
            f"nothing, allowed: fewer filters, an input of at least {needed} pixels "
            "(input_size, image.size) or `pooling: none`",
        )


def _check_subsets(settled: Any, problems: _Problems) -> None:
    """Test and validation leave images to train on."""
    if not problems.sound(("split", "test"), ("split", "validation")):
        return
    test, validation = settled["split"]["test"], settled["split"]["validation"]
    if (1 - test) * (1 - validation) < 0.01:
        what = f"with `test` {test}, a share that leaves at least 1 % for training"
        problems.add(("split", "validation"), _found(validation, what))


def _check_files(settled: Any, root: Path, problems: _Problems) -> None:
    """Files and folders of the chosen data set, and the split file, exist."""
    at = ("datasets", settled["dataset"]) if problems.sound(("dataset",)) else ()
    if at and problems.sound(at):
        data = settled["datasets"][settled["dataset"]]
        _check_paths(at, data, _applied(SCHEMA["$defs"]["dataset"], data), root, problems)
    if problems.sound(("split", "file")):
        schema = SCHEMA["properties"]["split"]
        _check_paths(("split",), settled["split"], schema, root, problems)


def _check_paths(at: Key, section: dict, schema: dict, root: Path, problems: _Problems) -> None:
    for key, sub in schema["properties"].items():
        kind = sub.get("format")
        if kind in ("folder", "file") and section[key] is not None:
            path = os.path.normpath(root.absolute() / section[key])
            if not _exists(path, kind):
                text = f"found {_show(section[key])}, but there is no {kind} {_name(path)}"
                problems.add((*at, key), text)


def _exists(path: str, kind: str) -> bool:
    """Whether a file or a folder stands at `path`; what cannot be looked at does not."""
    with contextlib.suppress(OSError, ValueError):
        return Path(path).is_dir() if kind == "folder" else Path(path).is_file()
    return False
