"""The thoracic cavity, and how far a beam runs through lung and through pleural fluid in it.

The cavity's cross-section at each level is a superellipse, the diaphragm of each side a paraboloid
with its top a little in front of the middle. Both have closed chords along the beam (front to
back), so all edges that a beam grazes (chest wall, dome, meniscus) show the square-root profile
that they have on a radiograph.

Free fluid is a layer between chest wall and lung, equally high all around and thickening
downwards. Seen from the front its upper border is a meniscus, concave and rising laterally, only
because the beam grazes it there: nothing draws that line.
"""

from dataclasses import dataclass

import numpy as np

from cxr.phantom.exam import Exam
from cxr.phantom.patient import Patient

ROUNDNESS = 2.4
VISIBLE_FLUID = 1.0


@dataclass(frozen=True)
class Cavity:
    """Maps of (n, n), float32, cm unless stated.

    side: 0 right, 1 left (bool); lateral: distance from the midline; half_width, half_depth: half
    axes of the cross-section there; dome: level of the diaphragm's top at that distance; medial:
    share (0-1) of the chord that the mediastinum leaves.
    """

    y: np.ndarray
    side: np.ndarray
    lateral: np.ndarray
    half_width: np.ndarray
    half_depth: np.ndarray
    dome: np.ndarray
    medial: np.ndarray


def midline(patient: Patient, y: np.ndarray) -> np.ndarray:
    """x, cm, of the spine at level y: straight but for the patient's scoliosis."""
    return (patient.scoliosis * np.sin(y / 7.0)).astype(y.dtype)


def half_width_at(patient: Patient, y: np.ndarray) -> np.ndarray:
    """Inner half width of the rib cage, cm, at level y: widening, then tapering."""
    full = 0.62 * patient.lung_height
    rise = np.clip(y / full, 0, 1)
    taper = 0.05 * np.clip((y - full) / 12, 0, 1.5)
    return (
        4.2
        + (patient.half_width - 4.2) * (1 - (1 - rise) ** 2.0) ** 0.85
        - taper * patient.half_width
    )


def half_depth_at(patient: Patient, y: np.ndarray) -> np.ndarray:
    """Inner half depth (front to back) of the rib cage, cm, at level y."""
    rise = np.clip(y / (0.6 * patient.lung_height), 0, 1)
    return 2.6 + (patient.half_depth - 2.6) * (1 - (1 - rise) ** 2) ** 0.8


def _chord(lateral: np.ndarray, half_width: np.ndarray, half_depth: np.ndarray) -> np.ndarray:
    """Front-to-back length, cm, of a superellipse at a distance from its middle; 0 outside."""
    inside = np.clip(1 - (lateral / np.maximum(half_width, 0.05)) ** ROUNDNESS, 0, 1)
    return 2 * np.maximum(half_depth, 0) * inside ** (1 / ROUNDNESS)


def _above_dome(chord: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The part of each chord, cm, that is not under the diaphragm, `below` cm under the dome's top.

    Behind, the dome falls off slowly and leaves the deep posterior recess; in front, fast.
    """
    below = np.maximum(below, 0)
    front, behind = np.sqrt(below / 0.04), np.sqrt(below / 0.085)
    half = chord / 2
    top = 1.2
    covered = np.minimum(top + front, half) - np.maximum(top - behind, -half)
    return np.where(below > 0, np.clip(chord - np.maximum(covered, 0), 0, None), chord)


def cavity(patient: Patient, exam: Exam, x: np.ndarray, y: np.ndarray) -> Cavity:
    """Shape of both halves of the thorax at the patient's x and y, cm, (n, n) float32."""
    middle = midline(patient, y)
    side = x > middle
    lateral = np.abs(x - middle)
    size = np.where(side, 1 + patient.asymmetry, 1 - patient.asymmetry).astype(np.float32)
    half_width = half_width_at(patient, y) * size
    top = np.where(side, exam.domes[1], exam.domes[0]).astype(np.float32)
    crest = 0.42 * patient.half_width
    away = (lateral - crest) / (patient.half_width - crest)
    fall = np.where(away > 0, np.abs(away) ** 2.3, 0.22 * away**2)
    edge = (
        1.3 + 2.9 * np.exp(-np.clip(y, -1, None) / 1.1) + 0.15 * np.sin(y / 2.3 + patient.seed % 7)
    )
    near = np.clip((edge + 3.4 - np.abs(x - middle - 0.4 * exam.shift)) / 3.4, 0, 1)
    return Cavity(
        y=y,
        side=side,
        lateral=lateral,
        half_width=np.where(y > 0, half_width, 0).astype(np.float32),
        half_depth=half_depth_at(patient, y).astype(np.float32),
        dome=(top + patient.dome_drop * fall).astype(np.float32),
        medial=_medial(exam, y, near),
    )


def _medial(exam: Exam, y: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Share of the chord left to the lung, `near` (0-1) the midline.

    Both lungs reach a little over the midline, before and behind the heart: their share never falls
    to nothing between aortic arch and diaphragm.
    """
    over = 0.24 * np.clip((y - 3) / 5, 0, 1) * np.clip((min(exam.domes) + 1 - y) / 3, 0, 1)
    return over + (1 - over) * (1 - near * near * (3 - 2 * near))


def costophrenic(patient: Patient, exam: Exam, side: int) -> float:
    """Level, cm, of the lateral costophrenic angle of side 0 (right) or 1 (left)."""
    return exam.domes[side] + patient.dome_drop


def paths(patient: Patient, exam: Exam, space: Cavity) -> tuple[np.ndarray, np.ndarray]:
    """Lengths, cm, of lung and of pleural fluid along the beam, heart aside: two (n, n) arrays."""
    full = _chord(space.lateral, space.half_width, space.half_depth)
    room = _above_dome(full, space.y - space.dome)
    lung = room
    for side, fluid in enumerate(exam.fluid):
        scar = exam.scars[side]
        if fluid is None and scar == 0:
            continue
        angle = costophrenic(patient, exam, side)
        height, growth, lift, layer = (
            (fluid.height, fluid.growth, fluid.lift, fluid.layer)
            if fluid
            else (scar + 1.5, 0.07, 0.0, 0.0)
        )
        sag = np.minimum(0.2 * height, 2.0) * (
            1 - np.clip(space.lateral / patient.half_width, 0, 1)
        )
        rows = np.clip(space.y - (angle - height) - sag, 0, None)
        gap = growth * rows**2.6
        lifted = space.dome - lift * np.clip(rows / 2, 0, 1)
        wet = _chord(space.lateral, space.half_width - gap, space.half_depth - 0.8 * gap)
        wet = _above_dome(wet, space.y - lifted)
        sheet = layer * np.clip(0.45 + 0.55 * space.y / angle, 0, 1) * np.clip(full / 5, 0, 1)
        wet = np.clip(wet - sheet, 0.25 * wet if layer else 0, None)
        lung = np.where(space.side == bool(side), np.minimum(wet, room), lung)
    wet_side = np.where(space.side, exam.fluid[1] is not None, exam.fluid[0] is not None)
    return lung * space.medial, (room - lung) * space.medial * wet_side
