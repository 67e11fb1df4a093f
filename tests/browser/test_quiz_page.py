"""The quiz, as one takes it in a browser."""

import base64
import csv
import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from scipy import stats
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.mouse_button import MouseButton
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from chromium import DESKTOP, PHONE, Browser
from cxr import intervals
from cxr.readers import CALLED, METRICS
from cxr.tables import check_table, columns, read_csv, read_table
from quizzes import (
    HOSTILE,
    LABELS,
    PROBABILITIES,
    set_beside,
    write_files,
    write_quiz,
    write_reader,
)

pytestmark = pytest.mark.slow

SPACE = "\N{NO-BREAK SPACE}"
RATINGS = (2, 5, 4, 1, 2, 3, 5, 4, 4, 1)  # of i0 to i9: i4 is missed, i8 a false alarm


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = write_files(tmp_path_factory.mktemp("quiz") / "files")
    write_reader(files, "anna", {f"i{row}": 5 - 4 * (row % 2) for row in range(10)})
    write_reader(files, "ben", {f"i{row}": 1 + 4 * LABELS[row] for row in range(10)})
    return files


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    return write_quiz(folder, source="phantom")


@pytest.fixture(autouse=True)
def usual_screen(browser: Browser) -> Iterator[None]:
    yield
    browser.usual_screen()


def number(browser: Browser) -> str:
    return browser.text("#number")


def wait_for(browser: Browser, heading: str) -> None:
    """Wait for the next X-ray, or the result, and until it takes an answer."""
    there = f"return [...document.querySelectorAll('h2')].some(h => h.textContent === {heading!r})"
    WebDriverWait(browser.driver, 10).until(lambda driver: driver.execute_script(there))
    time.sleep(0.31)  # the page's pause after an answer


def begin(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")


def take(browser: Browser, ratings: tuple[int, ...] = RATINGS) -> None:
    """Answer by the buttons."""
    for place, rating in enumerate(ratings, start=2):
        browser.find(f"#answers button[value='{rating}']").click()
        if place <= len(ratings):
            wait_for(browser, f"X-ray {place} of {len(ratings)}")


def finish(browser: Browser, page: Path) -> None:
    """Open the result of `RATINGS`, without the pauses between them."""
    browser.open(page)
    script = "start(); for (const rating of arguments[0]) { shownAt -= 1000; answer(rating); }"
    browser.driver.execute_script(script, RATINGS)
    assert browser.text("#heading") == "Your score: 8 of 10"


def cells(browser: Browser, table: str) -> dict[str, list[str]]:
    """The cells of each row of a table by the row's name."""
    rows = browser.driver.find_elements(By.CSS_SELECTOR, f"{table} tbody tr")
    return {
        row.find_element(By.TAG_NAME, "th").text: [
            cell.text.replace("\n", " ") for cell in row.find_elements(By.TAG_NAME, "td")
        ]
        for row in rows
    }


def decimal(value: float, sign: str = "") -> str:
    return f"{value:{sign}.2f}".replace("-", "\N{MINUS SIGN}")


def shown(value: float, low: float, high: float, sign: str = "") -> str:
    """Numbers as the page writes them."""
    first, *limits = (decimal(each, sign) for each in (value, low, high))
    if pd.isna(value):
        return "undefined no interval"
    return f"{first if value else '0.00'} {' to '.join(limits)}"


# --- what it asks for, what it shows before the answers ---------------------------------------


def test_opens_without_a_complaint_and_asks_for_nothing(browser: Browser, page: Path) -> None:
    finish(browser, page)
    for method in ("gradcam", "edges"):
        browser.find(f"#method option[value='{method}']").click()
    browser.find("#truth").click()
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]


