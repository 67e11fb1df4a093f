"""Writing reStructuredText around any text, none of which is taken for markup.

The result may pass through jinja, as the start page of Snakemake's report does.
"""

import re

_MARKUP = re.compile(r"([!-/:-@\[-`{-~])")  # ASCII punctuation


def escape(text: object) -> str:
    """Text on one line, in which each mark of reStructuredText and jinja stands for itself."""
    return _MARKUP.sub(r"\\\1", " ".join(str(text).split()))


def section(title: str, *blocks: str) -> str:
    """A title with blocks of reStructuredText below it; empty blocks are left out."""
    return "\n\n".join([f"{title}\n{'-' * len(title)}", *filter(None, blocks)])


def bullets(items: list[str]) -> str:
    """A list of items, each reStructuredText on one line."""
    return "\n".join(f"- {item}" for item in items)


def table(header: list[str], rows: list[list[str]]) -> str:
    """A table of cells, each reStructuredText on one line; at least one row."""
    lines = ["   * - " + "\n     - ".join(row) for row in [header, *rows]]
    return "\n".join([".. list-table::", "   :header-rows: 1", "", *lines])
