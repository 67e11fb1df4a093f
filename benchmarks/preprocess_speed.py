"""How much slower is preprocessing than decoding the same files?

    python benchmarks/preprocess_speed.py FOLDER [images] [repeats] [threads]

Draws `images` (700) phantoms of 512 px into FOLDER, which must not exist, and reduces them to
256 px, too. Then the work of the rule `preprocess_shard` (read, verify the checksum, decode, resize
to 256 px, normalise, write) and a bare loop that reads and decodes with OpenCV take turns on as
many `threads` (2), after a round that does not count. Prints medians of `repeats` (5) and the
share of the bare loop's speed that preprocessing reaches.
"""

import contextlib
import io
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import cv2
import pandas as pd

from cxr import tables
from cxr.files import sha256_of
from cxr.phantom.dataset import draw_dataset
from preprocess import preprocess


def draw(folder: Path, images: int, threads: int) -> dict[int, Path]:
    """Folders of PNGs by their side in pixels."""
    sides = {side: folder / str(side) for side in (512, 256)}
    for path in sides.values():
        path.mkdir(parents=True)
    draw_dataset(
        sides[512],
        normal=images // 2,
        effusion=images - images // 2,
        processes=threads,
    )
    for number, path in enumerate(pngs(sides[512])):
        image = cv2.resize(cv2.imread(str(path), 0), (256, 256), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(sides[256] / f"{number}.png"), image)
    return sides


def pngs(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.png") if path.parent.name != "masks")


def write_manifest(paths: list[Path], side: int, output: Path) -> None:
    """A manifest of images that are what they should be."""
    same = {"label": 0, "class": "normal", "width": side, "height": side, "bit_depth": 8}
    rows = [{"id": path.stem, "path": path, "sha256": sha256_of(path)} | same for path in paths]
    frame = pd.DataFrame(rows).reindex(columns=tables.columns("manifest"))
    frame.to_csv(output, index=False)


def bare(paths: list[Path], threads: int) -> None:
    """Read and decode, no more."""
    cv2.setNumThreads(1)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda path: cv2.imread(str(path), cv2.IMREAD_UNCHANGED), paths))


def main(folder: Path, images: int, repeats: int, threads: int) -> None:
    """Measure both sizes."""
    for side, path in draw(folder, images, threads).items():
        paths = pngs(path)
        write_manifest(paths, side, folder / "manifest.csv")
        works = {
            "decode": lambda paths=paths: bare(paths, threads),
            "preprocess": lambda: preprocess(
                folder / "manifest.csv", folder / "images.npy", 256, "area", 1, 1, threads
            ),
        }
        seconds = {name: [] for name in works}
        for _ in range(repeats + 1):
            for name, work in works.items():
                (folder / "images.npy").unlink(missing_ok=True)  # as Snakemake does before a job
                started = time.perf_counter()
                with contextlib.redirect_stdout(io.StringIO()):
                    work()
                seconds[name].append(time.perf_counter() - started)
        found = {name: median(values[1:]) for name, values in seconds.items()}
        rates = ", ".join(f"{name} {len(paths) / value:.0f}/s" for name, value in found.items())
        print(f"{side} px: {rates}, {found['decode'] / found['preprocess']:.2f} of its speed")


if __name__ == "__main__":
    _, place, *numbers = sys.argv
    main(Path(place), *(int(number) for number in [*numbers, *(700, 5, 2)[len(numbers) :]]))
