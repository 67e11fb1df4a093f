"""Which modules of this package a script imports, directly or through others."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def imported(script: Path, folder: Path) -> list[Path]:
    """Paths of the modules of the package `cxr` that a script needs.

    Args:
        script: A Python file.
        folder: The folder that holds the package `cxr`.

    Returns:
        Sorted paths below `folder`, each package's __init__.py included.

    Raises:
        SyntaxError: A file is not Python.
    """
    found, waiting = set(), [script]
    while waiting:
        new = _needed(waiting.pop(), folder) - found
        found |= new
        waiting += new
    return sorted(found)


@cache  # many scripts import the same modules, and Snakemake asks for all of them at each start
def _needed(script: Path, folder: Path) -> frozenset[Path]:
    """Paths of the modules of `cxr` that a file imports itself."""
    return frozenset(path for name in _names(script, folder) for path in _files(name, folder))


def _names(script: Path, folder: Path) -> Iterator[str]:
    """Dotted names that a file imports, anywhere in it."""
    for node in _statements(ast.parse(script.read_bytes(), filename=str(script))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = script.relative_to(folder).parts[: -node.level] if node.level else ()
            module = ".".join([*package, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements within a node; to walk through expressions, too, would take much longer."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for inner in getattr(node, part, ()):
            yield inner
            yield from _statements(inner)


@cache
def _files(name: str, folder: Path) -> tuple[Path, ...]:
    """Files of `cxr` that importing a dotted name runs; a name inside a module adds nothing."""
    first, *others = name.split(".")
    if first != "cxr":
        return ()
    path = folder / first
    found = [path / "__init__.py"]
    for part in others:
        path = path / part
        candidates = (path / "__init__.py", path.with_suffix(".py"))
        found += [file for file in candidates if file.is_file()]
    return tuple(found)
