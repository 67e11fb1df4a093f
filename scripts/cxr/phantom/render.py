"""One image and its mask."""

from dataclasses import dataclass

import cv2
import numpy as np

from cxr.phantom import anatomy, beam, devices, shortcut, skeleton, vessels
from cxr.phantom.exam import Exam
from cxr.phantom.patient import Patient
from cxr.phantom.pose import grid
from cxr.phantom.texture import enlarge, field
from cxr.phantom.thorax import ROUNDNESS, VISIBLE_FLUID, cavity, paths

FINEST = 256
UNEVEN = 0.42


@dataclass(frozen=True)
class Picture:
    """image: (n, n) uint8; mask: (n, n) uint8 of 0 and 255; volumes: fluid right and left, ml."""

    image: np.ndarray
    mask: np.ndarray
    volumes: tuple[float, float]


def _soft_parts(
    patient: Patient, exam: Exam, pixels: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Optical depth and the maps that the fine parts need, on the coarse grid."""
    x, y = grid(exam.pose, pixels)
    space = cavity(patient, exam, x, y)
    lung, fluid = paths(patient, exam, space)
    organs = anatomy.mediastinum(patient, exam, x, y)
    share = np.clip(1 - organs / (lung + fluid + 1e-3), 0.04, 1)
    behind = np.clip(1 - (y - space.dome) / 2.0, 0, 1)
    share = 1 - (1 - share) * behind
    lung, fluid = lung * share, fluid * share
    trunk = anatomy.body(patient, exam, x, y) * (1 + 0.05 * field(rng, pixels, 6))
    breast = anatomy.breasts(patient, exam, x, y)
    fold = anatomy.fold(rng, patient, exam, x, y)
    air = anatomy.gas(rng, exam, space, x) + anatomy.airway(patient, exam, x, y) * (
        y < exam.domes[0]
    )
    air = np.minimum(air, 0.6 * trunk)
    density = patient.lung_density + anatomy.haze(exam, x, y, field(rng, pixels, 40))
    tissue = np.maximum(trunk - lung - fluid - air, 0)
    fat = np.minimum(2 * patient.fat, 0.6 * tissue)
    depth = beam.SOFT * (tissue - fat) + beam.FAT * (fat + breast + fold)
    depth += density * lung + beam.FLUID * fluid
    across = np.clip(space.lateral / np.maximum(space.half_width, 1), 0, 0.999)
    graze = 1 / np.sqrt(1 - across**ROUNDNESS + 0.12)
    return {
        "depth": depth,
        "lung": lung,
        "fluid": fluid,
        "x": x,
        "trunk": trunk,
        "edge": np.clip(graze, 0.9, 2.2).astype(np.float32),
    }


def _structure(rng: np.random.Generator, pixels: int) -> np.ndarray:
    """Relative density of lung tissue at several scales, (pixels, pixels) float32, around 0."""
    coarse = pixels // 2
    scales = ((0.4, 20), (0.7, 55), (1.0, 110))
    texture = sum(np.float32(weight) * field(rng, coarse, cells) for weight, cells in scales)
    return enlarge(texture, pixels)


def _uneven(rng: np.random.Generator, pixels: int) -> np.ndarray:
    """Optical depth, (pixels, pixels) float32, of an uneven beam: heel effect, tilted grid."""
    across, down = rng.normal(0, UNEVEN, 2)
    ticks = np.linspace(-0.5, 0.5, pixels, dtype=np.float32)
    return np.float32(across) * ticks + np.float32(down) * ticks[:, None]


def render(patient: Patient, exam: Exam, size: int, mark: shortcut.Mark | None = None) -> Picture:
    """Draw the image of (size, size) pixels; small ones are reduced by area from FINEST pixels.

    The mask is where the beam runs through more than VISIBLE_FLUID cm of fluid. mark: of a planted
    shortcut; nothing else depends on it.
    """
    if mark:
        exam = shortcut.expose(mark, exam)
    pixels = max(size, FINEST)
    coarse = pixels if pixels < 400 else pixels // 2
    rng, fixed = np.random.default_rng(exam.seed), np.random.default_rng(patient.seed)
    maps = _soft_parts(patient, exam, coarse, rng)
    depth, lung, edge = (enlarge(maps[name], pixels) for name in ("depth", "lung", "edge"))
    tree = vessels.draw_tree(fixed, patient)
    aerated = np.clip(lung / 9.0, 0, 1)
    vessel = vessels.markings(tree, patient, exam, pixels) * aerated
    depth += np.float32(0.55 * patient.markings) * vessel
    depth += np.float32(0.05 * patient.markings) * aerated * _structure(fixed, pixels)
    depth += skeleton.bones(patient, exam, pixels, edge)
    depth += np.float32(0.006) * field(fixed, pixels, 60) * np.clip(depth, 0, 2)
    depth += devices.hardware(rng, patient, exam, pixels)
    depth += _uneven(rng, pixels)
    # Noise has its own stream: the other draws must not depend on the number of pixels.
    noise = np.random.default_rng([exam.seed, 1])
    reading = beam.expose(noise, depth, exam.photons, exam.scatter, exam.pose.field)
    inside = enlarge(maps["trunk"], pixels) > 9
    image = beam.display(reading, inside, exam.pose.field, exam.window)
    if mark:
        shortcut.paint(mark, exam, image)
    devices.marks(rng, exam, image)
    fluid = maps["fluid"]
    cell = exam.pose.field**2 * exam.pose.stretch / coarse**2
    volumes = tuple(float(fluid[there].sum() * cell) for there in (maps["x"] < 0, maps["x"] >= 0))
    shrunk = cv2.resize(
        fluid, (size, size), interpolation=cv2.INTER_AREA if size < coarse else cv2.INTER_LINEAR
    )
    mask = np.where(shrunk > VISIBLE_FLUID, 255, 0).astype(np.uint8)
    if size < pixels:
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    return Picture(image, mask, volumes)