def test_the_policy_forbids_what_the_page_does_not_need(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.smuggle("hacked") == "undefined"
    said = " ".join(browser.complaints())
    assert "img-src" in said
    assert "script-src" in said


def test_says_what_it_is_and_how_common_effusions_are(browser: Browser, page: Path) -> None:
    browser.open(page)
    header = browser.text("header")
    assert "Phantoms: simulated X-rays" in header
    assert "Research and teaching only: not a medical device." in header
    assert "Of all 10 test X-rays 50 % have one (5)" in browser.text("#start")


def test_questions_are_blind(browser: Browser, page: Path) -> None:
    """Neither name, truth nor the network's answer is in the page before the last answer."""
    begin(browser, page)
    script = """
    const shown = document.body.cloneNode(true);
    for (const hidden of shown.querySelectorAll("script, [hidden]")) hidden.remove();
    return shown.innerHTML.replace(/data:image[^"]*/g, "");
    """
    for place in range(1, 11):
        assert number(browser) == f"X-ray {place} of 10"
        held = browser.driver.execute_script(script)
        for word in (f"i{place - 1}", "X-rays/", "gradcam", str(PROBABILITIES[place - 1])):
            assert word not in held, word
        browser.find("#answers button[value='3']").click()
        time.sleep(0.31)


def test_each_question_shows_its_xray(browser: Browser, page: Path, folder: Path) -> None:
    begin(browser, page)
    for row in range(3):
        address = browser.find("#xray").get_attribute("src")
        shown = np.frombuffer(base64.b64decode(address.partition(",")[2]), np.uint8)
        pixels = cv2.imdecode(shown, cv2.IMREAD_GRAYSCALE)
        file = cv2.imread(str(folder / "X-rays" / f"i{row}.png"), cv2.IMREAD_GRAYSCALE)
        assert np.corrcoef(pixels.ravel(), file.ravel())[0, 1] > 0.99
        browser.find("#answers button[value='3']").click()
        wait_for(browser, f"X-ray {row + 2} of 10")


# --- score, comparison, export ----------------------------------------------------------------


@pytest.fixture
def downloads(browser: Browser, tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    options = {"behavior": "allow", "downloadPath": str(folder)}
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", options)
    return folder


def saved(browser: Browser, downloads: Path, name: str) -> Path:
    path = downloads / name
    browser.find("#export").click()
    WebDriverWait(browser.driver, 10).until(lambda _: path.is_file() and path.stat().st_size)
    return path


def test_score_comparison_and_export_are_pythons(
    browser: Browser, folder: Path, page: Path, downloads: Path, tmp_path: Path
) -> None:
    browser.open(page)
    browser.find("#name").send_keys("../Zoë <b> 1")
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")
    take(browser)
    path = saved(browser, downloads, "Zoë-b-1.csv")

    table = check_table(read_csv(path), "reader", path.name)
    assert [*table.columns] == columns("reader")
    assert [*table["id"]] == [f"i{row}" for row in range(10)]
    assert [*table["question"]] == [*range(1, 11)]
    assert [*table["rating"]] == [*RATINGS]
    assert [*table["label"]] == [*LABELS]
    assert [*table["probability"]] == [*PROBABILITIES]
    assert [*table["called"]] == [int(rating >= CALLED) for rating in RATINGS]
    assert [*table["network_called"]] == [int(each >= 0.5) for each in PROBABILITIES]
    assert set(table["dataset"]) == {"mine"}
    assert table["seconds"].between(0.3, 60).all()

    files = write_files(tmp_path / "again")
    (files / "readers").mkdir()
    path.rename(files / "readers" / path.name)
    set_beside(files)
    rows = read_table(files / "readers.csv", "readers").set_index("metric")
    on_page = cells(browser, "#metrics")
    for metric, name in zip(
        METRICS, ("Accuracy", "Sensitivity", "Specificity", "AUROC"), strict=True
    ):
        row = rows.loc[metric]
        assert on_page[name] == [
            shown(*row[["value", "low", "high"]]),
            shown(*row[["network", "network_low", "network_high"]]),
            shown(*row[["difference", "difference_low", "difference_high"]], sign="+"),
        ]
    accuracy = rows.loc["accuracy"]
    low, high = (f"{100 * accuracy[each]:.0f} %" for each in ("low", "high"))
    expected = f"You: 8 of 10 right, 80 % (95 % interval {low} to {high}). pleura: 8 of 10 right"
    assert browser.text("#score").replace(SPACE, " ").startswith(expected)
    assert browser.text("#heading") == "Your score: 8 of 10"
    assert "5 of these 10 X-rays have an effusion" in browser.text("#versus")
    assert "do not tell who reads better" in browser.text("#versus")
    assert browser.complaints() == []


STATISTICS = """
const [labels, sides, quantiles] = arguments;
const [one, other] = sides.map(([scores, called]) => metrics(labels, scores, called));
return Object.keys(one).map((name) => {
    const gap = difference(name, one[name], other[name], quantiles);
    const known = (value) => (Number.isNaN(value) ? null : value);
    const limits = interval(one[name], quantiles);
    return [name, known(one[name].value), limits, known(gap[0]), gap.slice(1)];
});
"""


def cases() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Labels, ratings (as 0 to 1) and probabilities: of many sizes, by chance and at the edges."""
    chance = np.random.default_rng(7)
    for size in (1, 2, 3, 5, 10, 10, 10, 40, 200):
        for share in (0.5, 0.1, 1.0):
            labels = (chance.random(size) < share).astype(int)
            ratings = chance.integers(0, 5, size) / 4
            probabilities = np.clip(labels + chance.normal(0, 0.6, size), 0, 1).round(2)
            yield labels, ratings, probabilities
    labels = np.arange(10) % 2
    for first, second in itertools.product(
        (labels, 1 - labels, np.ones(10), np.full(10, 0.5)), repeat=2
    ):
        yield labels, first.astype(float), second.astype(float)


def close(low: float | None, high: float | None) -> list:
    return [None, None] if low is None else pytest.approx([low, high], abs=1e-9)


def test_statistics_are_those_of_python(browser: Browser, page: Path) -> None:
    browser.open(page)
    quantiles = stats.t.ppf(0.975, np.arange(1, 201)).tolist()
    compared = 0
    for labels, *sides in cases():
        cuts = (0.75, 0.5)
        given = [
            [side.tolist(), (side >= cut).tolist()] for side, cut in zip(sides, cuts, strict=True)
        ]
        found = browser.driver.execute_script(STATISTICS, labels.tolist(), given, quantiles)
        patients = np.array([f"image {row}" for row in range(len(labels))])
        one, other = (
            intervals.score(labels, side[None], np.full((1, len(labels)), cut), patients)
            for side, cut in zip(sides, cuts, strict=True)
        )
        for metric, value, limits, gap, gap_limits in found:
            expected = one.values[metric][0]
            assert value == (None if np.isnan(expected) else pytest.approx(expected, abs=1e-12))
            low, high = one.interval(metric)
            assert limits == close(low, high)
            expected, low, high = intervals.difference(one, other, metric)
            assert gap == (None if np.isnan(expected) else pytest.approx(expected, abs=1e-12))
            assert gap_limits == close(low, high)
            compared += low is not None
    assert compared > 100


def test_answers_count_at_once_where_asked_for(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.find("#feedback").click()
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")
    said = {
        1: "Right: X-ray 1 is normal. 1 of 1 right",
        2: "Wrong: X-ray 2 is effusion. 1 of 2 right",
        5: "Right: X-ray 3 is effusion. 2 of 3 right",
    }
    for rating, words in said.items():
        browser.find(f"#answers button[value='{rating}']").click()
        assert browser.text("#said").startswith(words)
        time.sleep(0.31)
    assert "95 % interval" in browser.text("#said")


def test_a_double_click_is_one_answer(browser: Browser, page: Path) -> None:
    begin(browser, page)
    ActionChains(browser.driver).double_click(browser.find("#answers button[value='2']")).perform()
    assert number(browser) == "X-ray 2 of 10"


def test_both_sets_of_mistakes_are_shown(browser: Browser, page: Path) -> None:
    finish(browser, page)
    script = """
    return [...document.querySelectorAll("#cards h3")].map((heading) => [
        heading.textContent,
        [...(heading.nextElementSibling?.querySelectorAll("figure") || [])].map(
            (figure) => Number(figure.dataset.question)),
    ]);
    """
    assert browser.driver.execute_script(script) == [
        ["You were wrong, the network was right: 2 X-rays", [4, 8]],
        ["Both were wrong: 0 X-rays", []],
        ["The network was wrong, you were right: 2 X-rays", [2, 5]],
        ["Both were right: 6 X-rays", [0, 1, 3, 6, 7, 9]],
    ]
    caption = browser.text("figure[data-question='4'] figcaption").replace(SPACE, " ")
    assert "X-ray 5: effusion" in caption
    assert "You: probably normal, ✗ wrong" in caption
    assert "pleura: effusion (0.70), ✓ right" in caption
    assert caption.endswith("i4.png")


def test_maps_and_outlines_lie_over_their_xrays(browser: Browser, page: Path) -> None:
    finish(browser, page)

    def count() -> int:
        return len(browser.driver.find_elements(By.CSS_SELECTOR, "#cards img"))

    assert count() == 10
    browser.find("#truth").click()
    assert count() == 10 + sum(LABELS)
    browser.find("#method option[value='gradcam']").click()
    assert count() == 10 + sum(LABELS) + 9  # the first map is empty
    assert "How far to trust GradCAM: Passes 1 of 3 checks" in browser.text("#verdict")
    assert "Map: no evidence for effusion" in browser.text("figure[data-question='0']")
    assert "Map: evidence for effusion" in browser.text("figure[data-question='1']")
    browser.find("#method option[value='edges']").click()
    assert "A control that knows nothing of the network" in browser.text("#verdict")
    covered = """
    const [under, over] = document.querySelectorAll("figure[data-question='1'] img");
    return [under, over].map((image) => {
        const {left, top, width, height} = image.getBoundingClientRect();
        return [left, top, width, height, image.naturalWidth > 0];
    });
    """
    under, over = browser.driver.execute_script(covered)
    assert under == pytest.approx(over, abs=0.01)
    assert under[4]


def test_the_readers_curve_is_drawn_with_the_networks(browser: Browser, page: Path) -> None:
    finish(browser, page)
    marks = [
        tuple(float(mark.get_attribute(name)) for name in ("cx", "cy"))
        for mark in browser.driver.find_elements(By.CSS_SELECTOR, "#roc > svg circle.reader")
    ]
    frame = browser.find("#roc > svg rect.axis")
    left, top, side = (float(frame.get_attribute(name)) for name in ("x", "y", "width"))
    points = {(round((x - left) / side, 3), round(1 - (y - top) / side, 3)) for x, y in marks}
    labels, ratings = np.array(LABELS), np.array(RATINGS)
    expected = {
        tuple(float(round((ratings[labels == label] >= cut).mean(), 3)) for label in (0, 1))
        for cut in range(2, 6)
    }
    assert points == expected
    legend = browser.text("#legend")
    assert "You on these 10" in legend
    assert "pleura on all 10 test X-rays" in legend


def test_other_readers_stand_in_the_table_with_their_agreement(
    browser: Browser, page: Path, folder: Path
) -> None:
    finish(browser, page)
    rows = cells(browser, "#readers")
    assert [*rows] == ["You, just now", "anna", "ben"]
    table = read_table(folder / "readers.csv", "readers").set_index(["reader", "metric"])
    for name in ("anna", "ben"):
        expected = ["10"]
        for metric in ("accuracy", "auroc"):
            row = table.loc[(name, metric)]
            expected.append(shown(*row[["value", "low", "high"]]))
            gap = row[["difference", "difference_low", "difference_high"]]
            expected.append(shown(*gap, sign="+"))
        assert rows[name] == expected
    pair = read_table(folder / "readers_agreement.csv", "readers_agreement").iloc[0]
    value, low, high = (decimal(pair[each]) for each in ("value", "low", "high"))
    words = f"anna, ben: Cohen's kappa {value} ({low} to {high}), on 10 X-rays"
    assert browser.text("#agreement") == words


def test_one_may_answer_again(browser: Browser, page: Path) -> None:
    finish(browser, page)
    browser.find("#again").click()
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")
    take(browser, tuple(1 + 4 * label for label in LABELS))
    assert browser.text("#heading") == "Your score: 10 of 10"
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#cards figure")) == 10
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#roc > svg")) == 1
    assert browser.complaints() == []


@pytest.mark.parametrize("labels", [(1, 1, 1), (0,)])
def test_one_class_alone_is_said_to_be_undefined(
    browser: Browser, tmp_path: Path, labels: tuple[int, ...]
) -> None:
    files = write_files(tmp_path / "quiz", labels, PROBABILITIES[: len(labels)])
    browser.open(write_quiz(files))
    browser.find("#begin button").click()
    wait_for(browser, f"X-ray 1 of {len(labels)}")
    take(browser, (4,) * len(labels))
    assert cells(browser, "#metrics")["AUROC"] == ["undefined no interval"] * 3
    assert not browser.find("#legend").text
    assert browser.complaints() == []


# --- the view -----------------------------------------------------------------------------------


VIEW = """
const red = document.querySelector("#greys feFuncR");
const [slope, intercept] = ["slope", "intercept"].map((name) => Number(red.getAttribute(name)));
return {...view, slope, intercept};
"""


def view(browser: Browser) -> dict[str, float]:
    return browser.driver.execute_script(VIEW)


START = {"scale": 1, "x": 0, "y": 0, "slope": 1, "intercept": 0}


def test_mouse_zooms_moves_and_sets_greys(browser: Browser, page: Path) -> None:
    begin(browser, page)
    assert view(browser) == START
    viewer = browser.find("#viewer")
    mouse = ActionChains(browser.driver)
    mouse.scroll_from_origin(ScrollOrigin.from_element(viewer, 50, 0), 0, -400).perform()
    zoomed = view(browser)
    assert zoomed["scale"] > 1.5
    assert zoomed["x"] == pytest.approx(50 * (1 - zoomed["scale"]), abs=1)  # that point stays
    mouse.move_to_element(viewer).click_and_hold().move_by_offset(30, 20).release().perform()
    moved = view(browser)
    assert moved["x"] - zoomed["x"] == pytest.approx(30, abs=1)
    assert moved["y"] - zoomed["y"] == pytest.approx(20, abs=1)
    browser.find("#grey").click()
    mouse.move_to_element(viewer).click_and_hold().move_by_offset(-40, 0).release().perform()
    greys = view(browser)
    assert greys["slope"] == pytest.approx(100 / 80)  # a window of 80 %
    assert greys["intercept"] == pytest.approx(0.5 - 0.5 * 100 / 80)
    assert (greys["x"], greys["y"]) == (moved["x"], moved["y"])
    browser.find("#reset").click()
    browser.find("#grey").click()
    right = ActionBuilder(browser.driver)
    right.pointer_action.move_to(viewer).pointer_down(MouseButton.RIGHT).move_by(0, 40)
    right.pointer_action.pointer_up(MouseButton.RIGHT)
    right.perform()
    assert view(browser) == START | {"intercept": pytest.approx(-0.1)}  # a level of 60 %
    mouse.move_to_element(viewer).move_by_offset(9, 9).perform()  # no button is down any more
    browser.find("#reset").click()
    assert view(browser) == START
    assert browser.complaints() == []


def test_window_and_level_change_what_is_seen(browser: Browser, page: Path) -> None:
    begin(browser, page)

    def mean() -> float:
        shot = np.frombuffer(browser.find("#viewer").screenshot_as_png, np.uint8)
        return float(cv2.imdecode(shot, cv2.IMREAD_GRAYSCALE).mean())

    usual = mean()
    script = """
    const [id, value] = arguments;
    document.getElementById(id).value = value;
    document.getElementById(id).dispatchEvent(new Event("input"));
    """
    browser.driver.execute_script(script, "level", 90)
    dark = mean()
    browser.driver.execute_script(script, "level", 10)
    bright = mean()
    assert dark < usual - 10 < bright - 20
    browser.find("#answers button[value='3']").click()
    wait_for(browser, "X-ray 2 of 10")
    assert view(browser) == START  # each X-ray begins as it is


def test_two_fingers_zoom_and_one_moves(browser: Browser, page: Path) -> None:
    browser.screen(PHONE)
    begin(browser, page)
    box = browser.find("#viewer").rect
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x + dx, "y": y + dy, "id": each} for each, (dx, dy) in enumerate(points)]
        browser.driver.execute_cdp_cmd(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches}
        )

    touch("touchStart", (-20, 0))
    touch("touchStart", (-20, 0), (20, 0))
    for step in (30, 40, 50, 60):
        touch("touchMove", (-step, 0), (step, 0))
    touch("touchEnd")
    zoomed = view(browser)
    assert zoomed["scale"] == pytest.approx(3, rel=0.1)
    assert zoomed["x"] == pytest.approx(0, abs=8)
    touch("touchStart", (0, 0))
    for step in (10, 20, 30):
        touch("touchMove", (step, 0))
    touch("touchEnd")
    assert view(browser)["x"] - zoomed["x"] == pytest.approx(30, abs=12)  # some start the gesture
    assert view(browser)["scale"] == zoomed["scale"]
    assert browser.complaints() == []


# --- by keyboard, on a phone, with a screen reader ----------------------------------------------


def press(browser: Browser, *keys: str) -> None:
    ActionChains(browser.driver).send_keys(*keys).perform()


def focused(browser: Browser) -> str:
    return browser.driver.execute_script("return document.activeElement.id")


def tab_to(browser: Browser, name: str) -> None:
    for _ in range(40):
        press(browser, Keys.TAB)
        if focused(browser) == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def test_keyboard_alone_is_enough(browser: Browser, page: Path, downloads: Path) -> None:
    browser.open(page)
    tab_to(browser, "name")
    press(browser, "anna5", Keys.ENTER)  # a digit within a name is no answer
    wait_for(browser, "X-ray 1 of 10")
    assert focused(browser) == "number"
    press(browser, "+")
    assert view(browser)["scale"] == pytest.approx(1.3)
    press(browser, Keys.ARROW_LEFT)
    assert view(browser)["x"] > 0
    press(browser, "-", "-")
    assert view(browser) == START
    tab_to(browser, "viewer")
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    assert browser.driver.execute_script(outline) == "solid"
    tab_to(browser, "window")
    press(browser, Keys.ARROW_LEFT)
    assert view(browser)["slope"] == pytest.approx(100 / 99)
    press(browser, "0")
    assert view(browser)["slope"] == pytest.approx(100 / 99)  # a slider's key is the slider's
    for place, rating in enumerate(RATINGS, start=2):
        press(browser, str(rating))
        if place <= 10:
            wait_for(browser, f"X-ray {place} of 10")
    assert focused(browser) == "heading"
    assert browser.text("#heading") == "Your score: 8 of 10"
    tab_to(browser, "export")
    press(browser, Keys.ENTER)
    path = downloads / "anna5.csv"
    WebDriverWait(browser.driver, 10).until(lambda _: path.is_file() and path.stat().st_size)
    with path.open() as file:
        assert [int(row["rating"]) for row in csv.DictReader(file)] == [*RATINGS]
    tab_to(browser, "method")
    press(browser, "G")
    assert "How far to trust GradCAM" in browser.text("#verdict")
    tab_to(browser, "truth")
    press(browser, Keys.SPACE)
    assert browser.find("#truth").is_selected()
    assert browser.complaints() == []


def test_other_keys_and_shortcuts_answer_nothing(browser: Browser, page: Path) -> None:
    begin(browser, page)
    press(browser, "6", "7", "9", "x", Keys.ARROW_UP)
    ActionChains(browser.driver).key_down(Keys.ALT).send_keys("4").key_up(Keys.ALT).perform()
    assert number(browser) == "X-ray 1 of 10"
    press(browser, "4")
    assert number(browser) == "X-ray 2 of 10"


WIDE = (
    "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) > innerWidth"
)


@pytest.mark.parametrize("width", [320, 375])
def test_a_narrow_screen_shows_all_without_scrolling_sideways(
    browser: Browser, page: Path, width: int
) -> None:
    browser.screen(PHONE | {"width": width})
    browser.open(page)
    assert not browser.driver.execute_script(WIDE)
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")
    assert not browser.driver.execute_script(WIDE)
    for button in browser.driver.find_elements(By.CSS_SELECTOR, "#answers button"):
        assert button.size["width"] >= 44
        assert button.size["height"] >= 44
        assert button.rect["y"] + button.size["height"] <= PHONE["height"]  # in sight, no scrolling
        fits = "return arguments[0].scrollWidth <= arguments[0].clientWidth"
        assert browser.driver.execute_script(fits, button)
    take(browser)
    assert not browser.driver.execute_script(WIDE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(browser: Browser, page: Path, device: dict, scheme: str) -> None:
    browser.screen(device, scheme)
    browser.open(page)
    assert browser.violations() == []
    browser.find("#feedback").click()
    browser.find("#begin button").click()
    wait_for(browser, "X-ray 1 of 10")
    browser.find("#answers button[value='4']").click()
    wait_for(browser, "X-ray 2 of 10")
    browser.find("summary").click()
    assert browser.violations() == []
    finish(browser, page)
    browser.find("#method option[value='gradcam']").click()
    assert browser.violations() == []


def test_axe_sees_what_is_wrong(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.driver.execute_script("document.querySelector('label[for=name]').remove()")
    browser.driver.execute_script("document.getElementById('name').placeholder = ''")
    assert [each for each in browser.violations() if each.startswith("label")]


# --- names that mean harm, and a real run --------------------------------------------------------


def test_hostile_names_are_text(browser: Browser, tmp_path: Path) -> None:
    files = write_files(tmp_path / "quiz", place=HOSTILE)
    write_reader(files, "<img src=x onerror='hacked=1'>", {f"i{row}": 3 for row in range(10)})
    finish(browser, write_quiz(files))
    assert browser.driver.execute_script("return typeof hacked") == "undefined"
    assert f"{HOSTILE}/i4.png" in browser.text("figure[data-question='4'] .file")
    assert "<img src=x onerror='hacked=1'>" in cells(browser, "#readers")
    assert browser.complaints() == []


def test_the_quiz_of_a_run_works(browser: Browser, finished: Path) -> None:
    results = finished / "results" / "phantom"
    questions = read_table(results / "quiz.csv", "saliency")
    browser.open(results / "quiz.html")
    assert f"You will see {len(questions)} chest X-rays" in browser.text("#start")
    browser.find("#begin button").click()
    wait_for(browser, f"X-ray 1 of {len(questions)}")
    take(browser, tuple(1 + 4 * label for label in questions["label"]))
    count = len(questions)
    assert browser.text("#heading") == f"Your score: {count} of {count}"
    names = [each.text for each in browser.driver.find_elements(By.CSS_SELECTOR, ".file")]
    assert sorted(re.search(r"([\w-]+)\.png$", name)[1] for name in names) == sorted(
        questions["id"]
    )
    browser.find("#method option[value='gradcam']").click()
    assert "of the audit" in browser.text("#verdict")
    assert browser.complaints() == []


def test_the_report_leads_to_the_quiz(browser: Browser, finished: Path) -> None:
    browser.open(finished / "results" / "phantom" / "report.html")
    link = browser.find(".prose a[href='quiz.html']")
    assert link.text == "Effusion or not?"
    link.click()
    WebDriverWait(browser.driver, 10).until(
        lambda driver: driver.title == "Effusion or not? phantom"
    )
