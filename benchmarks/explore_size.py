"""How large may a data set be for the page to look through it?

    python benchmarks/explore_size.py FOLDER [images ...]

Makes the page of 700 and of 10,000 synthetic images (or as many as are named), 256 pixels a side,
15 % of them held out, in sub-folders of FOLDER, which must not exist. Prints for each number

- seconds, on one thread, and the most memory of a process that draws the X-rays, colours the maps
  and writes the page, and what these weigh on the disk;
- in headless Chromium, without a graphics card, on a screen of 1280 x 900: milliseconds from the
  request to the first grid, for another filter and order, for opening an image; milliseconds from
  frame to frame (median, and 95 of 100 are below) while the page scrolls a screen at each frame;
  and the memory of its script.
"""

import multiprocessing
import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import cv2
import numpy as np
import pandas as pd

from chromium import DESKTOP, Browser, running_browser
from cxr import tables
from explore import explore
from explore_maps import explore_maps
from explore_xrays import explore_xrays

ROOT = Path(__file__).resolve().parents[1]
SIDE, FILES, HELD_OUT, CHANNELS = 256, 100, 0.15, 64
METHOD = "gradcam"
SCROLL = """
const done = arguments[0];
const times = [];
function step(now) {
    times.push(now);
    scrollBy(0, innerHeight);
    if (times.length < 100) requestAnimationFrame(step);
    else done(times.slice(1).map((time, i) => time - times[i]));
}
requestAnimationFrame(step);
"""
TIMED = """
const start = performance.now();
go(arguments[0], true);
document.body.offsetHeight; // lays the page out
return performance.now() - start;
"""
FIRST = """
const done = arguments[0];
new PerformanceObserver((found) => done(found.getEntries()[0].startTime))
    .observe({type: "paint", buffered: true});
"""


def write_tables(folder: Path, count: int) -> None:
    """All that the page is made from, for so many images with few files among them."""
    random = np.random.default_rng(0)
    smooth = cv2.resize(random.normal(128, 40, (9, 9)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    (folder / "files").mkdir(parents=True)
    for number in range(FILES):
        image = np.roll(smooth, 2 * number, axis=1) + random.normal(0, 3, (SIDE, SIDE))
        cv2.imwrite(
            str(folder / "files" / f"{number}.png"), np.clip(image, 0, 255).astype(np.uint8)
        )
    rows = np.arange(count)
    table = pd.DataFrame({"id": [f"{row // 4:08}_{row % 4:03}" for row in rows]})
    table["path"] = [str(folder / "files" / f"{row % FILES}.png") for row in rows]
    table["label"] = (rows < count // 2).astype(int)
    table["class"] = np.where(table["label"] == 1, "effusion", "normal")
    table["patient"] = [str(row // 4) for row in rows]
    table["sha256"] = [f"{row:064x}" for row in rows]
    table = table.assign(age=60, sex="M", view="PA", width=SIDE, height=SIDE, bit_depth=8, mask="")
    tables.write_table(table, folder / "manifest.csv", "manifest")
    table["subset"] = np.where(rows % 100 < 100 * HELD_OUT, "test", "train")
    table["probability"] = np.clip(random.normal(0.3 + 0.4 * table["label"], 0.2), 0, 1)
    tables.write_table(table, folder / "predictions.csv", "predictions")
    np.save(folder / "features.npy", random.normal(size=(count, CHANNELS)).astype(np.float32))
    held_out = table[table["subset"] == "test"].assign(method=METHOD, target="effusion", peak=1.0)
    held_out = held_out.assign(row=np.arange(len(held_out)), layer="last", empty=0)
    tables.write_table(held_out, folder / "maps.csv", "maps")
    maps = np.tile((smooth / smooth.max()).astype(np.float32), (len(held_out), 1, 1))
    np.save(folder / f"{METHOD}.npy", maps)
    (folder / "metrics.json").write_text('{"threshold": 0.5}')
    for name in ("pairs", "label_errors", "checks"):
        tables.write_table(pd.DataFrame(columns=tables.columns(name)), folder / f"{name}.csv", name)


def draw(folder: Path) -> None:
    """Draw the X-rays."""
    kinds = ("xrays", "thumbnails", "outlines")
    explore_xrays(folder / "manifest.csv", 512, 1, *(folder / "explore" / each for each in kinds))


def colour(folder: Path) -> None:
    """Colour the maps."""
    maps = {METHOD: folder / f"{METHOD}.npy"}
    explore_maps(folder / "maps.csv", maps, folder / "explore" / "maps")


def write(folder: Path) -> None:
    """Write the page."""
    parts = {name: folder / f"{name}.csv" for name in ("manifest", "maps", "pairs", "checks")}
    explore(
        dataset="synthetic",
        source="folder",
        experiment="pleura",
        run="seed-42",
        fold=None,
        methods=[METHOD],
        **parts,
        asked=folder / "predictions.csv",
        scores=folder / "metrics.json",
        features=folder / "features.npy",
        outlines=folder / "explore" / "outlines",
        errors=folder / "label_errors.csv",
        template=ROOT / "pages" / "explore.html",
        styles=[ROOT / "pages" / f"{part}.css" for part in ("page", "explore")],
        scripts=[ROOT / "pages" / f"{part}.js" for part in ("page", "viewer", "explore")],
        output=folder / "explore.html",
    )


def measured(work: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    """Seconds and the most MB of memory of a process of its own that does some work."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (work, folder))


def _measure(work: Callable[[Path], None], folder: Path) -> tuple[float, float]:
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak that the parent left
    start = time.perf_counter()
    work(folder)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text()
    return seconds, int(re.search(r"VmHWM:\s*(\d+) kB", status)[1]) / 1000


def megabytes(path: Path) -> float:
    """The size of a file, or of all in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def look(browser: Browser, page: Path) -> None:
    """Use the page, and print how long it takes."""
    browser.screen(DESKTOP)
    browser.open(page)
    first = browser.driver.execute_async_script(FIRST)
    frames = sorted(browser.driver.execute_async_script(SCROLL))
    change = {"search": "1", "sort": "probability"}
    filtered, opened = (
        browser.driver.execute_script(TIMED, changes)
        for changes in (change, {"image": "00000000_001"})
    )
    heap = browser.driver.execute_cdp_cmd("Runtime.getHeapUsage", {})["usedSize"] / 1e6
    print(
        f"  first grid {first:.0f} ms, filter and order {filtered:.0f} ms, open {opened:.0f} ms, "
        f"frame {statistics.median(frames):.0f} ms (95 %: {frames[int(0.95 * len(frames))]:.0f} ms)"
        f", script {heap:.0f} MB"
    )


def main(folder: Path, counts: list[int]) -> None:
    """Make and measure the page of each number of images."""
    for count in counts:
        place = folder / str(count)
        write_tables(place, count)
        print(f"{count:,} images")
        for work in (draw, colour, write):
            seconds, memory = measured(work, place)
            print(f"  {work.__doc__} {seconds:.1f} s, {memory:.0f} MB of memory")
        page = place / "explore.html"
        weighs = f"{megabytes(page):.1f} MB, pictures {megabytes(place / 'explore'):.0f} MB"
        print(f"  page {weighs}")
        with running_browser() as browser:
            look(browser, page)


if __name__ == "__main__":
    if len(sys.argv) < 2 or Path(sys.argv[1]).exists():
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve(), [int(each) for each in sys.argv[2:]] or [700, 10_000])
