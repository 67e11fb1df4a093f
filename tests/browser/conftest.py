"""Fixtures of the tests in a browser."""

import os
from collections.abc import Iterator

import pytest

from chromium import Browser, missing_tools, running_browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running Chromium. Where it is not installed, CI fails and other runs skip."""
    if missing := missing_tools():
        give_up = pytest.fail if os.environ.get("CI") else pytest.skip
        give_up(
            f"Chromium is not installed ({', '.join(missing)} not found): "
            "apt-get install chromium chromium-driver"
        )
    with running_browser() as running:
        yield running
