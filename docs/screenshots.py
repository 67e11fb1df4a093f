"""Photograph pages of a finished run on the phantom: python docs/screenshots.py [quiz] [explore]

Needs Chromium and its driver, as the tests of pages do.
"""

import base64
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from chromium import Browser, running_browser  # noqa: E402

RESULTS = ROOT / "results" / "phantom"
RATINGS = [4, 5, 2, 2, 2, 2, 1, 2, 5, 1]
HEIGHT, DESKTOP, PHONE, GAP = 780, 800, 400, 24  # pixels
ANSWER = "shownAt -= 1000; answer(arguments[0])"
LOOK = """
document.querySelector("#method option[value=gradcam]").selected = true;
document.getElementById("truth").checked = true;
layOver();
document.querySelector(".choices:has(#method)").scrollIntoView();
"""
MISTAKES = {"subset": "test", "sort": "error", "order": "down"}
OUTLINE = "$('truth').click()"


def open_page(browser: Browser, page: str, width: int, scheme: str) -> None:
    """A page on a screen of this width, light or dark."""
    screen = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}
    browser.screen(screen, scheme)
    browser.open(RESULTS / f"{page}.html")


def photograph(browser: Browser) -> np.ndarray:
    """What is on the screen, uint8 (height, width, 3)."""
    time.sleep(0.5)  # pictures are decoded
    png = base64.b64decode(browser.driver.get_screenshot_as_base64())
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def photograph_quiz(browser: Browser) -> list[np.ndarray]:
    """A question on a wide screen, the X-rays again on a phone."""
    open_page(browser, "quiz", DESKTOP, "light")
    browser.driver.execute_script("start()")
    browser.driver.execute_script(ANSWER, RATINGS[0])
    question = photograph(browser)
    open_page(browser, "quiz", PHONE, "dark")
    browser.driver.execute_script("start()")
    for rating in RATINGS:
        browser.driver.execute_script(ANSWER, rating)
    browser.driver.execute_script(LOOK)
    return [question, photograph(browser)]


def photograph_explore(browser: Browser) -> list[np.ndarray]:
    """The surest mistakes on a wide screen, an effusion on a phone."""
    open_page(browser, "explore", DESKTOP, "light")
    browser.driver.execute_script("go(arguments[0])", MISTAKES)
    grid = photograph(browser)
    open_page(browser, "explore", PHONE, "dark")
    opened = {"subset": "test", "image": "phantom-e1", "map": "gradcam"}
    browser.driver.execute_script("go(arguments[0])", opened)
    browser.driver.execute_script(OUTLINE)
    return [grid, photograph(browser)]


if __name__ == "__main__":
    pages = {"quiz": photograph_quiz, "explore": photograph_explore}
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    with running_browser() as browser:
        for name in sys.argv[1:] or pages:
            wide, narrow = pages[name](browser)
            path = ROOT / "docs" / f"{name}.png"
            picture = np.hstack([wide, gap, narrow])
            cv2.imwrite(str(path), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
