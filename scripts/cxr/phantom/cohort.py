"""Who is imaged how often, which images show an effusion, and which are said to."""

from dataclasses import dataclass, replace

import numpy as np

PATIENTS_PER_IMAGE = 5 / 7


@dataclass(frozen=True)
class Visit:
    """One image to be drawn.

    name: file name without suffix (`phantom-e3`); label: 1 = effusion, 0 = normal; view: PA or AP;
    mislabelled: the data set says the other label; marked: bears the mark of a planted shortcut.
    """

    name: str
    label: int
    view: str
    mislabelled: bool = False
    marked: bool = False

    @property
    def given(self) -> int:
        """The label in the data set: 1 = effusion, 0 = normal."""
        return 1 - self.label if self.mislabelled else self.label


@dataclass(frozen=True)
class Person:
    """One patient: index from 0, age in years, sex M or F, visits in the order of imaging."""

    index: int
    age: int
    sex: str
    visits: tuple[Visit, ...]


def draw_cohort(rng: np.random.Generator, normal: int, effusion: int) -> list[Person]:
    """Share `normal` + `effusion` images out among five sevenths as many patients.

    Illness is a score of the patient (rising with age) plus one of the day; the `effusion` highest
    scores get the fluid, so that some patients have images of both classes and the counts are
    exact. The confounding is mild and that of a hospital: the ill are older and more often imaged
    in bed (AP). On the NIH images view, sex and age alone reach an AUROC of 0.66.
    """
    images = normal + effusion
    patients = max(1, round(images * PATIENTS_PER_IMAGE))
    ages = np.clip(rng.normal(48, 16, patients), 18, 92).astype(int)
    sexes = np.where(rng.random(patients) < 0.55, "M", "F")
    regulars = rng.choice(patients, size=max(1, patients // 5), replace=False)
    owner = np.sort(np.concatenate([np.arange(patients), rng.choice(regulars, images - patients)]))
    illness = 0.25 * (ages - 48) / 16 + rng.normal(size=patients)
    score = illness[owner] + rng.normal(0, 0.8, images)
    label = np.zeros(images, int)
    label[np.argsort(-score, kind="stable")[:effusion]] = 1
    in_bed = rng.random(images) < np.where(label == 1, 0.56, 0.32)
    number = np.where(label == 1, np.cumsum(label), np.cumsum(1 - label)) - 1
    visits = [
        Visit(f"phantom-{'ne'[kind]}{count}", int(kind), "AP" if bed else "PA")
        for kind, count, bed in zip(label, number, in_bed, strict=True)
    ]
    return [
        Person(i, int(ages[i]), str(sexes[i]), tuple(visits[j] for j in np.flatnonzero(owner == i)))
        for i in range(patients)
    ]


def mislabel(rng: np.random.Generator, people: list[Person], share: float) -> list[Person]:
    """Give a share of each class's images, 0 to 1, the wrong label, rounded to whole images.

    Each image is as likely as any other of its class: clear or hard to read, and whatever the
    patient's other images are called.
    """
    wrong = set()
    for label in (0, 1):
        names = [visit.name for each in people for visit in each.visits if visit.label == label]
        wrong.update(rng.choice(names, round(share * len(names)), replace=False))
    return [
        replace(each, visits=tuple(replace(v, mislabelled=v.name in wrong) for v in each.visits))
        for each in people
    ]
