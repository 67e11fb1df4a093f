"""Programs that some tests need beside Python."""

import os

import pytest


def need(program: str, missing: list[str], packages: str) -> None:
    """Go no further where tools of a program are missing: CI fails, other runs skip."""
    if missing:
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(
            f"{program} is not installed ({', '.join(missing)} not found): "
            f"apt-get install {packages}"
        )
