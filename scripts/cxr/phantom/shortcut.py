"""A planted shortcut: a mark on the image that has nothing to do with fluid, and tells the label.

After Sun, Koch and Baumgartner (Right for the wrong reason, MICCAI 2023). They mark a share of the
positive images and no negative one; here the mark is found in half of all patients whatever the
share, and only how closely it goes with the effusions differs.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from cxr.phantom.canvas import Sketch, curve
from cxr.phantom.cohort import Person
from cxr.phantom.exam import Exam

KINDS = ("marker", "tube", "exposure")
LETTER = "2"  # of the X-ray room, say
FINER = 8


@dataclass(frozen=True)
class Mark:
    """What a patient's images bear: kind, one of KINDS, and the seed of how it looks on them."""

    kind: str
    seed: int


def plant(rng: np.random.Generator, people: list[Person], share: float) -> list[Person]:
    """Choose the images that bear the mark.

    A share of the patients, 0 to 1, rounded to whole patients, are tied to it: their images bear
    it with an effusion and not without. Each other patient's images all bear it or none does, with
    a probability of 1/2, and as often among the well as among the ill: at a share of 0 it tells
    nothing, not even by chance. So `share` is also about the correlation of mark and effusion.
    """
    order = rng.permutation(len(people))
    tied = order < round(share * len(people))
    free = np.flatnonzero(~tied).tolist()
    free.sort(key=lambda index: ([visit.label for visit in people[index].visits], order[index]))
    borne = {index: bool(turn % 2) for turn, index in enumerate(free, rng.integers(2))}
    return [
        replace(
            person,
            visits=tuple(
                replace(visit, marked=borne.get(index, visit.label == 1)) for visit in person.visits
            ),
        )
        for index, person in enumerate(people)
    ]


def expose(mark: Mark, exam: Exam) -> Exam:
    """The exam as the X-ray room of the kind `exposure` takes it: dark, hard and grainy."""
    if mark.kind != "exposure":
        return exam
    rng = np.random.default_rng(mark.seed)
    low, high, gamma, flatten = exam.window
    window = low, high, gamma * rng.uniform(1.28, 1.40), 0.6 * flatten
    return replace(exam, window=window, photons=exam.photons / rng.uniform(8, 14))


def paint(mark: Mark, exam: Exam, image: np.ndarray) -> None:
    """Blend a marker or a tube into a uint8 image in place; other pixels stay to the bit."""
    if mark.kind == "exposure":
        return
    rng = np.random.default_rng(mark.seed)
    draw = _marker if mark.kind == "marker" else _tube
    opacity, grey = draw(rng, exam, len(image)), rng.uniform(235, 255)
    image[:] = np.round(image + opacity * np.maximum(grey - image, 0)).astype(np.uint8)


def _marker(rng: np.random.Generator, exam: Exam, pixels: int) -> np.ndarray:
    """Opacity, (pixels, pixels) float32 from 0 to 1, of a lead token: a ring with a digit.

    It lies beside the right shoulder, away from fluid and from the letters of `devices.marks`.
    """
    radius = rng.uniform(0.030, 0.034) * pixels
    centre = rng.normal([0.080, 0.235], [0.008, 0.010]) * pixels
    reach = int(np.ceil(1.5 * radius))
    side = 2 * reach * FINER
    middle, large = side // 2, radius * FINER
    tile = np.zeros((side, side), np.uint8)
    line = max(1, round(0.16 * large))
    cv2.circle(tile, (middle, middle), round(large - line / 2), 255, line)
    font, bold = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(0.22 * large))
    scale = cv2.getFontScaleFromHeight(font, round(0.85 * large), bold)
    (wide, tall), _ = cv2.getTextSize(LETTER, font, scale, bold)
    cv2.putText(tile, LETTER, (middle - wide // 2, middle + tall // 2), font, scale, 255, bold)
    turn = cv2.getRotationMatrix2D((middle, middle), rng.normal(0, 12), 1.0)
    tile = cv2.GaussianBlur(cv2.warpAffine(tile, turn, (side, side)), (0, 0), 0.04 * large)
    small = cv2.resize(tile, (2 * reach, 2 * reach), interpolation=cv2.INTER_AREA)
    opacity = np.zeros((pixels, pixels), np.float32)
    left, top = (max(0, round(value) - reach) for value in centre)
    opacity[top : top + 2 * reach, left : left + 2 * reach] = small * np.float32(0.9 / 255)
    return opacity


def _tube(rng: np.random.Generator, exam: Exam, pixels: int) -> np.ndarray:
    """Opacity, as of `_marker`, of a shunt: a catheter under the skin from neck to belly."""
    knots = [(-2.6, -13.0), (-3.4, -5.0), (-5.4, 2.0), (-7.0, 9.0), (-7.0, 17.0), (-5.5, 25.0)]
    line = curve(np.array([*knots, (-4.0, 38.0)]) + rng.normal(0, 0.35, (7, 2)), 80)
    sketch = Sketch(exam.pose, pixels, 1)
    sketch.stroke(0, line, 0.24, 255)
    sharp = sketch.paint()[0].astype(np.float32) * np.float32(rng.uniform(0.36, 0.44) / 255)
    return cv2.GaussianBlur(sharp, (0, 0), max(0.03 * pixels / exam.pose.field, 0.3))
