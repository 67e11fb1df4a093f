"""Soft tissue, heart, mediastinum, breasts and gas: thickness along the beam, cm."""

import numpy as np

from cxr.phantom.exam import Exam
from cxr.phantom.patient import Patient
from cxr.phantom.thorax import Cavity, midline

# Rows: level, cm; half width as a share of the chest's, cm added, cm per cm of fat; half depth
# likewise.
CONTOUR = np.array(
    [
        [-16, 0.00, 6.8, 0.35, 0.0, 6.0, 0.5],
        [-9, 0.00, 5.4, 0.35, 0.0, 5.0, 0.5],
        [-5.5, 0.00, 6.2, 0.4, 0.0, 5.1, 0.5],
        [-3.5, 0.25, 5.8, 0.5, 0.0, 5.5, 0.5],
        [-2, 0.60, 5.0, 0.6, 0.1, 5.2, 0.5],
        [-0.5, 1.00, 1.2, 0.7, 0.3, 4.4, 0.5],
        [1.5, 1.00, 3.0, 0.8, 0.6, 2.9, 0.5],
        [4, 1.00, 4.0, 0.9, 0.9, 1.3, 0.5],
        [7, 1.00, 4.2, 1.0, 1.0, 1.3, 0.5],
        [12, 1.00, 4.2, 1.1, 1.0, 1.8, 0.5],
        [20, 1.00, 3.8, 1.3, 1.0, 1.9, 0.6],
        [30, 1.00, 3.6, 1.7, 1.0, 2.0, 1.2],
        [45, 1.00, 3.6, 2.0, 1.0, 1.5, 1.5],
    ]
)


def ellipsoid(
    x: np.ndarray, y: np.ndarray, centre: tuple, axes: tuple, angle: float, depth: float
) -> np.ndarray:
    """Chord, cm, of an ellipsoid.

    centre, axes: of its outline, cm; angle: of the first axis, radians; depth: its largest chord.
    """
    return np.sqrt(_square(x, y, centre, axes, angle, depth))


