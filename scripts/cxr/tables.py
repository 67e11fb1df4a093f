"""Reading and writing tables by their schemas.

`schemas/<table>.schema.yaml` describes one row of `<table>.csv` as a JSON schema: each column's
type, meaning and allowed values. Cells are read as the schema says and never guessed at: a
patient "007" stays what it is and a file called NA.png is no missing value.
"""

import difflib
import functools
import warnings
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import yaml

from cxr.errors import UserError
from cxr.listing import open_table

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
_SHOWN = 5  # wrong cells named in a message
_PART = 5000  # rows read at a time; all at once take three times the memory
_WORKBOOKS = (b"PK\3\4", b"\xd0\xcf\x11\xe0")  # xlsx and ods, xls


@functools.cache
def load_schema(table: str) -> dict[str, Any]:
    """Return the schema of one row of a table, such as "manifest"."""
    with Path(SCHEMAS, f"{table}.schema.yaml").open(encoding="utf-8") as file:
        return yaml.safe_load(file)


def columns(table: str) -> list[str]:
    """Return the names of a table's columns, in order."""
    return list(load_schema(table)["properties"])


def read_csv(
    path: str | Path,
    where: str = "",
    encoding: str | None = None,
    columns: Collection[str] | None = None,
) -> pd.DataFrame:
    """Read a CSV file, all cells as strings, empty where empty.

    Rows that are empty altogether are left out. The index counts the others as they stand in the
    file: row i is row i + 2 of a spreadsheet, whose header is row 1.

    Args:
        where: the config key that names the file, for the message.
        encoding: that of a file that is not Unicode; see `cxr.listing.open_table`.
        columns: those to read, of a large table, and to find empty rows by; all by default.

    Raises:
        UserError: the file is missing, empty, not text of its encoding or not a CSV.
    """
    return pd.concat(read_parts(path, where, encoding, columns))


