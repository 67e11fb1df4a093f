"""Which modules of this package a script imports, directly or through others."""

import ast
from collections.abc import Iterator
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
        for name in _names(waiting.pop()):
            for path in _files(name, folder):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
    return sorted(found)


def _names(script: Path) -> Iterator[str]:
    """Dotted names below `cxr` that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"), filename=str(script))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("cxr"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cxr":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(name: str, folder: Path) -> Iterator[Path]:
    """Files that importing a dotted name runs; a name inside a module adds nothing."""
    path = folder
    for part in name.split("."):
        path = path / part
        if path.is_dir():
            yield path / "__init__.py"
        elif path.with_suffix(".py").is_file():
            yield path.with_suffix(".py")
