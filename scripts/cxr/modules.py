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
    found = set()
    waiting = [script]
    while waiting:
        for name in _names(waiting.pop(), folder):
            for path in _files(name, folder):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
    return sorted(found)


@cache  # many scripts import the same modules, and Snakemake asks for all of them at each start
def _names(script: Path, folder: Path) -> tuple[str, ...]:
    """Dotted names that a file imports, anywhere in it."""
    names = []
    for node in ast.walk(ast.parse(script.read_bytes(), filename=str(script))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = script.relative_to(folder).parts[: -node.level] if node.level else ()
            module = ".".join([*package, *filter(None, [node.module])])
            names += [f"{module}.{alias.name}" for alias in node.names]
    return tuple(names)


def _files(name: str, folder: Path) -> Iterator[Path]:
    """Files of `cxr` that importing a dotted name runs; a name inside a module adds nothing."""
    first, *others = name.split(".")
    if first != "cxr":
        return
    path = folder / first
    yield path / "__init__.py"
    for part in others:
        path = path / part
        candidates = (path / "__init__.py", path.with_suffix(".py"))
        yield from (file for file in candidates if file.is_file())
