"""The page to look through X-rays, as one uses it in a browser."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from chromium import DESKTOP, PHONE, Browser
from cxr.tables import read_table
from explorers import COUNT, DOUBTED, draw_explorer, write_explorer, write_explorer_files
from quizzes import HOSTILE

pytestmark = pytest.mark.slow

SELECTED = "return selection.map(({id}) => id)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = write_explorer_files(tmp_path_factory.mktemp("explore") / "files")
    draw_explorer(files, size=96)
    return files


@pytest.fixture(scope="module")
def page(folder: Path) -> Path:
    return write_explorer(folder, source="phantom")


@pytest.fixture(scope="module")
def table(folder: Path) -> pd.DataFrame:
    """All that the page can filter and sort by."""
    manifest = read_table(folder / "manifest.csv", "manifest").drop(columns="subset")
    asked = read_table(folder / "predictions.csv", "predictions")[["id", "subset", "probability"]]
    found = manifest.merge(asked, on="id")
    found["right"] = (found["probability"] >= 0.5) == (found["label"] == 1)
    found["error"] = (found["probability"] - found["label"]).abs()
    return found


@pytest.fixture(autouse=True)
def usual_screen(browser: Browser) -> Iterator[None]:
    yield
    browser.usual_screen()


def visit(browser: Browser, page: Path, state: str = "") -> None:
    """Open the page at what stands behind # in its address."""
    browser.open(page)
    if state:
        browser.driver.get("about:blank")
        browser.driver.get(f"{page.resolve().as_uri()}#{state}")


def selected(browser: Browser) -> list[str]:
    return browser.driver.execute_script(SELECTED)


def fragment(browser: Browser) -> str:
    return browser.driver.current_url.partition("#")[2]


def press(browser: Browser, *keys: str) -> None:
    ActionChains(browser.driver).send_keys(*keys).perform()


def wait(browser: Browser, met: Callable[[], bool]) -> None:
    WebDriverWait(browser.driver, 10).until(lambda _: met())


def is_open(browser: Browser, dialog: str = "#image") -> bool:
    return browser.find(dialog).get_attribute("open") is not None


def focused(browser: Browser) -> str:
    """The first line of what has the focus."""
    return browser.driver.switch_to.active_element.text.partition("\n")[0]


def leave(browser: Browser) -> None:
    press(browser, Keys.ESCAPE)
    wait(browser, lambda: not is_open(browser) and "image=" not in fragment(browser))


# --- what it asks for ---------------------------------------------------------------------------


def test_opens_without_a_complaint_and_asks_for_its_pictures_alone(
    browser: Browser, page: Path
) -> None:
    browser.open(page)
    browser.driver.execute_script("go({image: 'i9', map: 'gradcam'}, true)")
    browser.find("#truth").click()
    time.sleep(0.5)
    assert browser.complaints() == []
    asked = browser.requests()
    assert asked[0] == page.as_uri()
    beside = page.parent.as_uri() + "/explore/"
    assert [address for address in asked[1:] if not address.startswith(beside)] == []
    assert len(asked) > 10