def _square(
    x: np.ndarray, y: np.ndarray, centre: tuple, axes: tuple, angle: float, depth: float
) -> np.ndarray:
    """Square of an ellipsoid's chord, cm2; arguments as for `ellipsoid`."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    far = ((cos * dx + sin * dy) / np.float32(axes[0])) ** 2
    far += ((cos * dy - sin * dx) / np.float32(axes[1])) ** 2
    return np.float32(depth**2) * np.maximum(1 - far, 0)


def _capsule(
    x: np.ndarray, y: np.ndarray, start: tuple, end: tuple, radii: tuple[float, float]
) -> np.ndarray:
    """Chord, cm, of a limb from start to end; `radii`: there, in cm."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    radius = radii[0] + (radii[1] - radii[0]) * along
    square = (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2
    return 2 * np.sqrt(np.clip(radius**2 - square, 0, None))


def shoulder_points(patient: Patient, exam: Exam, side: int) -> tuple[tuple, tuple]:
    """Shoulder and elbow, (x, y) in cm, of side 0 or 1.

    The arms lie beside the trunk in bed (AP) and are turned out upright (PA).
    """
    sign = 2 * side - 1
    bed = exam.view == "AP"
    lift = (0.45 if side else -0.45) * exam.yaw
    out = patient.half_width + (2.9 if bed else 4.0) + 0.25 * patient.shoulder
    top = (0.9 if bed else 2.0) + 0.9 * patient.shoulder + lift
    spread = (3.0 if bed else 7.0) + patient.fat
    spread += 1.6 * np.sin(patient.seed + 3.0 * side + 3 * exam.gas)
    return (sign * out, top), (sign * (out + spread), top + 27.0)


def _contour(patient: Patient, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half width and half depth, cm, of neck and trunk at level y: CONTOUR, smoothed over 3 cm."""
    table = np.arange(-16, 45, 0.25)
    smooth = np.hanning(13) / np.hanning(13).sum()
    bases = (patient.half_width, patient.half_depth)
    halves = []
    for (share, added, fat), base in zip(
        (CONTOUR[:, 1:4].T, CONTOUR[:, 4:7].T), bases, strict=True
    ):
        knots = np.interp(table, CONTOUR[:, 0], share * base + added + fat * patient.fat)
        knots = np.convolve(np.pad(knots, 6, "edge"), smooth, "valid")
        halves.append(np.interp(y, table, knots).astype(np.float32))
    return halves[0], halves[1]


def body(patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Thickness, cm, of the whole body (lungs and all): neck, trunk, shoulders and arms."""
    half, deep = _contour(patient, y)
    across = ((x - midline(patient, y) * 0.5) / half) ** 2
    trunk = 2 * deep * np.sqrt(np.maximum(1 - across * across, 0))
    trunk *= 1 + np.float32(0.012 * exam.yaw / patient.half_width) * x
    radius = 4.6 + 0.35 * patient.fat
    for side in (0, 1):
        shoulder, elbow = shoulder_points(patient, exam, side)
        trunk = np.hypot(trunk, _capsule(x, y, shoulder, elbow, (radius + 0.6, radius)))
        chest = ((2 * side - 1) * (patient.half_width - 3.5), shoulder[1] + 4.0)
        trunk = np.hypot(trunk, 0.8 * _capsule(x, y, shoulder, chest, (radius + 0.7, 5.5)))
    return trunk


def mediastinum(patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Thickness, cm, of heart and great vessels, where they take the lung's place.

    Ellipsoids, joined by the fourth root of the sum of fourth powers, which rounds the angles
    between them. The heart rests on the diaphragm: what is below is stretched, so that its lower
    border is never seen.
    """
    dome = min(exam.domes)
    x = x - midline(patient, y) - np.float32(exam.shift * 0.8)
    y = np.where(y > dome - 1, np.float32(0.75 * (dome - 1)) + np.float32(0.25) * y, y)
    yaw, bed = 0.8 * exam.yaw, 1.08 if exam.view == "AP" else 1.0
    size, knob = patient.heart, patient.aorta
    heart_y = dome - 0.42 * size + 0.4
    knob_y = 0.22 * patient.lung_height + 0.3
    ventricle = (2.5 + yaw + 0.1 * (size - 6), heart_y)
    wide, tilt = size * bed, patient.heart_tilt
    parts = [
        (ventricle, (wide, 0.72 * wide), tilt, 1.5 * size),
        ((-1.2 + yaw, heart_y - 0.8), (3.5 * bed, 0.85 * size), -0.1, 7.0),
        ((0.7 + yaw, heart_y + 2.0), (0.85 * size, 3.8), 0.1, 8.0),
        ((1.0 + yaw, heart_y - 4.5), (3.3, 4.5), -0.25, 6.5),
        ((1.55 + 0.4 * yaw, knob_y + 0.5), (knob + 0.45, knob + 0.5), 0.0, 5.5),
        ((1.3 + 0.7 * yaw, knob_y + 4.3), (2.5, 3.0), 0.3, 5.0),
        ((-0.7 + 0.5 * yaw, knob_y + 1.5), (2.5, 8.0), 0.03, 6.5),
        ((1.0, 17.0), (1.5 + 0.35 * (knob - 1.7), 15.0), 0.02, 2.8),
        ((0.2 + 0.4 * yaw, -2.0), (3.1, 8.5), 0.0, 7.0),
        ((-3.6, knob_y + 6.0), (1.3, 2.3), 0.5, 1.6),
        ((3.8, knob_y + 5.2), (1.2, 1.9), -0.5, 1.5),
    ]
    fourth = np.zeros_like(x)
    for centre, axes, angle, depth in parts:
        square = _square(x, y, centre, axes, angle, depth)
        fourth += square * square
    return np.sqrt(np.sqrt(fourth))


def airway(patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Thickness, cm, of the air in trachea and main bronchi."""
    fork = 0.24 * patient.lung_height + 2.6
    dx = x - midline(patient, y) - np.float32(0.8 * exam.shift + 0.3 * exam.yaw)
    dx = dx + 0.35 * np.clip(y / fork, 0, 1)
    open_above = np.clip((fork + 0.8 - y) / 1.2, 0, 1)
    tube = 1.0 * np.sqrt(np.clip(1 - (dx / 0.8) ** 2, 0, None)) * open_above
    right = _capsule(dx, y, (0.0, fork), (-3.0, fork + 2.6), (0.72, 0.5))
    left = _capsule(dx, y, (0.0, fork), (4.0, fork + 2.3), (0.62, 0.42))
    return np.maximum(tube, 0.6 * np.maximum(right, left))


def breasts(patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Thickness, cm, of the breasts: fading above, with a crisp fold below; spread out in bed."""
    total = np.zeros_like(x)
    if patient.breast < 0.05:
        return total
    bed = exam.view == "AP"
    for side in (0, 1):
        sign = 2 * side - 1
        uneven = 1 + 0.06 * np.sin(patient.seed % 97 + 2.0 * side)
        centre_x = sign * (0.60 + 0.09 * bed) * patient.half_width * uneven + 0.8 * exam.yaw
        centre_y = (
            0.70 * patient.lung_height + patient.breast_drop + 0.25 * patient.breast - 0.8 * bed
        )
        dx, dy = x - np.float32(centre_x), y - np.float32(centre_y * uneven)
        width = 4.7 + 0.32 * patient.breast
        tall = np.where(dy < 0, 2.0 * width, (0.62 + 0.05 * patient.breast) * width)
        inside = np.clip(1 - (dx / width) ** 2 - (dy / tall) ** 2, 0, None)
        total += patient.breast * uneven * inside ** (0.5 + 0.6 * np.clip(-dy / 6, 0, 1))
    return total


def gas(rng: np.random.Generator, exam: Exam, space: Cavity, x: np.ndarray) -> np.ndarray:
    """Thickness, cm, of gas in stomach (with a level where upright) and colon."""
    y, dome = space.y, exam.domes[1]
    total = np.zeros_like(x)
    if exam.gas < 0.5:
        centre = (rng.uniform(4.5, 8.5), dome + rng.uniform(1.8, 3.4))
        axes = (rng.uniform(1.5, 4.4), rng.uniform(0.9, 2.2))
        bubble = ellipsoid(x, y, centre, axes, rng.normal(0, 0.2), rng.uniform(1.5, 5))
        level = centre[1] + axes[1] * rng.uniform(-0.1, 0.9)
        if exam.view == "PA":
            bubble *= np.clip((level - y) / 0.15, 0, 1)
        total += bubble
    for _ in range(rng.choice([0, 1, 2, 4], p=[0.4, 0.25, 0.2, 0.15])):
        at = (rng.uniform(-13, 13), max(exam.domes) + rng.uniform(4.5, 13))
        axes = (rng.uniform(0.9, 3.0), rng.uniform(0.7, 1.6))
        total += ellipsoid(x, y, at, axes, rng.uniform(0, 3), rng.uniform(0.8, 2.5))
    under = np.clip((y - space.dome - 0.5) / 0.3, 0, 1)
    return total * under * (space.lateral < 0.95 * space.half_width)


def haze(exam: Exam, x: np.ndarray, y: np.ndarray, speckle: np.ndarray) -> np.ndarray:
    """Added attenuation, 1/cm of lung, of infiltrates and plates; `speckle` makes them patchy."""
    total = np.zeros_like(x)
    for patch in exam.haze:
        near = ellipsoid(
            x, y, (patch.x, patch.y), (1.6 * patch.across, 1.6 * patch.along), patch.angle, 1.0
        )
        total += patch.strength * near**2
    return total * np.clip(1 + 0.3 * speckle, 0, None)


def fold(
    rng: np.random.Generator, patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Thickness, cm, of a fold of skin under a patient in bed: its edge can pass for a pleura."""
    if not exam.fold:
        return np.zeros_like(x)
    sign = rng.choice([-1.0, 1.0])
    edge = sign * (x - sign * rng.uniform(0.45, 0.8) * patient.half_width) + rng.normal(0, 0.15) * (
        y - 12
    )
    depth = rng.uniform(0.8, 2.0)
    return (depth * np.clip(1 - edge / 3.5, 0, 1) * (edge > 0) * np.clip((y - 3) / 3, 0, 1)).astype(
        np.float32
    )
