"""The branching vessels of the lungs."""

import cv2
import numpy as np

from cxr.phantom.canvas import Sketch
from cxr.phantom.exam import Exam
from cxr.phantom.patient import Patient
from cxr.phantom.thorax import midline

THICKEST = 0.9


def draw_tree(rng: np.random.Generator, patient: Patient) -> list[tuple[np.ndarray, np.ndarray]]:
    """Branches of both lungs at full breath: each (k, 2) points in cm and (k,) diameters in cm.

    Trunks leave the hila fanwise, waver, taper, and fork about every 2 cm at 20 to 50 degrees.
    """
    branches = []
    for side in (0, 1):
        sign = 2 * side - 1
        hilum = np.array([sign * 3.2, (0.41 if side == 0 else 0.37) * patient.lung_height])
        fan = np.linspace(-1.25, 1.45, 15) + rng.normal(0, 0.10, 15)
        for lean in fan:
            calibre = rng.uniform(0.36, 0.62) * (1.1 if lean > 0.2 else 0.85)
            start = hilum + np.array([sign * rng.uniform(-0.3, 0.9), rng.uniform(-1.6, 2.4)])
            waiting = [(start, lean, calibre, rng.uniform(8, 15))]
            while waiting:
                place, heading, width, reach = waiting.pop()
                steps = max(3, int(reach / 0.7))
                turns = heading + np.cumsum(rng.normal(0, 0.13, steps))
                run = 0.7 * np.column_stack([sign * np.cos(turns), np.sin(turns)])
                line = place + np.concatenate([np.zeros((1, 2)), np.cumsum(run, axis=0)])
                taper = width * np.linspace(1, 0.18, steps + 1)
                branches.append((line, taper))
                for knot in range(2, steps - 1, 3):
                    if taper[knot] > 0.10 and rng.random() < 0.8:
                        aside = rng.choice([-1, 1]) * rng.uniform(0.35, 0.9)
                        waiting.append(
                            (
                                line[knot],
                                turns[knot] + aside,
                                0.72 * taper[knot],
                                (steps - knot) * 0.55,
                            )
                        )
    return branches


def markings(
    tree: list[tuple[np.ndarray, np.ndarray]], patient: Patient, exam: Exam, pixels: int
) -> np.ndarray:
    """Thickness of the vessels along the beam, cm, (pixels, pixels) float32, before the lung's edge
    is applied.
    """
    sketch = Sketch(exam.pose, pixels, 3)
    breath = exam.domes[0] / patient.lung_height
    for number, (line, width) in enumerate(tree):
        moved = line * [1.0, breath] + [0.5 * exam.shift + 0.3 * exam.yaw, 0.0]
        moved[:, 0] += midline(patient, moved[:, 1])
        cuts = range(0, len(moved) - 1, 4)
        for cut in cuts:
            calibre = float(width[cut : cut + 5].mean())
            layer = 0 if calibre > 0.3 else 1 + number % 2
            shade = 255 * min(1.0, 0.85 * calibre / THICKEST)
            sketch.stroke(layer, moved[cut : cut + 5], calibre, shade)
    layers = sketch.paint()
    per_cm = pixels / exam.pose.field
    thick = cv2.GaussianBlur(layers[0], (0, 0), max(0.09 * per_cm, 0.3)).astype(np.float32)
    thick += cv2.GaussianBlur(layers[1], (0, 0), max(0.03 * per_cm, 0.3))
    thick += cv2.GaussianBlur(layers[2], (0, 0), max(0.03 * per_cm, 0.3))
    return thick * np.float32(THICKEST / 255)
