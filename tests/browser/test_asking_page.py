"""The page that judges X-rays, as one uses it in a browser, beside what Python computes."""

import base64
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from asked import HOSTILE, Asked, in_python, write_page, xrays
from chromium import Browser
from cxr.images import read_grey
from cxr.tables import read_csv
from cxr.warnings import WORDS

pytestmark = pytest.mark.slow

PHONE = {"width": 375, "height": 667, "deviceScaleFactor": 1, "mobile": True}
DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
NAME = "<img src=x onerror='hacked=1'>.png"
WIDE = (
    "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > innerWidth"
)
VARIANTS = {
    "pleura": {"batch_norm": True, "strides": [2, 1, 1]},
    "lesson": {"dense": [6, 4], "resize": "bilinear"},
    "flipped": {"test_flip": True, "head": "average_max"},
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return write_page(tmp_path_factory.mktemp("page"), source="phantom", **VARIANTS["pleura"])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Twenty-odd X-rays: of several sizes, as PNG of 8 and 16 bits and in colour, and as JPEG."""
    folder = tmp_path_factory.mktemp("X-rays")
    sides = [64, 96, 128, 200]
    paths = []
    for number, side in enumerate(sides * 5):
        image = xrays(2, side, seed=10 + number)[number % 2]
        paths.append(folder / f"i{number}.png")
        Image.fromarray(image).save(paths[-1])
    image = xrays(1, 150, seed=3)[0]
    made = {
        "deep.png": (image * np.uint16(257), {}),
        "grey.jpg": (image, {"quality": 90}),
        "progressive.jpeg": (image, {"quality": 80, "progressive": True}),
        "colour.jpg": (np.dstack([image] * 3), {"quality": 95}),
        "turned.jpg": (np.rot90(image, -1).copy(), {"quality": 95, "exif": turned(8)}),
        "wide.png": (cv2.resize(image, (250, 100)), {}),
        "negative.png": (255 - image, {}),
        "noise.png": (np.random.default_rng(1).integers(0, 256, (80, 80), np.uint8), {}),
    }
    for name, (pixels, options) in made.items():
        paths.append(folder / name)
        Image.fromarray(pixels).save(paths[-1], **options)
    return paths


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x112] = orientation
    return exif


@pytest.fixture(autouse=True)
def usual_screen(browser: Browser) -> Iterator[None]:
    yield
    browser.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def screen(browser: Browser, metrics: dict, scheme: str = "light") -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def find(browser: Browser, selector: str) -> WebElement:
    return browser.driver.find_element(By.CSS_SELECTOR, selector)


def wait_for(browser: Browser, number: int) -> list[dict[str, Any]]:
    """Wait for so many results and return them, as the page saves them."""
    count = "return rows.length"
    WebDriverWait(browser.driver, 60).until(
        lambda driver: driver.execute_script(count) == number and "Reading" not in said(browser)
    )
    columns, *rows = browser.driver.execute_script("return [COLUMNS, ...rows]")
    return [dict(zip(columns, row, strict=True)) for row in rows]


def said(browser: Browser) -> str:
    return find(browser, "#said").text


def choose(browser: Browser, *paths: Path) -> list[dict[str, Any]]:
    """Choose files, and return the results of all so far."""
    before = browser.driver.execute_script("return rows.length")
    find(browser, "#files").send_keys("\n".join(map(str, paths)))
    return wait_for(browser, before + len(paths))


# --- what it computes ---------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_page_computes_what_python_computes(
    browser: Browser, tmp_path: Path, files: list[Path], variant: str
) -> None:
    asked = write_page(tmp_path / "page", **VARIANTS[variant])
    browser.open(asked.page)
    rows = choose(browser, *files)
    for path, row in zip(files, rows, strict=True):
        probability, distance, warning = in_python(asked, path)
        exactly = path.suffix == ".png"  # JPEG decoders differ by a grey level here and there
        tolerance = 1e-5 if exactly else 1e-3
        assert row["probability"] == pytest.approx(probability, abs=tolerance), path.name
        assert row["distance"] == pytest.approx(distance, rel=1e-4 if exactly else 0.05), path.name
        assert row["image"] == path.name
        assert row["prediction"] == ("effusion" if probability >= 0.5 else "normal")
        assert row["warning"] == warning, path.name
    assert {row["warning"] for row in rows} > {""}
    assert len({row["probability"] for row in rows}) == len(rows)


def test_turned_jpegs_stand_upright(browser: Browser, asked: Asked, files: list[Path]) -> None:
    path = next(path for path in files if path.name == "turned.jpg")
    assert read_grey(path)[5, 75] != read_grey(path)[75, 5]
    browser.open(asked.page)
    choose(browser, path)
    shown = """
    const canvas = document.querySelector("canvas");
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [...data].filter((_, at) => at % 4 === 0);
    """
    found = np.array(browser.driver.execute_script(shown)).reshape(150, 150)
    assert np.corrcoef(found.ravel(), read_grey(path).ravel())[0, 1] > 0.999


def test_the_page_stays_awake(browser: Browser, asked: Asked, files: list[Path]) -> None:
    browser.open(asked.page)
    watch = """
    window.longest = 0;
    let last = performance.now();
    setInterval(() => {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
    }, 10);
    """
    browser.driver.execute_script(watch)
    choose(browser, *files)
    assert browser.driver.execute_script("return longest") < 1000  # milliseconds, of a busy machine


# --- files that are none, and odd names -------------------------------------------------------


def test_other_files_are_rows_with_a_reason(
    browser: Browser, asked: Asked, files: list[Path], tmp_path: Path
) -> None:
    whole = files[0].read_bytes()
    jpeg = next(path for path in files if path.suffix == ".jpg").read_bytes()
    contents = {
        "empty.png": b"",
        "cut.png": whole[: len(whole) // 2],
        "text.png": b"no image",
        "cut.jpg": jpeg[:40],
        "scan.dcm": bytes(128) + b"DICM",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    Image.fromarray(np.full((80, 80), 7, np.uint8)).save(tmp_path / "flat.png")
    browser.open(asked.page)
    rows = choose(browser, *(tmp_path / name for name in [*contents, "flat.png"]), files[1])
    start = WORDS["unreadable"].split("{")[0]
    for row in rows[:-1]:
        assert row["warning"].startswith(start), row
        assert (row["probability"], row["prediction"], row["distance"]) == ("", "", "")
    reasons = [row["warning"].removeprefix(start) for row in rows[:-1]]
    assert reasons[0] == "empty file"
    assert reasons[1] == "truncated: the file ends too early"
    assert "not a PNG or JPEG image" in reasons[2]
    assert reasons[3] == "truncated, damaged or of a rare kind: it cannot be decoded"
    assert "snakemake predict" in reasons[4]
    assert reasons[5] == "no contrast at 64x64 pixels"
    assert rows[-1]["prediction"]
    assert browser.complaints() == []


def test_hostile_names_are_text(browser: Browser, files: list[Path], tmp_path: Path) -> None:
    asked = write_page(tmp_path / "page", dataset=HOSTILE)
    (tmp_path / NAME).write_bytes(files[0].read_bytes())
    browser.open(asked.page)
    choose(browser, tmp_path / NAME)
    assert find(browser, "#results h3").text == NAME
    assert HOSTILE in find(browser, "main").text
    assert browser.driver.execute_script("return typeof hacked") == "undefined"
    assert browser.complaints() == []


# --- what it shows, saves and asks for ----------------------------------------------------------


def test_says_what_it_is(browser: Browser, asked: Asked, tmp_path: Path) -> None:
    browser.open(asked.page)
    assert "Research and teaching only: not a medical device." in find(browser, "header").text
    assert "It learned from phantoms, simulated X-rays" in find(browser, "main").text
    told = "found 90 % (80 to 96 %) of the effusions"
    assert told in find(browser, "main").text
    browser.open(write_page(tmp_path / "other").page)
    assert "phantom" not in find(browser, "body").text


def test_asks_for_nothing_and_the_policy_forbids_it(
    browser: Browser, asked: Asked, files: list[Path]
) -> None:
    browser.open(asked.page)
    choose(browser, *files[:3])
    assert browser.complaints() == []
    assert browser.requests() == [asked.page.as_uri()]
    ask = """
    const done = arguments[0];
    const ask = "fetch('http://example.org/').then(() => 'sent', () => 'refused')";
    const worker = new Worker(URL.createObjectURL(new Blob([`${ask}.then(postMessage)`])));
    const page = fetch("http://example.org/").then(() => "sent", () => "refused");
    worker.onmessage = async ({data}) => done([data, await page]);
    """
    assert browser.driver.execute_async_script(ask) == ["refused", "refused"]
    assert "connect-src" in " ".join(browser.complaints())


def test_results_newest_first_with_map_and_warning(
    browser: Browser, asked: Asked, files: list[Path]
) -> None:
    browser.open(asked.page)
    assert not find(browser, "#found").is_displayed()
    noise = next(path for path in files if path.name == "noise.png")
    choose(browser, files[1], noise)
    cards = browser.driver.find_elements(By.CSS_SELECTOR, "#results article")
    assert [card.find_element(By.TAG_NAME, "h3").text for card in cards] == ["noise.png", "i1.png"]
    assert cards[0].find_element(By.CSS_SELECTOR, ".warned").text.startswith("Warning: ")
    assert "Warning" in said(browser)
    assert "Probability of an effusion 0." in cards[1].text
    assert cards[1].find_elements(By.CSS_SELECTOR, "canvas.map")
    assert find(browser, "#scale").is_displayed()
    assert "of the audit" in find(browser, "#scale").text
    find(browser, "#looked").click()
    assert not any(map_.is_displayed() for map_ in find_all(browser, "canvas.map"))
    assert not find(browser, "#scale").is_displayed()


def find_all(browser: Browser, selector: str) -> list[WebElement]:
    return browser.driver.find_elements(By.CSS_SELECTOR, selector)


def test_results_are_saved_as_a_table(
    browser: Browser, asked: Asked, files: list[Path], tmp_path: Path
) -> None:
    odd = tmp_path / 'a, "b".png'
    odd.write_bytes(files[0].read_bytes())
    browser.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    browser.open(asked.page)
    rows = choose(browser, odd, files[1])
    find(browser, "#export").click()
    path = tmp_path / "predictions.csv"
    WebDriverWait(browser.driver, 10).until(lambda _: path.is_file() and path.stat().st_size)
    with path.open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [row["image"] for row in saved] == [odd.name, files[1].name]
    assert [float(row["probability"]) for row in saved] == [row["probability"] for row in rows]
    assert [*saved[0]] == ["image", "probability", "prediction", "warning", "distance"]


def test_dropped_files_are_judged(browser: Browser, asked: Asked, files: list[Path]) -> None:
    browser.open(asked.page)
    drop = """
    const bytes = Uint8Array.from(atob(arguments[0]), (byte) => byte.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dropped.png"));
    for (const kind of ["dragover", "drop"]) {
        const event = new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
        document.body.dispatchEvent(event);
        if (!event.defaultPrevented) throw new Error(`${kind}: the browser would open the file`);
    }
    """
    browser.driver.execute_script(drop, base64.b64encode(files[0].read_bytes()).decode())
    (row,) = wait_for(browser, 1)
    assert row["probability"] == pytest.approx(in_python(asked, files[0])[0], abs=1e-5)
    assert "over" not in find(browser, "#drop").get_attribute("class").split()


def test_files_chosen_meanwhile_wait_for_their_turn(
    browser: Browser, asked: Asked, files: list[Path]
) -> None:
    browser.open(asked.page)
    find(browser, "#files").send_keys("\n".join(map(str, files[:6])))
    find(browser, "#files").send_keys(str(files[6]))
    rows = wait_for(browser, 7)
    assert [row["image"] for row in rows] == [path.name for path in files[:7]]


# --- by keyboard, on a phone, with a screen reader ----------------------------------------------


def test_keyboard_alone_is_enough(browser: Browser, asked: Asked, files: list[Path]) -> None:
    browser.open(asked.page)
    press = ActionChains(browser.driver).send_keys
    press(Keys.TAB).perform()
    focused = "return document.activeElement.id"
    assert browser.driver.execute_script(focused) == "files"
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.driver.execute_script(outline) == "solid"
    choose(browser, files[0])
    for name in ("looked", "export"):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        if name == "looked":
            ActionChains(browser.driver).send_keys(Keys.SPACE).perform()
        assert browser.driver.execute_script(focused) == name
    assert not find(browser, "#looked").is_selected()


@pytest.mark.parametrize("width", [320, 375])
def test_a_narrow_screen_shows_all_without_scrolling_sideways(
    browser: Browser, asked: Asked, files: list[Path], tmp_path: Path, width: int
) -> None:
    screen(browser, PHONE | {"width": width})
    long = tmp_path / f"{'x' * 90}.png"
    long.write_bytes(files[0].read_bytes())
    browser.open(asked.page)
    assert not browser.driver.execute_script(WIDE)
    choose(browser, long, files[-1])
    assert not browser.driver.execute_script(WIDE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(
    browser: Browser, asked: Asked, files: list[Path], device: dict, scheme: str
) -> None:
    screen(browser, device, scheme)
    browser.open(asked.page)
    assert browser.violations() == []
    choose(browser, files[0], files[-1])
    assert browser.violations() == []


# --- a real run -----------------------------------------------------------------------------------


def test_the_page_of_a_run_agrees_with_its_predictions(browser: Browser, finished: Path) -> None:
    results = finished / "results" / "phantom"
    run = results / "small" / "seed-1"
    predicted = pd.read_csv(run / "predictions.csv", dtype={"id": str})
    paths = read_csv(results / "manifest.csv").set_index("id")["path"].loc[predicted["id"]]
    browser.open(results / "predict.html")
    rows = choose(browser, *(finished / path for path in paths))
    found = [row["probability"] for row in rows]
    np.testing.assert_allclose(found, predicted["probability"], atol=1e-5)
    assert browser.complaints() == []


def test_the_report_leads_to_the_page(browser: Browser, finished: Path) -> None:
    browser.open(finished / "results" / "phantom" / "report.html")
    link = find(browser, ".prose a[href='predict.html']")
    assert link.text == "Ask the network"
    link.click()
    WebDriverWait(browser.driver, 10).until(lambda driver: driver.title.startswith("Ask the"))
