"""From a seed to patients and their images, and one image with and without a planted shortcut."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np

from cxr.errors import UserError
from cxr.phantom.cohort import Person, Visit, draw_cohort, mislabel
from cxr.phantom.exam import Exam, draw_exam
from cxr.phantom.patient import Patient, draw_patient
from cxr.phantom.render import render
from cxr.phantom.shortcut import Mark, plant


class Scene(NamedTuple):
    """What is needed to draw an image; mark: as it would look, borne or not, None without one."""

    visit: Visit
    patient: Patient
    exam: Exam
    mark: Mark | None


class Pair(NamedTuple):
    """An image without and with its mark, (n, n) uint8 each; place: 255 where they differ."""

    name: str
    without: np.ndarray
    marked: np.ndarray
    place: np.ndarray


def draw_people(
    normal: int, effusion: int, seed: int, label_noise: float, shortcut: str, share: float
) -> list[tuple[np.random.SeedSequence, Person]]:
    """The patients of a data set, each with a seed; arguments as for `draw_dataset`."""
    root = np.random.SeedSequence(seed)
    cohort_seed, *seeds, noise_seed = root.spawn(2 + normal + effusion)
    people = draw_cohort(np.random.default_rng(cohort_seed), normal, effusion)
    people = mislabel(np.random.default_rng(noise_seed), people, label_noise)
    if shortcut != "none":
        people = plant(np.random.default_rng(root.spawn(1)[0]), people, share)
    return list(zip(seeds, people, strict=False))


def draw_scenes(seed: np.random.SeedSequence, person: Person, shortcut: str) -> Iterator[Scene]:
    """The images of one patient in the order of the visits."""
    anatomy_seed, *visit_seeds, mark_seed = seed.spawn(2 + len(person.visits))
    mark = None if shortcut == "none" else Mark(shortcut, int(mark_seed.generate_state(1)[0]))
    patient = draw_patient(np.random.default_rng(anatomy_seed), person.sex, person.age)
    for visit, visit_seed in zip(person.visits, visit_seeds, strict=True):
        exam = draw_exam(np.random.default_rng(visit_seed), patient, visit.label, visit.view)
        yield Scene(visit, patient, exam, mark)


def add_mark(scene: Scene, without: np.ndarray) -> Pair:
    """Draw an image again, with its mark: every other random number is the same.

    without: the image without, (n, n) uint8. Around a marker or a tube, the two are equal to the
    bit; another exposure changes nearly every pixel.
    """
    marked = render(scene.patient, scene.exam, len(without), scene.mark).image
    place = np.where(without != marked, 255, 0).astype(np.uint8)
    return Pair(scene.visit.name, without, marked, place)


def draw_pairs(
    names: Collection[str], normal: int, effusion: int, size: int, seed: int, shortcut: str
) -> Iterator[Pair]:
    """Draw images of a data set twice, without the mark of a planted shortcut and with it.

    That which the data set holds is one of the two, to the bit, whatever its share of tied
    patients and its label noise.

    Args:
        names: Of the images, without suffix: phantom-e3.
        normal, effusion, size, seed: Of the data set, see `draw_dataset`.
        shortcut: marker, tube or exposure.

    Yields:
        The pairs, in the order in which patients are drawn.

    Raises:
        UserError: The data set has no such image.
    """
    wanted = set(names)
    for person_seed, person in draw_people(normal, effusion, seed, 0, shortcut, 0):
        if wanted.isdisjoint(visit.name for visit in person.visits):
            continue
        for scene in draw_scenes(person_seed, person, shortcut):
            if scene.visit.name in wanted:
                wanted.remove(scene.visit.name)
                yield add_mark(scene, render(scene.patient, scene.exam, size).image)
    if wanted:
        raise UserError(
            f"{min(wanted)} was not drawn with these phantoms, so it has no other version. Move it "
            "out of the data set's folder in data/ and run again."
        )
