"""Bones, drawn as outlines. Strengths are optical depths above the soft tissue in their place.

They are tuned by eye to radiographs, not taken from a table.
"""

import cv2
import numpy as np

from cxr.phantom.anatomy import shoulder_points
from cxr.phantom.canvas import Sketch, curve, ribbon
from cxr.phantom.exam import Exam
from cxr.phantom.patient import RIBS, Patient
from cxr.phantom.thorax import half_depth_at, half_width_at, midline

RIB = 0.135
VERTEBRA = 0.15
FLAT = 0.16
LONG = 0.34


def _rib_ring(patient: Patient, exam: Exam, rib: int, side: int) -> tuple[np.ndarray, float]:
    """The whole course of a rib, (61, 2) cm from spine to breastbone, and its half width, cm.

    A rib is an ellipse around the chest in a plane tilted forwards and down; a deeper breath lifts
    its front.
    """
    level, tilt, width = patient.ribs[rib] + 0.04 * np.sin(patient.seed % 89 + 7 * rib + 3 * side)
    spacing = 0.098 * patient.lung_height
    start = -1.6 + spacing * (rib + 1.2 * (level - 1))
    breath = exam.domes[0] / patient.lung_height
    deep = float(half_depth_at(patient, np.float64(start + 3.0)))
    lean = patient.rib_tilt * tilt * (1.22 - 0.25 * breath) * (1.0 if exam.view == "PA" else 0.86)
    turn = np.linspace(0.12, np.pi * (0.79 if rib < 7 else 0.66), 61)
    lateral = start + lean * deep
    wide = float(half_width_at(patient, np.float64(max(lateral, 0.3)))) + (0.35 if rib else 0.9)
    wide *= 1 + patient.asymmetry * (1 if side else -1)
    sign = 2 * side - 1
    y = start + lean * deep * (1 - np.cos(turn)) - 0.4 * np.sin(3 * turn).clip(0) * (turn < 1.05)
    front = np.clip((1 - np.cos(turn)) / 2, 0, 1)
    x = midline(patient, y) + sign * wide * np.sin(turn) ** 0.92 + exam.yaw * (front - 0.3)
    return np.column_stack([x, y]), 0.62 * width * (0.85 + 0.015 * rib)


def _ribs(patient: Patient, exam: Exam, sketch: Sketch) -> None:
    """Back halves on layer 0, front halves on 1; a paler core leaves a cortex on both sides."""
    for side in (0, 1):
        for rib in range(RIBS):
            line, half = _rib_ring(patient, exam, rib, side)
            back, front = line[:34], line[28:]
            thin = np.interp(np.arange(34), [0, 22, 33], [0.85, 1.0, 0.62]) * half
            sketch.fill(0, ribbon(back, thin), 235 if rib else 150)
            sketch.fill(0, ribbon(back, thin - 0.17), 165 if rib else 110)
            broad = np.interp(np.arange(33), [0, 8, 32], [0.62, 1.0, 1.3]) * half
            sketch.fill(1, ribbon(front, broad), 175)
            sketch.fill(1, ribbon(front, broad - 0.16), 120)


def _spine(patient: Patient, exam: Exam, sketch: Sketch) -> None:
    """On layer 2: vertebral bodies with endplates, pedicles, transverse and spinous processes."""
    spacing = 0.098 * patient.lung_height
    for count in range(-5, 15):
        y = -1.2 + spacing * count
        x = float(midline(patient, np.float64(y)))
        wide = 1.42 + 0.045 * max(count, 0) + 0.1 * patient.ribs[count % RIBS, 2] - 0.1
        tall = 0.42 * spacing
        waist = [(-1, -1), (1, -1), (0.86, 0), (1, 1), (-1, 1), (-0.86, 0)]
        sketch.fill(2, np.array([(x + wide * a, y + tall * b) for a, b in waist]), 150)
        wing = np.array([(x - 2.5 * wide, y - 0.5), (x, y - 0.2), (x + 2.5 * wide, y - 0.5)])
        sketch.fill(2, ribbon(curve(wing, 12), np.array([0.3])), 105)
        for end in (-1, 1):
            plate = np.array(
                [(x - wide, y + end * tall), (x, y + end * tall * 0.93), (x + wide, y + end * tall)]
            )
            sketch.stroke(2, curve(plate, 9), 0.14, 225)
            pedicle = np.array([x + end * 0.68 * wide - 0.35 * exam.yaw, y - 0.25 * tall])
            ring = pedicle + np.column_stack(_circle(0.26, 0.42))
            sketch.stroke(2, ring, 0.12, 235)
        drop = np.array([x - 0.5 * exam.yaw, y + 0.7 * spacing]) + np.column_stack(
            _circle(0.24, 0.55)
        )
        sketch.fill(2, drop, 215)