def read_parts(
    path: str | Path,
    where: str = "",
    encoding: str | None = None,
    columns: Collection[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Read a CSV file as `read_csv` does, but some thousand rows at a time."""
    prefix = f"{where}: " if where else ""
    try:
        with warnings.catch_warnings(), open_table(path, encoding) as (text, separator):
            warnings.simplefilter("error", pd.errors.ParserWarning)  # cells that would be lost
            parts = pd.read_csv(
                text,
                sep=separator,
                usecols=columns and (lambda name: name in columns),  # as it is, if it is missing
                dtype=str,
                keep_default_na=False,
                index_col=False,
                skip_blank_lines=False,
                chunksize=_PART,
            )
            yield from (part[(part != "").any(axis="columns")] for part in parts)
        return
    except FileNotFoundError:
        reason, advice = "there is no such file", "Mend the path"
    except IsADirectoryError:
        reason, advice = "it is a folder, not a CSV file", "Name the file in it"
    except OSError as error:
        reason, advice = f"it cannot be opened ({error.strerror})", "Make it readable"
    except pd.errors.EmptyDataError:
        reason, advice = "the file is empty", "It needs a header and rows"
    except UnicodeError:
        reason, advice = _not_its_text(path, encoding)
    except pd.errors.ParserWarning:
        reason, advice = "rows have more cells than the header", "Put text with a comma in quotes"
    except pd.errors.ParserError as error:
        reason, advice = f"it is not a proper CSV ({str(error).strip()})", "Mend that line"
    raise UserError(f"{prefix}{path}: {reason}. {advice}.")


def _not_its_text(path: str | Path, encoding: str | None) -> tuple[str, str]:
    """Why a file cannot be read as text, and what helps."""
    with Path(path).open("rb") as file:
        if file.read(4) in _WORKBOOKS:
            return (
                "it is an Excel or OpenDocument workbook",
                "Save its sheet there as CSV UTF-8 (File, Save as) and name that file",
            )
    if not encoding:
        advice = "Save it as CSV UTF-8, or name the `encoding` of a data set's table"
        return "it is not UTF-8 text", advice
    return f"it is not {encoding} text", "Leave `encoding` out if it is Unicode, or name another"


def require_columns(frame: pd.DataFrame, names: Collection[str], where: str) -> None:
    """Check that a table has the columns `names`.

    Args:
        where: the file, or the config key and the file, for the message.

    Raises:
        UserError: a column is missing (the message names it and what looks like it) or there
            twice.
    """
    present = list(frame.columns)
    for name in names:
        if f"{name}.1" in present:  # what pandas makes of a second one
            raise UserError(f"{where}: two columns {name!r}. Rename one.")
        if name in present:
            continue
        hint = f"It has: {', '.join(present)}."
        lower = {column.strip().lower(): column for column in present}
        if near := difflib.get_close_matches(name.lower(), lower, n=1):
            hint = f"Did you mean {lower[near[0]]!r}? {hint}"
        raise UserError(f"{where}: no column {name!r}. {hint}")


def read_table(
    path: str | Path, table: str, columns: Collection[str] | None = None
) -> pd.DataFrame:
    """Read and check `<table>.csv`: columns and types as in its schema.

    Text columns are strings ('' where unknown), whole numbers int64 (Int64 where they may be
    unknown), other numbers float64 (NaN where unknown). Further columns stay as strings.

    Args:
        columns: those to read and check, of a large table; all by default.

    Raises:
        UserError: the file cannot be read, a column is missing, or cells hold what the schema
            does not allow; the message names the first few of them.
    """
    return check_table(read_csv(path, columns=columns), table, str(path), columns)


def check_table(
    frame: pd.DataFrame, table: str, where: str, columns: Collection[str] | None = None
) -> pd.DataFrame:
    """Return a table of strings with the types of its schema; see `read_table`."""
    schema = load_schema(table)
    require_columns(frame, columns or schema["required"], where)
    typed, problems = frame.copy(deep=False), []
    for name, column in schema["properties"].items():
        if name in frame:
            typed[name], wrong = _typed(frame[name], column)
            problems += wrong
    if problems:
        shown = "\n  ".join(problems[:_SHOWN])
        more = f"\n  and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise UserError(f"{where} does not hold what it should:\n  {shown}{more}")
    return typed


def write_table(frame: pd.DataFrame, path: str | Path, table: str) -> None:
    """Write the columns of `<table>.csv`, in the schema's order."""
    present = [name for name in columns(table) if name in frame]
    missing = set(load_schema(table)["required"]) - set(present)
    if missing:
        raise ValueError(f"{table}: no column {', '.join(sorted(missing))}")
    frame.to_csv(path, columns=present, index=False, lineterminator="\n")


def _typed(cells: pd.Series, column: dict[str, Any]) -> tuple[pd.Series, list[str]]:
    """Convert a column of strings; also return its problems, one line each."""
    kinds = [column["type"]] if isinstance(column["type"], str) else column["type"]
    cells = cells.astype(str)
    values = {cell: _value(cell, kinds) for cell in cells.unique()}
    validator = jsonschema.Draft202012Validator(column)
    wrong = {cell for cell, value in values.items() if not validator.is_valid(value)}
    problems = [
        f"row {row}, column {cells.name}: {cell!r} ({_expected(column)})"
        for row, cell in zip(cells.index + 2, cells, strict=True)  # see `read_csv`
        if cell in wrong
    ]
    if problems or "string" in kinds:
        return cells, problems
    whole = "Int64" if "null" in kinds else "int64"
    return cells.map(values).astype(whole if "integer" in kinds else "float64"), []


def _value(cell: str, kinds: list[str]) -> Any:
    """What a cell means; a cell that means nothing of the right kind stays a string."""
    if cell == "" and "null" in kinds:
        return None
    for kind, convert in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return convert(cell)
            except ValueError:
                pass
    return cell


def _expected(column: dict[str, Any]) -> str:
    if "enum" in column:
        return "allowed: " + ", ".join(str(value) or "nothing" for value in column["enum"])
    kinds = column["type"] if isinstance(column["type"], list) else [column["type"]]
    text = " or ".join("nothing" if kind == "null" else f"a {kind}" for kind in kinds)
    text = text.replace("a integer", "a whole number").replace("a string", "text")
    low, high = column.get("minimum"), column.get("maximum")
    if low is not None and high is not None:
        text += f" from {low} to {high}"
    elif low is not None:
        text += f" of at least {low}"
    if "pattern" in column:
        text += f" that matches {column['pattern']}"
    return f"expected {text}"
