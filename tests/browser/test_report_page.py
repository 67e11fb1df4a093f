"""The report, as one sees it in a browser."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from chromium import Browser

pytestmark = pytest.mark.slow

# Snakemake brings Tailwind's script along, which says this and asks for nothing.
OF_SNAKEMAKE = "cdn.tailwindcss.com should not be used in production"
MEGABYTE = 1_000_000
PAGES = {
    f"results/phantom/{name}.html" for name in ("datasheet", "small/model_card", "small/checklists")
}


@pytest.fixture(scope="module")
def report(finished: Path) -> Path:
    return finished / "results" / "phantom" / "report.html"


@pytest.fixture(scope="module")
def figures(finished: Path) -> set[str]:
    """The paths of all figures that the run left, not counting the pictures of another page."""
    paths = (path.relative_to(finished) for path in finished.glob("results/**/*.png"))
    return {path.as_posix() for path in paths if "explore" not in path.parts}


def complaints(browser: Browser) -> list[str]:
    return [line for line in browser.complaints() if OF_SNAKEMAKE not in line]


def held_figures(browser: Browser) -> dict[str, str]:
    """The figures that the report holds: paths and addresses of their data."""
    held = browser.driver.execute_script(
        "return Object.fromEntries(Object.entries(results).map(([k, v]) => [k, v.data_uri]))"
    )
    return {path: address for path, address in held.items() if path not in PAGES}


def broken_figures(browser: Browser) -> list[str]:
    """The figures that the report holds, but that do not load."""
    held = held_figures(browser)
    return [path for path, address in held.items() if not browser.pixels(address)]


def click(browser: Browser, path: str) -> None:
    browser.click(lambda: browser.driver.find_element(By.XPATH, path))


def rows(browser: Browser) -> list[WebElement]:
    return browser.driver.find_elements(By.CSS_SELECTOR, "nav tbody tr")


def switches(browser: Browser) -> list[WebElement]:
    """What chooses an experiment, where a category has several."""
    return browser.driver.find_elements(By.CSS_SELECTOR, "nav fieldset label")


def links(browser: Browser, row: int) -> list[WebElement]:
    """The eye, which shows a figure, and the i, which explains it."""
    return rows(browser)[row].find_elements(By.TAG_NAME, "a")


def shown_figure(browser: Browser) -> str:
    """Wait until the figure or page that was asked for has loaded; return its path."""
    script = """
    const shown = document.querySelector("#app > div > :not(nav) :is(img, iframe)");
    const wanted = results[app.state.resultPath].data_uri;
    return shown && shown.src === wanted && (shown.tagName == "IFRAME" || shown.naturalWidth > 0)
        && app.state.resultPath;
    """
    return WebDriverWait(browser.driver, 20).until(
        lambda driver: driver.execute_script(script), "no figure came"
    )


def test_opens_without_a_complaint_and_needs_no_network(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.driver.find_element(By.TAG_NAME, "h1").is_displayed()
    assert complaints(browser) == []
    assert browser.requests() == [report.as_uri()]
    assert report.stat().st_size < 20 * MEGABYTE


def test_starts_with_the_top_of_the_start_page(browser: Browser, report: Path) -> None:
    browser.open(report)
    title = browser.driver.find_element(By.CSS_SELECTOR, ".prose h1.title")
    assert title.text == "Pleural effusion in chest X-rays: phantom"
    assert title.location["y"] >= 0
    page = browser.driver.find_element(By.CSS_SELECTOR, ".prose")
    assert "Research and teaching only: not a medical device." in page.text
    assert "System Message" not in page.text  # docutils' errors
    for table in page.find_elements(By.TAG_NAME, "table"):
        assert table.size["width"] <= page.size["width"]


@pytest.mark.parametrize("path", sorted(PAGES))
def test_axe_finds_nothing_in_a_page_of_the_report(
    browser: Browser, finished: Path, path: str
) -> None:
    browser.open(finished / path)
    assert browser.violations() == []


def test_axe_finds_nothing_in_the_start_page(browser: Browser, report: Path) -> None:
    browser.open(report)
    assert browser.violations(".prose") == []  # what is around it is Snakemake's


@pytest.fixture
def phone(browser: Browser) -> Iterator[Browser]:
    """The browser with the screen of a phone."""
    metrics = {"width": 375, "height": 667, "deviceScaleFactor": 1, "mobile": True}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield browser
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_start_page_fits_a_phone(phone: Browser, report: Path) -> None:
    phone.open(report)
    page = phone.driver.find_element(By.CSS_SELECTOR, ".prose")
    width = phone.driver.execute_script("return document.documentElement.clientWidth")
    assert 0.8 * width < page.size["width"] <= width
    for table in page.find_elements(By.TAG_NAME, "table"):
        assert table.size["width"] <= page.size["width"]


@pytest.mark.parametrize("name", ["flow.png", "model card", "what CLAIM and TRIPOD+AI ask"])
def test_the_start_page_leads_to_the_card(browser: Browser, report: Path, name: str) -> None:
    browser.open(report)
    click(browser, f"//a[.='{name}']")
    expected = {"flow.png": "From the images", "model card": "Model card of small, trained on"}
    expected = expected.get(name, "Reporting checklists: small on phantom")
    WebDriverWait(browser.driver, 20).until(
        lambda driver: expected in driver.find_element(By.TAG_NAME, "body").text
    )
    assert complaints(browser) == []


def test_the_start_page_leads_to_the_verdicts(browser: Browser, report: Path) -> None:
    browser.open(report)
    click(browser, "//a[.='verdict.png']")
    found = WebDriverWait(browser.driver, 20)  # the page draws anew
    caption = found.until(lambda driver: driver.find_element(By.CSS_SELECTOR, "nav .prose").text)
    assert caption.startswith("How far to trust the saliency maps of")
    assert complaints(browser) == []


def test_every_figure_is_held_and_loads(
    browser: Browser, report: Path, finished: Path, figures: set[str]
) -> None:
    browser.open(report)
    held = held_figures(browser)
    assert set(held) == figures
    for path, address in held.items():
        assert base64.b64decode(address.partition(",")[2]) == (finished / path).read_bytes(), path
    assert broken_figures(browser) == []


def test_a_damaged_figure_is_noticed(browser: Browser, report: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    start = "filename=comparison.png;base64,"
    page.write_text(report.read_text().replace(f"{start}iVBOR", f"{start}AAAAA"))
    browser.open(page)
    assert broken_figures(browser) == ["results/phantom/comparison.png"]


def test_one_finds_every_figure_with_its_caption(
    browser: Browser, report: Path, figures: set[str]
) -> None:
    browser.open(report)
    categories = browser.driver.execute_script("return Object.keys(categories).sort()")
    assert categories == ["1 X-rays", "2 Networks", "3 Results", "4 Saliency", "5 Run"]
    seen = []
    for category in categories:
        click(browser, f"//nav//a[span='{category}']")
        for switch in range(max(len(switches(browser)), 1)):
            for number in range(len(rows(browser))):
                if switches(browser):
                    browser.click(lambda: switches(browser)[switch])  # noqa: B023 (called at once)
                browser.click(lambda: links(browser, number)[0])  # noqa: B023
                seen.append(shown_figure(browser))
                browser.click(lambda: links(browser, number)[1])  # noqa: B023
                caption = browser.driver.find_element(By.CSS_SELECTOR, "nav .prose").text
                assert len(caption) > 40, seen[-1]
                assert "System Message" not in caption, seen[-1]
                click(browser, f"//nav//ol//a[.='{category}']")
        click(browser, "//nav//ol/li[1]/a")  # the house: back to the menu
    assert sorted(seen) == sorted(figures | PAGES)
    assert complaints(browser) == []
