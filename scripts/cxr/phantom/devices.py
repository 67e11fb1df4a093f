"""Tubes, wires and electrodes on and in the patient, and the marks on the film."""

import cv2
import numpy as np

from cxr.phantom.canvas import Sketch, curve
from cxr.phantom.exam import Exam
from cxr.phantom.patient import Patient

METAL = 2.0


def _ring(centre: np.ndarray, radius: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 19)
    return centre + radius * np.column_stack([np.cos(turn), np.sin(turn)])


def _wander(rng: np.random.Generator, start: tuple, end: tuple, sway: float) -> np.ndarray:
    """A slack line from start to end, (60, 2) cm."""
    knots = np.linspace(0, 1, 6)[:, None]
    control = (1 - knots) * np.asarray(start, float) + knots * np.asarray(end, float)
    control[1:-1] += rng.normal(0, sway, (4, 2))
    return curve(control, 60)


def _leads(rng: np.random.Generator, patient: Patient, exam: Exam, sketch: Sketch) -> None:
    wide = patient.half_width
    spots = [(-0.8 * wide, 1.5), (0.8 * wide, 1.5), (-0.75 * wide, 17), (0.8 * wide, 18), (1.5, 13)]
    exit_side = rng.choice([-1, 1])
    for spot in spots:
        if rng.random() < 0.25:
            continue
        place = np.array(spot) + rng.normal(0, 1.8, 2)
        sketch.fill(0, _ring(place, rng.uniform(0.35, 0.6)), rng.uniform(60, 200))
        sketch.stroke(0, _ring(place, 0.62), 0.1, 110)
        end = (exit_side * rng.uniform(5, 22), rng.choice([-9.0, 33.0], p=[0.4, 0.6]))
        sketch.stroke(
            0, _wander(rng, tuple(place), end, 1.3), rng.uniform(0.09, 0.16), rng.uniform(60, 120)
        )


def _central(rng: np.random.Generator, patient: Patient, exam: Exam, sketch: Sketch) -> None:
    side = rng.choice([-1, -1, 1])
    tip = np.array([-1.9 + 0.4 * exam.yaw, rng.uniform(7, 12)])
    start = [(side * 3.2, -9.0), (side * 13.0, -1.0), (side * 20.0, 8.0)][rng.integers(3)]
    bend = np.array([side * 2.4, 1.2])
    line = curve(
        np.array(
            [start, (np.array(start) + bend) / 2 + rng.normal(0, 0.6, 2), bend, [-1.6, 4.0], tip]
        ),
        60,
    )
    sketch.stroke(0, line, 0.17, rng.uniform(40, 90))


def _port(patient: Patient, exam: Exam, sketch: Sketch) -> None:
    place = np.array([patient.port * 0.62 * patient.half_width, 6.0 + patient.shoulder])
    sketch.stroke(0, _ring(place, 1.15), 0.35, 170)
    sketch.fill(0, _ring(place, 0.75), 90)
    loop = [
        place,
        place + np.array([patient.port * 1.0, -4.0]),
        [patient.port * 3.6, 0.3],
        [-1.7, 4.0],
        [-1.9, 10.0],
    ]
    sketch.stroke(0, curve(np.array(loop, float), 60), 0.2, 110)


def _pacemaker(patient: Patient, exam: Exam, sketch: Sketch) -> None:
    side = patient.pacemaker
    place = np.array([side * 0.72 * patient.half_width, 4.5 + patient.shoulder])
    turn = np.linspace(0, 2 * np.pi, 33)
    corner = np.column_stack([np.cos(turn), np.sin(turn)])
    box = place + np.sign(corner) * np.abs(corner) ** 0.6 * [2.3, 2.0]
    sketch.fill(0, box, 200)
    sketch.fill(0, place + (box - place) * [0.75, 0.45] + [0, 0.4], 255)
    dome = min(exam.domes)
    for tip in ([4.5 + exam.yaw, dome - 1.5], [-2.6 + exam.yaw, dome - 7.0])[
        : 1 + patient.seed % 2
    ]:
        knots = [
            place,
            place + np.array([-side * 2.5, -2.6]),
            [side * 3.0, 1.0],
            [-1.9, 5.0],
            [-2.4, dome - 5.0],
            tip,
        ]
        sketch.stroke(0, curve(np.array(knots, float), 70), 0.2, 190)


def _drain(rng: np.random.Generator, patient: Patient, exam: Exam, sketch: Sketch) -> None:
    side = rng.integers(2)
    sign = 2 * side - 1
    low = exam.domes[side]
    knots = [
        (sign * 24, low + 4),
        (sign * patient.half_width, low - 3),
        (sign * 8, low - 8),
        (sign * 6, 4.0),
    ]
    line = curve(np.array(knots, float) + rng.normal(0, 0.8, (4, 2)), 60)
    sketch.stroke(0, line, 0.75, 34)
    sketch.stroke(0, line + np.array([0.0, 0.2]), 0.1, 130)


def hardware(rng: np.random.Generator, patient: Patient, exam: Exam, pixels: int) -> np.ndarray:
    """Added optical depth of all devices, (pixels, pixels) float32."""
    sketch = Sketch(exam.pose, pixels, 1)
    dome = min(exam.domes)
    if "leads" in exam.lines:
        _leads(rng, patient, exam, sketch)
    if "central" in exam.lines:
        _central(rng, patient, exam, sketch)
    if "drain" in exam.lines:
        _drain(rng, patient, exam, sketch)
    if "tracheal" in exam.lines:
        tube = curve(
            np.array(
                [(0.6, -12.0), (0.2, -6), (-0.2, 0), (0.8 * exam.shift - 0.2, rng.uniform(2, 5))]
            )
        )
        sketch.stroke(0, tube, 0.75, 26)
        sketch.stroke(0, tube + np.array([0.3, 0.0]), 0.12, 120)
    if "gastric" in exam.lines:
        low = [(1.2, dome - 5), (2.0, dome), (rng.uniform(3, 8), dome + rng.uniform(2, 6))]
        tube = curve(np.array([(-0.5, -12.0), (0.4, -4), (0.1, 5), *low]), 60)
        sketch.stroke(0, tube, 0.2, rng.uniform(40, 90))
    if patient.port:
        _port(patient, exam, sketch)
    if patient.pacemaker:
        _pacemaker(patient, exam, sketch)
    if patient.sternotomy:
        for number in range(6):
            place = np.array([exam.yaw * 1.2, 4.5 + 2.6 * number]) + rng.normal(0, 0.2, 2)
            sketch.stroke(0, _ring(place, 0.5) * [1, 0.6] + [0, 0.4 * place[1]], 0.13, 170)
    if "buttons" in exam.lines:
        for number in range(rng.integers(2, 6)):
            place = np.array([rng.normal(0, 0.4) + exam.yaw, 3.0 + 6.5 * number])
            sketch.stroke(0, _ring(place, 0.5), 0.15, 80)
    if "clips" in exam.lines:
        centre = rng.uniform([-10, 4], [10, 24])
        for _ in range(rng.integers(2, 7)):
            place = centre + rng.normal(0, 1.2, 2)
            sketch.stroke(0, np.array([place, place + rng.normal(0, 0.35, 2)]), 0.12, 200)
    if "necklace" in exam.lines:
        chain = curve(
            np.array([(-6.0, -6), (-4, -1), (0, 3.0), (4, -1), (6.0, -6)])
            + rng.normal(0, 0.3, (5, 2))
        )
        sketch.stroke(0, chain, 0.14, 150)
    if not sketch.shapes:
        return np.zeros((pixels, pixels), np.float32)
    blur = max(0.03 * pixels / exam.pose.field, 0.3)
    return cv2.GaussianBlur(sketch.paint()[0], (0, 0), blur).astype(np.float32) * np.float32(
        METAL / 255
    )


def _write(
    image: np.ndarray, text: str, at: tuple, height: float, turn: float, grey: float, bold: bool
) -> None:
    """Blend text into a uint8 image in place.

    at, height: shares of its side; turn: degrees; grey: of the letters; bold: or fine.
    """
    side = len(image)
    font = cv2.FONT_HERSHEY_SIMPLEX
    thick = max(1, round(side / (170 if bold else 400)))
    scale = cv2.getFontScaleFromHeight(font, max(5, round(height * side)), thick)
    (wide, tall), _ = cv2.getTextSize(text, font, scale, thick)
    edge = wide + tall + 8
    tile = np.zeros((edge, edge), np.uint8)
    cv2.putText(
        tile, text, ((edge - wide) // 2, (edge + tall) // 2), font, scale, 255, thick, cv2.LINE_AA
    )
    matrix = cv2.getRotationMatrix2D((edge / 2, edge / 2), turn, 1.0)
    matrix[:, 2] += [at[0] * side - edge / 2, at[1] * side - edge / 2]
    mark = (
        cv2.warpAffine(tile, matrix, (side, side), flags=cv2.INTER_LINEAR).astype(np.float32) / 255
    )
    image[:] = (image + mark * (grey - image)).astype(np.uint8)


def marks(rng: np.random.Generator, exam: Exam, image: np.ndarray) -> None:
    """Letters, words and collimation borders, into a uint8 image in place."""
    letter, right = ("L", 0.90) if rng.random() < 0.85 else ("R", 0.08)
    turn = rng.normal(0, 6) if rng.random() < 0.7 else rng.uniform(-50, 50)
    place = (right + rng.normal(0, 0.03), rng.uniform(0.05, 0.2))
    size = rng.uniform(0.03, 0.05)
    grey = rng.uniform(215, 255)
    _write(image, letter, place, size, turn, grey, True)
    if rng.random() < 0.45:
        initials = "".join(rng.choice(list("ABCDEGHJKLMRST"), 2))
        _write(
            image,
            initials,
            (place[0] + 0.005, place[1] + 1.35 * size),
            0.45 * size,
            turn,
            grey,
            False,
        )
    if exam.view == "AP":
        words = [
            w
            for w, chance in (("PORTABLE", 0.62), ("AP", 0.5), ("SUPINE", 0.12))
            if rng.random() < chance
        ]
        for number, word in enumerate(words):
            at = (
                rng.choice([0.13, 0.8]) + rng.normal(0, 0.03),
                0.05 * number + rng.uniform(0.03, 0.07),
            )
            _write(image, word, at, rng.uniform(0.017, 0.024), 0.0, rng.uniform(180, 255), False)
    _collimate(rng, image)


def _collimate(rng: np.random.Generator, image: np.ndarray) -> None:
    """Black (collimated) or white (unread plate) strips along some edges, a little askew."""
    side = len(image)
    for edge in range(4):
        if rng.random() > (0.22 if edge == 0 else 0.1):
            continue
        near, far = rng.uniform(0.004, 0.035) * side + rng.normal(0, 0.006, 2) * side
        outline = np.array([[0, 0], [side, 0], [side, max(far, 0)], [0, max(near, 0)]], np.float32)
        for _ in range(edge):
            outline = np.column_stack([side - outline[:, 1], outline[:, 0]])
        grey = float(rng.choice([0, 0, 0, 235]))
        cv2.fillPoly(image, [np.round(outline * 16).astype(np.int32)], grey, cv2.LINE_AA, 4)