def test_the_policy_forbids_what_the_page_does_not_need(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.smuggle("hacked") == "undefined"
    said = " ".join(browser.complaints())
    assert "img-src" in said
    assert "script-src" in said


def test_hostile_names_are_text(browser: Browser, tmp_path: Path) -> None:
    files = write_explorer_files(tmp_path / "files", HOSTILE, "<img src=x onerror='hacked=1'>{}")
    draw_explorer(files)
    visit(browser, write_explorer(files), "image=i4")
    assert browser.driver.execute_script("return typeof hacked") == "undefined"
    assert f"{HOSTILE}/i4.png" in browser.text("#fields")
    assert "<img src=x onerror='hacked=1'>2: 2 X-rays" in browser.text("#fields")
    assert browser.complaints() == []


# --- filter, sort, scores -----------------------------------------------------------------------

FILTERS = {
    "subset=test": lambda table: table[table["subset"] == "test"],
    "class=effusion&answer=wrong": lambda table: table[(table["label"] == 1) & ~table["right"]],
    "answer=right": lambda table: table[table["right"]],
    "from=0.4&to=0.6": lambda table: table[table["probability"].between(0.4, 0.6)],
    "patient=p1": lambda table: table[table["patient"] == "p1"],
    "search=P1": lambda table: table[table["patient"].str.contains("p1")],
    "search=i3.png": lambda table: table[table["id"] == "i3"],
    "search=no such": lambda table: table[:0],
    "flag=label+doubted": lambda table: table[table["id"].isin(DOUBTED)],
    "flag=lateral": lambda table: table[table["id"] == "i12"],
    "sort=probability": lambda table: table.sort_values("probability", kind="stable"),
    "sort=error&order=down": lambda table: table.sort_values(
        "error", ascending=False, kind="stable"
    ),
    "sort=age&order=down": lambda table: table.sort_values("age", ascending=False, kind="stable"),
    "sort=age": lambda table: table.sort_values("age", kind="stable"),
    "sort=id&order=down&class=normal": lambda table: table[table["label"] == 0][::-1],
    "sort=sex&subset=train": lambda table: table[table["subset"] == "train"].sort_values(
        "sex", kind="stable"
    ),
    "subset=nonsense&sort=nonsense&from=nonsense&unknown=1&toString=1": lambda table: table,
}


@pytest.mark.parametrize("state", FILTERS)
def test_filters_and_orders_are_those_of_pandas(
    browser: Browser, page: Path, table: pd.DataFrame, state: str
) -> None:
    visit(browser, page, state)
    expected = [*FILTERS[state](table)["id"]]
    assert selected(browser) == expected
    assert browser.text("#count") == f"{len(expected)} of {COUNT} X-rays"


def test_scores_are_of_each_subset_and_say_their_n(
    browser: Browser, page: Path, table: pd.DataFrame
) -> None:
    visit(browser, page, "search=p")
    lines = browser.text("#scores").replace("\N{NO-BREAK SPACE}", " ").split("\n")
    part = table[table["subset"] == "test"]
    ill = part[part["label"] == 1]["right"]
    well = part[part["label"] == 0]["right"]
    shares = [f"{each.sum()} of {len(each)} ({each.mean():.0%})" for each in (part["right"], ill)]
    assert lines[-1].replace(" %", "%") == (
        f"test: right {shares[0]}, sensitivity {shares[1]}, "
        f"specificity {well.sum()} of {len(well)} ({well.mean():.0%})"
    )
    assert lines[0].startswith("training, which it learned from: right ")


@pytest.mark.parametrize("state", ["answer=wrong", "from=0.9", "flag=label+doubted"])
def test_no_scores_where_the_networks_answers_chose_the_images(
    browser: Browser, page: Path, state: str
) -> None:
    visit(browser, page, state)
    assert browser.text("#scores") == "No scores: what the network says chose these X-rays."


def test_controls_filter_and_the_address_follows(
    browser: Browser, page: Path, table: pd.DataFrame
) -> None:
    browser.open(page)
    Select(browser.find("[name=subset]")).select_by_value("test")
    browser.find("[name=from]").send_keys("0.5")
    browser.find("[name=search]").send_keys("1.png")
    expected = table[(table["subset"] == "test") & (table["probability"] >= 0.5)]
    expected = expected[expected["path"].str.endswith("1.png")]
    assert selected(browser) == [*expected["id"]]
    assert 0 < len(expected) < COUNT
    assert fragment(browser) == "search=1.png&subset=test&from=0.5"
    browser.driver.refresh()
    assert browser.find("[name=from]").get_attribute("value") == "0.5"
    assert Select(browser.find("[name=subset]")).first_selected_option.text == "test"
    browser.find("#choose [type=reset]").click()
    assert fragment(browser) == ""
    assert len(selected(browser)) == COUNT
    browser.driver.back()
    wait(browser, lambda: fragment(browser) == "search=1.png&subset=test&from=0.5")
    wait(browser, lambda: browser.find("[name=search]").get_attribute("value") == "1.png")


# --- an open image ------------------------------------------------------------------------------


def test_an_image_is_shown_with_what_is_known_of_it(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i9")
    assert browser.text("#name") == "i9"
    assert browser.text("#answer").startswith("Truth: effusion. pleura: ")
    assert "Subset: test." in browser.text("#answer")
    fields = browser.text("#fields")
    for words in ("p4: 2 X-rays", "29", "PA", "0" * 64, "label doubted", "same person?", "i8"):
        assert words in fields
    near = [each.text for each in browser.driver.find_elements(By.CSS_SELECTOR, "#neighbours a")]
    assert len(near) == 6
    assert all("distance 0." in each or "distance 1." in each for each in near)


def test_maps_lie_beside_and_over_the_xray(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i4")
    captions = [
        each.text for each in browser.driver.find_elements(By.CSS_SELECTOR, "#maps figcaption")
    ]
    assert captions[0].startswith("GradCAM: evidence for effusion\nPasses 1 of 3 checks")
    assert captions[1].startswith("Edge detector: evidence for effusion\nA control that")
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")) == 1
    browser.find("#layers [value=gradcam]").click()
    sources = [
        each.get_attribute("src")
        for each in browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")
    ]
    assert [source.rpartition("/explore/")[2] for source in sources] == [
        "xrays/i4.jpg",
        "maps/gradcam/i4.png",
    ]
    assert all(browser.pixels(source) for source in sources)
    images = browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")
    assert images[0].rect == images[1].rect
    assert "map=gradcam" in fragment(browser)


def test_an_xray_keeps_its_shape(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i4")
    size = browser.find("#xray").size
    assert size["width"] / size["height"] == pytest.approx(80 / 96, rel=0.02)
    viewer = browser.find("#viewer").size
    assert size["height"] <= viewer["height"]
    assert size["width"] <= viewer["width"]


def test_empty_maps_and_images_without_maps_are_said_to_be_so(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i3&map=gradcam")
    assert "GradCAM: empty, no evidence" in browser.text("#maps")
    assert len(browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")) == 1
    visit(browser, page, "image=i0&map=gradcam")
    assert browser.text("#maps") == ""
    assert browser.text("#unmapped") == "Maps are made of test X-rays alone."
    assert browser.complaints() == []


def test_the_true_effusion_is_outlined_where_it_is_known(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i0")
    assert not browser.find("#outlined").is_displayed()
    visit(browser, page, "image=i1")
    browser.find("#truth").click()
    source = browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")[1].get_attribute("src")
    assert source.endswith("explore/outlines/i1.png")
    assert browser.pixels(source)


def test_neighbours_of_the_same_patient_are_marked(
    browser: Browser, page: Path, table: pd.DataFrame
) -> None:
    patients = table.set_index("id")["patient"]
    neighbours = "return DATA.neighbours.map((rows) => rows.map((row) => IMAGES[row].id))"
    browser.open(page)
    near = browser.driver.execute_script(neighbours)
    name, same = next(
        (f"i{row}", other)
        for row, others in enumerate(near)
        for other in others
        if patients[f"i{row}"] and patients[other] == patients[f"i{row}"]
    )
    visit(browser, page, f"image={name}")
    marked = browser.driver.find_elements(By.CSS_SELECTOR, "#neighbours .same")
    assert [each.text.partition("\n")[0] for each in marked] == [same]
    assert "same patient" in marked[0].text


def test_zoom_window_and_level_reach_the_xray_and_its_map(browser: Browser, page: Path) -> None:
    visit(browser, page, "image=i4&map=gradcam")
    browser.find("#closer").click()
    assert "scale(1.3)" in browser.find("#xray").get_attribute("style")
    browser.driver.execute_script("setGreys(-100, 0)")
    slope = browser.find("#greys feFuncR").get_attribute("slope")
    assert float(slope) == 2
    images = browser.driver.find_elements(By.CSS_SELECTOR, "#xray img")
    filters = [image.value_of_css_property("filter") for image in images]
    assert filters == ['url("#greys")', "none"]


# --- links, back, keys --------------------------------------------------------------------------


def test_a_deep_link_leads_to_the_same_view(browser: Browser, page: Path) -> None:
    visit(browser, page, "subset=test&sort=error&order=down")
    first = selected(browser)[0]
    browser.find("#tiles a").click()
    browser.find("#layers [value=edges]").click()
    shown = browser.text("#image")
    link = fragment(browser)
    assert f"image={first}" in link
    visit(browser, page, link)
    assert is_open(browser)
    assert browser.text("#image") == shown
    assert browser.text("#place") == f"1 of {len(selected(browser))}"
    leave(browser)  # nothing to go back to: the grid comes in its place
    assert fragment(browser) == "subset=test&sort=error&order=down&map=edges"


def test_back_and_forward_follow_images_and_neighbours(browser: Browser, page: Path) -> None:
    visit(browser, page, "subset=test")
    browser.find("#tiles a").click()
    first = browser.text("#name")
    browser.find("#neighbours a").click()
    second = browser.text("#name")
    assert second != first
    browser.driver.back()
    wait(browser, lambda: browser.text("#name") == first)
    browser.driver.forward()
    wait(browser, lambda: browser.text("#name") == second)
    leave(browser)
    assert fragment(browser) == "subset=test"
    browser.driver.forward()
    wait(browser, lambda: is_open(browser))
    browser.driver.back()
    wait(browser, lambda: not is_open(browser))


def test_closing_after_steps_returns_to_the_filter(browser: Browser, page: Path) -> None:
    browser.open(page)
    Select(browser.find("[name=class]")).select_by_visible_text("effusion")
    browser.find("#tiles a").click()
    for _ in range(3):
        browser.find("#next").click()
    assert browser.text("#place") == "4 of 24"
    name = browser.text("#name")
    browser.find("#close").click()
    wait(browser, lambda: not is_open(browser) and fragment(browser) == "class=effusion")
    wait(browser, lambda: focused(browser) == name)
    browser.driver.back()
    wait(browser, lambda: len(selected(browser)) == COUNT)


def test_the_other_images_of_a_patient_are_a_click_away(browser: Browser, page: Path) -> None:
    visit(browser, page, "subset=test&image=i4")
    browser.find("#fields a[href='#patient=p2']").click()
    assert not is_open(browser)
    assert selected(browser) == ["i4", "i5"]
    browser.driver.back()
    wait(browser, lambda: is_open(browser))


def test_keys_alone_suffice(browser: Browser, page: Path) -> None:
    browser.open(page)
    press(browser, "/", "p1", Keys.TAB)
    assert fragment(browser) == "search=p1"
    names = selected(browser)
    browser.find("#tiles a").send_keys("")
    assert focused(browser) == names[0]
    press(browser, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert focused(browser) == names[1]
    press(browser, Keys.ARROW_DOWN)
    columns = browser.driver.execute_script("return columns")
    assert focused(browser) == names[1 + columns]
    press(browser, Keys.END)
    assert focused(browser) == names[-1]
    press(browser, Keys.ARROW_RIGHT)
    assert focused(browser) == names[-1]
    press(browser, Keys.HOME, Keys.ENTER)
    assert browser.text("#name") == names[0]
    press(browser, Keys.ARROW_RIGHT)
    assert browser.text("#name") == names[1]
    press(browser, "+", Keys.ARROW_RIGHT)
    assert browser.text("#name") == names[1]  # the X-ray moves, once zoomed in
    assert "translate(-40px" in browser.find("#xray").get_attribute("style")
    press(browser, "0", Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert browser.text("#name") == names[0]
    leave(browser)
    wait(browser, lambda: focused(browser) == names[0])
    press(browser, "?")
    assert is_open(browser, "#help")
    press(browser, Keys.ESCAPE)
    assert not is_open(browser, "#help")


def test_arrows_move_from_anywhere_on_the_page(browser: Browser, page: Path) -> None:
    browser.open(page)
    press(browser, Keys.ARROW_DOWN)
    assert focused(browser) == "i0"


def test_typing_is_one_step_back(browser: Browser, page: Path) -> None:
    browser.open(page)
    before = browser.driver.execute_script("return history.length")
    browser.find("[name=search]").send_keys("p11?/")
    assert browser.driver.execute_script("return history.length") == before
    assert not is_open(browser, "#help")
    assert browser.find("[name=search]").get_attribute("value") == "p11?/"


# --- screens, sizes, a real run -----------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 375])
@pytest.mark.parametrize("state", ["", "image=i4&map=gradcam"])
def test_nothing_is_wider_than_a_phone(
    browser: Browser, page: Path, width: int, state: str
) -> None:
    browser.screen(PHONE | {"width": width})
    visit(browser, page, state)
    browser.driver.execute_script("$('filters').open = true")
    wide = """
    const part = $("image").open ? $("image") : document.documentElement;
    return [part.scrollWidth, part.clientWidth];
    """
    needed, there = browser.driver.execute_script(wide)
    assert needed <= there
    tiles = browser.driver.find_elements(By.CSS_SELECTOR, "#tiles li")
    assert tiles[0].size["width"] < width / 2
    for control in browser.driver.find_elements(By.CSS_SELECTOR, "button, select, #choose input"):
        assert not control.is_displayed() or control.size["height"] >= 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("state", ["", "answer=wrong", "image=i4&map=gradcam", "help"])
def test_axe_finds_nothing(
    browser: Browser, page: Path, device: dict, scheme: str, state: str
) -> None:
    browser.screen(device, scheme)
    visit(browser, page, state)
    if state == "help":
        browser.find("#ask").click()
    assert browser.violations() == []


def test_tiles_say_their_place_among_all(browser: Browser, page: Path) -> None:
    visit(browser, page, "subset=test")
    tile = browser.find("#tiles li")
    assert tile.get_attribute("aria-setsize") == str(len(selected(browser)))
    assert tile.get_attribute("aria-posinset") == "1"


MANY = 10_000


@pytest.fixture(scope="module")
def large(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 10,000 images, whose pictures there are not."""
    files = tmp_path_factory.mktemp("large")
    shutil.copytree(folder, files, dirs_exist_ok=True)
    for name in ("manifest", "predictions"):
        table = read_table(files / f"{name}.csv", name)
        table = pd.concat([table] * (MANY // COUNT + 1), ignore_index=True)[:MANY]
        table["id"] = [f"i{row}" for row in range(MANY)]
        table.to_csv(files / f"{name}.csv", index=False)
    np.save(files / "features.npy", np.random.default_rng(1).normal(size=(MANY, 5)))
    return write_explorer(files)


def test_ten_thousand_images_stay_fluid(browser: Browser, large: Path) -> None:
    start = time.monotonic()
    browser.open(large)
    assert browser.text("#count") == "10000 of 10000 X-rays"
    assert time.monotonic() - start < 10
    tiles = "return document.querySelectorAll('#tiles li').length"
    assert 0 < browser.driver.execute_script(tiles) < 150
    browser.driver.execute_script("scrollTo(0, document.documentElement.scrollHeight)")
    wait(browser, lambda: "i9999" in browser.text("#tiles"))
    assert browser.driver.execute_script(tiles) < 150
    timed = """
    const start = performance.now();
    go({search: "p1", sort: "probability", order: "down"});
    return performance.now() - start;
    """
    assert browser.driver.execute_script(timed) < 2000
    press(browser, Keys.ARROW_RIGHT, Keys.END)
    assert focused(browser) == selected(browser)[-1]


def test_the_explorer_of_a_run_works(browser: Browser, finished: Path) -> None:
    results = finished / "results" / "phantom"
    manifest = read_table(results / "manifest.csv", "manifest")
    browser.open(results / "explore.html")
    assert browser.text("#count") == f"{len(manifest)} of {len(manifest)} X-rays"
    tested = read_table(results / "small/seed-1/predictions.csv", "predictions")
    tested = tested[tested["subset"] == "test"]
    visit(browser, results / "explore.html", f"subset=test&image={tested['id'].iloc[0]}")
    browser.find("#layers [value=gradcam_plus_plus]").click()
    assert "of the audit" in browser.text("#maps")
    source = browser.find("#xray img").get_attribute("src")
    assert browser.pixels(source) == 96 * 96
    assert browser.complaints() == []


def test_the_report_leads_to_the_explorer(browser: Browser, finished: Path) -> None:
    browser.open(finished / "results" / "phantom" / "report.html")
    browser.find(".prose a[href='explore.html']").click()
    WebDriverWait(browser.driver, 10).until(
        lambda driver: driver.title == "phantom: look through 60 X-rays"
    )
