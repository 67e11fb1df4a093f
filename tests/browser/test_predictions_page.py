"""The page of predictions of new X-rays, as a browser shows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import Browser
from overviews import HOSTILE, write_overview, write_predictions

pytestmark = pytest.mark.slow

PICTURES = "return [...document.images].map(image => image.decode().then(() => image.naturalWidth))"
WIDEST = "return document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_overview(write_predictions(tmp_path_factory.mktemp("new") / "files", 12))


@pytest.fixture(autouse=True)
def usual_screen(browser: Browser) -> Iterator[None]:
    yield
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def screen(browser: Browser, width: int, scheme: str) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def test_the_page_asks_for_nothing_and_complains_of_nothing(browser: Browser, page: Path) -> None:
    browser.open(page)
    widths = browser.driver.execute_script(f"return Promise.all((() => {{ {PICTURES} }})())")
    assert widths == [80] * 21  # 11 X-rays, 10 with a map
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]


def test_names_of_files_are_text(browser: Browser, page: Path) -> None:
    browser.open(page)
    heading = browser.driver.execute_script("return document.querySelector('h2').textContent")
    assert heading == HOSTILE
    assert browser.driver.execute_script("return typeof hacked") == "undefined"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 1280])
def test_everybody_can_use_the_page(browser: Browser, page: Path, width: int, scheme: str) -> None:
    screen(browser, width, scheme)
    browser.open(page)
    assert browser.violations() == []
    assert browser.driver.execute_script(WIDEST) <= width
