"""The configuration, completed and checked by schemas/config.schema.yaml.

`load` is what the Snakefile calls; it goes through the modules in this order: `schema` (what is
allowed), `defaults` (and conversions), `wording` (what is wrong, in words), `problems` (all of them
at once), `checks` (what one key asks of another), `prediction` (what is to be predicted). `repeats`
looks at the files themselves. No NumPy or pandas: every start waits for this.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cxr.config.checks import check
from cxr.config.defaults import settle
from cxr.config.prediction import check_prediction
from cxr.config.problems import Problems
from cxr.config.repeats import repeats
from cxr.config.schema import SCHEMA, VALIDATOR, keys
from cxr.config.wording import allowed, explain
from cxr.errors import UserError

MAX_VALUES = 10_000

__all__ = ["SCHEMA", "allowed", "keys", "load"]


def load(config: dict | None, root: Path, files: Iterable[Path] = ()) -> dict:
    """Complete and check a configuration.

    A string becomes a number, a truth value, null or a list where the schema asks for one
    (`--config a={b: 1}` makes strings of numbers, and YAML reads 1e-3 as a string), and a whole
    number becomes a string where only text will do. Defaults are filled in at every level; a
    section with nothing in it gets all of its defaults.

    Args:
        config: Snakemake's merged configuration. It is not changed.
        root: The project's root, from which relative paths start.
        files: The YAML files that it comes from: none may hold a key twice.

    Returns:
        A new dictionary with every key of the schema.

    Raises:
        UserError: Something is wrong. One line for each problem: the key, the value found and
            what is allowed.
    """
    _check_amount(config)
    problems = Problems()
    for file in files:
        problems.add_all(repeats(file))
    try:
        settled = settle(config, SCHEMA)
        for error in VALIDATOR.iter_errors(settled):
            problems.add_all(explain(error))
    except (RecursionError, ValueError) as error:  # the validator prints what it refuses
        raise UserError(f"The configuration holds something too long to print: {error}.") from error
    check(settled, root, problems)
    check_prediction(settled, root, problems)
    problems.raise_if_any()
    return settled


def _check_amount(config: Any) -> None:
    """Refuse what would take for ever: a few aliases of aliases in YAML make billions of values."""
    pending, values = [config], 0
    while pending:
        value, values = pending.pop(), values + 1
        if values > MAX_VALUES:
            raise UserError(
                f"The configuration holds more than {MAX_VALUES:,} values, perhaps by an alias "
                "(*name) of aliases. Shorten it."
            )
        if isinstance(value, dict | list):
            pending.extend(value.values() if isinstance(value, dict) else value)
