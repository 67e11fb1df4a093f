"""What lies in a folder, for tests that compare it before and after."""

from pathlib import Path


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of each file below `folder` by its relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }
