"""Photograph the quiz of a finished run on the phantom: python docs/screenshots.py

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

PAGE = ROOT / "results" / "phantom" / "quiz.html"
RATINGS = [4, 5, 2, 2, 2, 2, 1, 2, 5, 1]
HEIGHT, DESKTOP, PHONE, GAP = 780, 800, 400, 24  # pixels
ANSWER = "shownAt -= 1000; answer(arguments[0])"
LOOK = """
document.querySelector("#method option[value=gradcam]").selected = true;
document.getElementById("truth").checked = true;
layOver();
document.querySelector(".choices:has(#method)").scrollIntoView();
"""


def open_page(browser: Browser, width: int, scheme: str) -> None:
    """The page's first question on a screen of this width, light or dark."""
    screen = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.open(PAGE)
    browser.driver.execute_script("start()")


def photograph(browser: Browser) -> np.ndarray:
    """What is on the screen, uint8 (height, width, 3)."""
    time.sleep(0.5)  # pictures are decoded
    png = base64.b64decode(browser.driver.get_screenshot_as_base64())
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


if __name__ == "__main__":
    with running_browser() as browser:
        open_page(browser, DESKTOP, "light")
        browser.driver.execute_script(ANSWER, RATINGS[0])
        question = photograph(browser)
        open_page(browser, PHONE, "dark")
        for rating in RATINGS:
            browser.driver.execute_script(ANSWER, rating)
        browser.driver.execute_script(LOOK)
        result = photograph(browser)
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    cv2.imwrite(
        str(ROOT / "docs" / "quiz.png"),
        np.hstack([question, gap, result]),
        [cv2.IMWRITE_PNG_COMPRESSION, 9],
    )
