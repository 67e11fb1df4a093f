"""The configuration, completed and checked by schemas/config.schema.yaml.

`load` is what the Snakefile calls; it goes through the modules in this order: `schema` (what is
allowed), `defaults` (and conversions), `wording` (what is wrong, in words), `problems` (all of them
at once), `checks` (what one key asks of another). No NumPy or pandas: every start waits for this.
"""

from pathlib import Path

from cxr.config.checks import check
from cxr.config.defaults import settle
from cxr.config.problems import Problems
from cxr.config.schema import SCHEMA, VALIDATOR, keys
from cxr.config.wording import allowed, explain
from cxr.errors import UserError

__all__ = ["SCHEMA", "allowed", "keys", "load"]


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
    problems = Problems()
    try:
        settled = settle(config, SCHEMA)
        for error in VALIDATOR.iter_errors(settled):
            problems.add_all(explain(error))
    except (RecursionError, ValueError) as error:  # the validator prints what it refuses
        raise UserError(f"The configuration holds something too long to print: {error}.") from error
    check(settled, root, problems)
    problems.raise_if_any()
    return settled
