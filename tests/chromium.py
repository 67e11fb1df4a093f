"""A headless Chromium for tests of pages: clicks and keys by Selenium, and what the page did."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from axe_core_python.selenium import Axe
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
)
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

TOOLS = ("chromium", "chromedriver")
OPTIONS = (
    "--headless=new",
    "--window-size=1440,1000",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # small in containers
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # a page that needs a network fails
)
PHONE = {"width": 375, "height": 667, "deviceScaleFactor": 1, "mobile": True}
DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
LOGS = {"browser": "ALL", "performance": "ALL"}

PIXELS = """
const [address, done] = arguments;
const image = new Image();
image.src = address;
image.decode().then(() => done(image.naturalWidth * image.naturalHeight), () => done(0));
"""

# Or a click may go to where something was.
STILL = """
addEventListener("DOMContentLoaded", () => {
    const style = new CSSStyleSheet(); // which a page's own policy does not forbid
    style.replaceSync("* { transition: none !important; animation: none !important }");
    document.adoptedStyleSheets.push(style);
});
"""


class Browser:
    """A page in Chromium. `driver` is Selenium's, for all that the methods do not cover."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path) -> None:
        """Load a file, and forget what earlier pages did."""
        self.driver.get("about:blank")
        self.complaints()
        self.requests()
        self.driver.get(page.resolve().as_uri())

    def screen(self, metrics: dict, scheme: str = "light") -> None:
        """Show the page on another screen, such as `PHONE`, light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def usual_screen(self) -> None:
        """Undo `screen`."""
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def find(self, selector: str) -> WebElement:
        """The first element that a CSS selector names."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector: str) -> str:
        """What is seen of its text."""
        return self.find(selector).text

    def click(self, find: Callable[[], WebElement]) -> None:
        """Click what `find` finds, once it stands still (pages draw anew)."""
        passing = (ElementClickInterceptedException, StaleElementReferenceException)
        wait = WebDriverWait(self.driver, 20, ignored_exceptions=passing)
        wait.until(lambda driver: find().click() or True)

    def complaints(self) -> list[str]:
        """Warnings and errors of the console since the last call, uncaught exceptions included."""
        log = self.driver.get_log("browser")
        return [entry["message"] for entry in log if entry["level"] in ("WARNING", "SEVERE")]

    def smuggle(self, name: str) -> str:
        """Add a picture from elsewhere and a script that sets `name`; the type of that then."""
        script = """
        const image = new Image();
        image.src = "http://example.org/a.png";
        const script = document.createElement("script");
        script.textContent = `${arguments[0]} = 1`;
        document.body.append(image, script);
        return typeof window[arguments[0]];
        """
        return self.driver.execute_script(script, name)

    def violations(self, part: str | None = None) -> list[str]:
        """What axe finds that bars people from using the page, or a part of it, each with where."""
        found = Axe().run(self.driver, part)["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]

    def requests(self) -> list[str]:
        """Addresses that the page asked for since the last call, those within it left out."""
        messages = [json.loads(entry["message"]) for entry in self.driver.get_log("performance")]
        sent = [
            message["message"]["params"]["request"]["url"]
            for message in messages
            if message["message"]["method"] == "Network.requestWillBeSent"
        ]
        return [address for address in sent if not address.startswith(("data:", "blob:"))]

    def pixels(self, address: str) -> int:
        """How many pixels an image has; 0 if it does not load (damaged pixels it may have)."""
        return self.driver.execute_async_script(PIXELS, address)


def missing_tools() -> list[str]:
    """The programs that are not installed."""
    return [tool for tool in TOOLS if not shutil.which(tool)]


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser with a profile of its own, closed in the end."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", LOGS)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        if os.geteuid() == 0:
            options.add_argument("--no-sandbox")  # Chromium's does not work for root
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            driver.set_script_timeout(30)
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": STILL})
            yield Browser(driver)
        finally:
            driver.quit()