def _circle(across: float, along: float, points: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """x and y of an ellipse around 0, closed."""
    turn = np.linspace(0, 2 * np.pi, points)
    return across * np.cos(turn), along * np.sin(turn)


def _girdle(patient: Patient, exam: Exam, sketch: Sketch) -> None:
    """Shoulder blades on layer 3, clavicles and humeri on 4.

    The blades lie over the lungs in bed (AP), beside them upright (PA).
    """
    bed = exam.view == "AP"
    for side in (0, 1):
        sign = 2 * side - 1
        shoulder, elbow = shoulder_points(patient, exam, side)
        inner = np.array([sign * 1.7 + exam.yaw, (0.6 if bed else 2.3) + 0.4 * patient.shoulder])
        outer = np.array([shoulder[0] - sign * 0.6, shoulder[1] - 3.0])
        across = outer - inner
        bow = np.array([0, -0.55])
        control = np.array(
            [inner, inner + 0.3 * across + bow, inner + 0.68 * across - 0.6 * bow, outer]
        )
        line = curve(control, 30)
        half = np.interp(np.arange(30), [0, 5, 14, 29], [0.95, 0.66, 0.52, 0.72])
        sketch.fill(4, ribbon(line, half), 190)
        sketch.fill(4, ribbon(line, half - 0.2), 125)
        tip_x = patient.half_width * (0.72 if bed else 0.9) + 0.5 * np.sin(patient.seed + side)
        blade = np.array(
            [
                (shoulder[0] - sign * 2.4, shoulder[1] + 0.3),
                (sign * (tip_x - 2.2), shoulder[1] - 0.6),
                (sign * (tip_x - 3.2), shoulder[1] + 4.5),
                (sign * tip_x, shoulder[1] + 11.5),
                (sign * (tip_x + 1.4), shoulder[1] + 9.5),
                (shoulder[0] - sign * 2.0, shoulder[1] + 2.6),
            ]
        )
        sketch.fill(3, curve(np.concatenate([blade, blade[:1]]), 48), 105)
        border = curve(blade[[5, 4, 3]], 20)
        sketch.stroke(3, border, 0.5, 215)
        spur = curve(
            np.array(
                [blade[1], (blade[1] + outer) / 2 + [0, 1.2], outer + np.array([sign * 0.8, 0.2])]
            ),
            20,
        )
        sketch.fill(3, ribbon(spur, np.linspace(0.2, 0.75, 20)), 190)
        head = np.array(shoulder) + np.column_stack(_circle(2.35, 2.45, 25))
        sketch.fill(4, head, 120)
        sketch.stroke(4, head, 0.15, 165)
        shaft = np.array([shoulder, elbow])
        shaft = shaft[0] + np.linspace(0.04, 1, 20)[:, None] * (shaft[1] - shaft[0])
        thick = np.interp(np.arange(20), [0, 4, 19], [1.9, 1.2, 1.1])
        sketch.fill(4, ribbon(shaft, thick), 235)
        sketch.fill(4, ribbon(shaft, thick - 0.45), 130)


def bones(patient: Patient, exam: Exam, pixels: int, edge: np.ndarray) -> np.ndarray:
    """Added optical depth of the bones, (pixels, pixels) float32.

    edge: (pixels, pixels), 1 in the middle of the chest and more towards its side, where beams
    graze the ribs.
    """
    sketch = Sketch(exam.pose, pixels, 5)
    _ribs(patient, exam, sketch)
    _spine(patient, exam, sketch)
    _girdle(patient, exam, sketch)
    layers = sketch.paint()
    per_cm = pixels / exam.pose.field
    soft = cv2.GaussianBlur(layers[0], (0, 0), max(0.045 * per_cm, 0.3)).astype(np.float32)
    soft += cv2.GaussianBlur(layers[1], (0, 0), max(0.08 * per_cm, 0.3))
    depth = soft * edge * np.float32(RIB / 255)
    for layer, strength, blur in zip(
        layers[2:], (VERTEBRA, FLAT, LONG), (0.2, 0.07, 0.06), strict=True
    ):
        smooth = cv2.GaussianBlur(layer, (0, 0), max(blur * per_cm, 0.3))
        depth += smooth * np.float32(strength / 255)
    return depth * np.float32(patient.bone)
