"""That the browser sees what is wrong with a page: without it, the other tests prove nothing."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from chromium import Browser

pytestmark = pytest.mark.slow

PNG = cv2.imencode(".png", np.zeros((3, 5), np.uint8))[1].tobytes()


def write(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset='utf-8'><title>page</title>{body}")
    return page


def address(image: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(image).decode()}"


def test_a_quiet_page_asks_for_itself_alone(browser: Browser, tmp_path: Path) -> None:
    page = write(tmp_path, f"<img src='{address(PNG)}'><script>console.log('fine')</script>")
    browser.open(page)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]


@pytest.mark.parametrize(
    "script",
    ["console.error('a mistake')", "console.warn('a mistake')", "throw Error('a mistake')"],
)
def test_complaints_are_seen(browser: Browser, tmp_path: Path, script: str) -> None:
    browser.open(write(tmp_path, f"<script>{script}</script>"))
    (complaint,) = browser.complaints()
    assert "a mistake" in complaint
    assert browser.complaints() == []


@pytest.mark.parametrize(
    "body",
    ["<img src='http://example.org/a.png'>", "<script>fetch('http://example.org/a')</script>"],
)
def test_requests_are_seen_and_lead_nowhere(browser: Browser, tmp_path: Path, body: str) -> None:
    page = write(tmp_path, body)
    browser.open(page)
    assert [url for url in browser.requests() if "example.org" in url]
    assert "ERR_NAME_NOT_RESOLVED" in " ".join(browser.complaints())


def test_a_broken_image_has_no_pixels(browser: Browser, tmp_path: Path) -> None:
    browser.open(write(tmp_path, ""))
    assert browser.pixels(address(PNG)) == 15
    assert browser.pixels(address(PNG[:40])) == 0
    assert browser.pixels(address(b"no image")) == 0
