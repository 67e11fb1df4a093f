"""The data set on disk."""

import csv
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from cxr.phantom.cohort import Person, draw_cohort, mislabel
from cxr.phantom.exam import Exam, draw_exam
from cxr.phantom.patient import draw_patient
from cxr.phantom.render import render

COLUMNS = (
    "path", "label", "patient", "age", "sex", "view", "mask", "side", "pattern_right",
    "pattern_left", "volume_right_ml", "volume_left_ml", "mask_share", "confusers", "true_label",
)  # fmt: skip
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
    folder: Path, size: int, seed: np.random.SeedSequence, person: Person
) -> list[dict]:
    """Draw all images of one patient; rows of labels.csv in the order of the visits."""
    anatomy_seed, *visit_seeds = seed.spawn(1 + len(person.visits))
    patient = draw_patient(np.random.default_rng(anatomy_seed), person.sex, person.age)
    rows = []
    for visit, visit_seed in zip(person.visits, visit_seeds, strict=True):
        exam = draw_exam(np.random.default_rng(visit_seed), patient, visit.label, visit.view)
        picture = render(patient, exam, size)
        path = f"{'effusion' if visit.given else 'normal'}/{visit.name}.png"
        mask = f"masks/{visit.name}.png"
        for name, image in ((path, picture.image), (mask, picture.mask)):
            if not cv2.imwrite(str(folder / name), image, [cv2.IMWRITE_PNG_COMPRESSION, 2]):
                raise OSError(f"cannot write {folder / name}")
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
            }
        )
    return rows


def _draw_some(
    folder: Path, size: int, people: list[tuple[np.random.SeedSequence, Person]]
) -> list[dict]:
    """Draw some patients on one thread: the processes are the parallelism."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [row for seed, person in people for row in _draw_person(folder, size, seed, person)]
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
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Draw a data set of simulated radiographs into `folder`, which is created where missing.

    Writes effusion/phantom-e0.png ..., normal/phantom-n0.png ..., masks/<same name>.png for every
    image (8-bit grey, size x size; masks 0 and 255) and labels.csv. The bits depend on counts, size
    and seed alone: each patient has a seed of their own, whichever process draws them.

    label_noise: share of each class's images, 0 to 0.5, that get the wrong label: an effusion lies
    in normal/ under its own name (phantom-e3.png) and the other way round. Pixels and masks stay.
    progress: called with (images drawn, images in all) now and then.
    Raises ValueError if a count is below 1, size outside 64 to 2048, seed negative or label_noise
    out of its range; OSError if a file cannot be written.
    """
    _check(normal, effusion, size, processes)
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed!r}")
    if not 0 <= label_noise < 0.5:
        raise ValueError(f"label_noise must be from 0 to below 0.5, not {label_noise!r}")
    folder = Path(folder)
    for name in ("effusion", "normal", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    cohort_seed, *seeds, noise_seed = np.random.SeedSequence(seed).spawn(2 + normal + effusion)
    people = draw_cohort(np.random.default_rng(cohort_seed), normal, effusion)
    people = mislabel(np.random.default_rng(noise_seed), people, label_noise)
    pairs = list(zip(seeds, people, strict=False))
    batches = [pairs[start : start + 16] for start in range(0, len(pairs), 16)]
    jobs = [(folder, size, batch) for batch in batches]
    rows: list[dict] = []
    for done in _run(jobs, min(processes, len(jobs))):
        rows += done
        if progress:
            progress(len(rows), normal + effusion)
    _write_labels(folder / "labels.csv", rows)


def _run(jobs: list[tuple], processes: int) -> Iterator[list[dict]]:
    """Results of `_draw_some` for each job, in order."""
    if processes == 1:
        yield from (_draw_some(*job) for job in jobs)
        return
    # Fresh interpreters: forking a process that has threads (OpenCV, TensorFlow) may hang.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_draw_some, *zip(*jobs, strict=True))


def _write_labels(path: Path, rows: list[dict]) -> None:
    """labels.csv: effusions first, then by number."""
    rows = sorted(
        rows, key=lambda row: (-row["label"], int(Path(row["path"]).stem.split("-")[1][1:]))
    )
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
