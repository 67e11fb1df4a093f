"""The data set on disk."""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from cxr.phantom.cohort import Person
from cxr.phantom.exam import Exam
from cxr.phantom.render import render
from cxr.phantom.scene import add_mark, draw_people, draw_scenes
from cxr.phantom.shortcut import KINDS

COLUMNS = (
    "path", "label", "patient", "age", "sex", "view", "mask", "side", "pattern_right",
    "pattern_left", "volume_right_ml", "volume_left_ml", "mask_share", "confusers", "true_label",
)  # fmt: skip
MARKS = ("path", "patient", "marked", "mask")
SIDES = {(False, False): "", (True, False): "right", (False, True): "left", (True, True): "both"}
SMALLEST, LARGEST = 64, 2048


def _confusers(exam: Exam, raised: int) -> str:
    """What may be taken for fluid, or hide it: words joined by a semicolon."""
    signs = {
        "raised diaphragm": raised != 0,
        "scar": any(exam.scars),
        "haze": bool(exam.haze),
        "skin fold": bool(exam.fold),
        "rotation": abs(exam.yaw) > 1.2,
    }
    return ";".join(name for name, there in signs.items() if there)


def _draw_person(
    folder: Path, size: int, shortcut: str, seed: np.random.SeedSequence, person: Person
) -> list[dict]:
    """Draw all images of one patient; rows of labels.csv in the order of the visits.

    Each row also has `marked`, 1 where the image bears the mark of a planted shortcut.
    """
    rows = []
    for scene in draw_scenes(seed, person, shortcut):
        visit, patient, exam, _ = scene
        picture = render(patient, exam, size)
        path = f"{'effusion' if visit.given else 'normal'}/{visit.name}.png"
        mask, mark = f"masks/{visit.name}.png", f"shortcuts/{visit.name}.png"
        images = {path: picture.image, mask: picture.mask}
        if shortcut != "none":
            images[mark] = np.zeros_like(picture.mask)
        if visit.marked:
            _, _, images[path], images[mark] = add_mark(scene, picture.image)
        for name, image in images.items():
            png = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 2])[1]
            (folder / name).write_bytes(png)  # OpenCV would not say why it could not write
        patterns = [fluid.pattern if fluid else "" for fluid in exam.fluid]
        rows.append(
            {
                "path": path,
                "label": visit.given,
                "patient": f"p{person.index + 1:04d}",
                "age": person.age,
                "sex": person.sex,
                "view": visit.view,
                "mask": mask,
                "side": SIDES[bool(patterns[0]), bool(patterns[1])],
                "pattern_right": patterns[0],
                "pattern_left": patterns[1],
                "volume_right_ml": round(picture.volumes[0]),
                "volume_left_ml": round(picture.volumes[1]),
                "mask_share": round(float((picture.mask > 0).mean()), 5),
                "confusers": _confusers(exam, patient.raised_side),
                "true_label": visit.label,
                "marked": int(visit.marked),
            }
        )
    return rows


def _draw_some(
    folder: Path,
    size: int,
    shortcut: str,
    people: list[tuple[np.random.SeedSequence, Person]],
) -> list[dict]:
    """Draw some patients on one thread: the processes are the parallelism."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [row for each in people for row in _draw_person(folder, size, shortcut, *each)]
    finally:
        cv2.setNumThreads(threads)


def _check(normal: int, effusion: int, size: int, processes: int) -> None:
    """Raise ValueError with the first argument that is out of range."""
    for name, value, low, high in (
        ("normal", normal, 1, 99_999),
        ("effusion", effusion, 1, 99_999),
        ("size", size, SMALLEST, LARGEST),
        ("processes", processes, 1, 256),
    ):
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}")


def draw_dataset(
    folder: Path,
    normal: int = 350,
    effusion: int = 350,
    size: int = 512,
    seed: int = 1,
    processes: int = 2,
    label_noise: float = 0,
    shortcut: str = "none",
    share: float = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw a data set of simulated radiographs into `folder`, which is created where missing.

    Writes effusion/phantom-e0.png ..., normal/phantom-n0.png ..., masks/<same name>.png for every
    image (8-bit grey, size x size; masks 0 and 255) and labels.csv. The bits depend on counts, size
    and seed alone: each patient has a seed of their own, whichever process draws them.

    label_noise: share of each class's images, 0 to 0.5, that get the wrong label: an effusion lies
    in normal/ under its own name (phantom-e3.png) and the other way round. Pixels and masks stay.
    shortcut: a marker, tube or exposure that goes with effusions for a share of the patients, 0 to
    1, see `cxr.phantom.shortcut.plant`; "none", the default, changes no bit. Each image's mask of
    the mark, 255 where it changed the pixels, lies in shortcuts/, and shortcuts.csv says which
    images bear it: `path,patient,marked,mask`. `draw_pairs` draws them with and without.
    progress: called with (images drawn, images in all) now and then.
    Raises ValueError if a count is below 1, size outside 64 to 2048, seed negative, or label_noise,
    shortcut or share out of its range; OSError if a file cannot be written.
    """
    _check(normal, effusion, size, processes)
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed!r}")
    if not 0 <= label_noise < 0.5:
        raise ValueError(f"label_noise must be from 0 to below 0.5, not {label_noise!r}")
    if shortcut not in ("none", *KINDS):
        raise ValueError(f"shortcut must be none or one of {', '.join(KINDS)}, not {shortcut!r}")
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share!r}")
    folder, planted = Path(folder), shortcut != "none"
    for name in ("effusion", "normal", "masks", *["shortcuts"] * planted):
        (folder / name).mkdir(parents=True, exist_ok=True)
    people = draw_people(normal, effusion, seed, label_noise, shortcut, share)
    batches = [people[start : start + 16] for start in range(0, len(people), 16)]
    jobs = [(folder, size, shortcut, batch) for batch in batches]
    rows: list[dict] = []
    for done in _run(jobs, min(processes, len(jobs))):
        rows += done
        if progress:
            progress(len(rows), normal + effusion)
    rows.sort(key=lambda row: (-row["label"], int(Path(row["path"]).stem.split("-")[1][1:])))
    _write(folder / "labels.csv", COLUMNS, rows)
    if planted:
        places = [row | {"mask": row["mask"].replace("masks", "shortcuts")} for row in rows]
        _write(folder / "shortcuts.csv", MARKS, places)


def _run(jobs: list[tuple], processes: int) -> Iterator[list[dict]]:
    """Results of `_draw_some` for each job, in order."""
    if processes == 1:
        yield from (_draw_some(*job) for job in jobs)
        return
    # Fresh interpreters: forking a process that has threads (OpenCV, TensorFlow) may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_some, *zip(*jobs, strict=True))


def _write(path: Path, columns: tuple[str, ...], rows: list[dict]) -> None:
    """Some columns of the rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
