"""Fixtures of the tests in a browser."""

from collections.abc import Iterator

import pytest

from chromium import Browser, missing_tools, running_browser
from needs import need


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A running Chromium. Where it is not installed, CI fails and other runs skip."""
    need("Chromium", missing_tools(), "chromium chromium-driver")
    with running_browser() as running:
        yield running
