"""What changes from image to image: pose, breath, disease, exposure, tubes and wires."""

from dataclasses import dataclass, replace

import numpy as np

from cxr.phantom.patient import Patient
from cxr.phantom.pose import Pose

PATTERNS = ("blunted", "meniscus", "subpulmonic", "massive", "supine")
UPRIGHT_SHARES = (0.08, 0.66, 0.05, 0.21)


@dataclass(frozen=True)
class Fluid:
    """An effusion on one side.

    pattern: one of PATTERNS; height: of the fluid's upper end above the costophrenic angle, cm;
    growth: how fast its layer thickens downwards; lift: how far it raises the lung's base, cm;
    layer: thickness behind a patient on the back, cm (0 in all others).
    """

    pattern: str
    height: float
    growth: float
    lift: float
    layer: float


@dataclass(frozen=True)
class Haze:
    """A patch of denser lung: centre and half axes in cm, angle, strength in 1/cm at its middle."""

    x: float
    y: float
    across: float
    along: float
    angle: float
    strength: float


@dataclass(frozen=True)
class Exam:
    """One image.

    domes: level of the right and the left dome, cm below the apex.
    yaw: shift, cm, of what lies in front, as the patient is turned; shift: of the mediastinum, cm.
    fluid: right and left, None where dry; scars: height, cm, of a costophrenic angle that is blunt
    without fluid, right and left, 0 for none; haze: other disease, in either class.
    photons: per pixel of 0.8 mm, behind no patient; scatter: share of the primary, spread.
    window: low end, high end, gamma and share of local equalisation: see `beam.display`.
    gas: 0-1, under 0.5 with a stomach bubble; fold: 1 for a fold of skin; lines: names of devices.
    """

    view: str
    pose: Pose
    domes: tuple[float, float]
    yaw: float
    shift: float
    fluid: tuple[Fluid | None, Fluid | None]
    scars: tuple[float, float]
    haze: tuple[Haze, ...]
    photons: float
    scatter: float
    window: tuple[float, float, float, float]
    gas: float
    fold: int
    lines: tuple[str, ...]
    seed: int


def _draw_fluid(rng: np.random.Generator, view: str, reach: float) -> Fluid:
    """An effusion of one side; `reach`: costophrenic angle to apex, cm."""
    if view == "AP" and rng.random() < 0.2:
        return Fluid("supine", rng.uniform(0.5, 3.0), 0.05, 0.3, rng.uniform(1.8, 5.5))
    pattern = str(rng.choice(PATTERNS[:4], p=UPRIGHT_SHARES))
    height, growth, lift = {
        "blunted": (rng.uniform(4.5, 7.5), rng.uniform(0.03, 0.06), rng.uniform(0.2, 0.8)),
        "meniscus": (
            rng.uniform(8.5, 0.66 * reach),
            rng.uniform(0.04, 0.08),
            rng.uniform(0.6, 2.2),
        ),
        "subpulmonic": (rng.uniform(4.5, 7.5), rng.uniform(0.025, 0.06), rng.uniform(2.5, 5.0)),
        "massive": (reach * rng.uniform(0.85, 1.4), rng.uniform(0.03, 0.08), rng.uniform(2, 5)),
    }[pattern]
    return Fluid(pattern, height, growth, lift, 0.0)


def _draw_haze(
    rng: np.random.Generator, patient: Patient, domes: tuple, ill: bool
) -> tuple[Haze, ...]:
    """Patches of infiltrate and plates of collapsed lung, in either class."""
    patches = []
    for _ in range(
        rng.choice([0, 1, 2, 3], p=[0.45, 0.3, 0.15, 0.1] if ill else [0.58, 0.27, 0.1, 0.05])
    ):
        side = rng.integers(2)
        x = (2 * side - 1) * rng.uniform(4, 0.85 * patient.half_width)
        y = domes[side] * rng.uniform(0.45, 1.1)
        patches.append(
            Haze(
                x,
                y,
                rng.uniform(1.8, 4.5),
                rng.uniform(1.8, 5.5),
                rng.uniform(0, 3),
                rng.gamma(2, 0.011),
            )
        )
    for _ in range(rng.choice([0, 1, 2], p=[0.7, 0.2, 0.1])):
        side = rng.integers(2)
        x = (2 * side - 1) * rng.uniform(5, 0.8 * patient.half_width)
        y = domes[side] - rng.uniform(0.5, 4)
        patches.append(
            Haze(
                x,
                y,
                rng.uniform(2, 4),
                rng.uniform(0.12, 0.25),
                rng.normal(0, 0.35),
                rng.uniform(0.04, 0.14),
            )
        )
    return tuple(patches)


def _draw_lines(rng: np.random.Generator, view: str, ill: bool) -> tuple[str, ...]:
    """Tubes and wires: mostly a matter of the bed (AP), a little of the illness."""
    bed = view == "AP"
    chances = {
        "leads": 0.5 if bed else 0.05,
        "central": (0.34 if bed else 0.05) + 0.06 * ill,
        "tracheal": (0.16 if bed else 0.0) + (0.04 * ill if bed else 0.0),
        "gastric": 0.2 if bed else 0.01,
        "drain": (0.05 if bed else 0.01) + 0.05 * ill,
        "buttons": 0.05,
        "clips": 0.05,
        "necklace": 0.03,
    }
    return tuple(name for name, chance in chances.items() if rng.random() < chance)


def _draw_pose(rng: np.random.Generator, patient: Patient, view: str, bottom: float) -> Pose:
    """Field and centre: the lungs fill the image as in practice, and their angles stay in it."""
    bed = view == "AP"
    field = max(
        2 * patient.half_width * rng.uniform(1.18, 1.5),
        (bottom + 3) * rng.uniform(1.08, 1.5),
    )
    top = -rng.uniform(0.10, 0.38) * (field - bottom) - 1.0 - 1.5 * bed
    lowest_top = bottom + 2.5 - field
    centre = (rng.normal(0.3, 1.2 + 0.5 * bed), max(top, lowest_top) + field / 2)
    roll = np.deg2rad(rng.normal(0, 1.6 + 1.6 * bed))
    return Pose(field, centre, roll, rng.uniform(0.95, 1.07), patient.warp)


def draw_exam(rng: np.random.Generator, patient: Patient, label: int, view: str) -> Exam:
    """Sample an image of the patient; label 1 puts fluid on one or both sides."""
    bed = view == "AP"
    breath = float(np.clip(rng.normal(0.82 if bed else 0.93, 0.07), 0.55, 1.02))
    right = patient.lung_height * breath
    left = right + patient.dome_gap
    if patient.raised_side == -1:
        right -= patient.raised
    if patient.raised_side == 1:
        left -= patient.raised
    domes = (right, left)
    fluid: list[Fluid | None] = [None, None]
    if label == 1:
        both = rng.random() < 0.28
        first = int(rng.random() < 0.46)
        for side in (0, 1) if both else (first,):
            fluid[side] = _draw_fluid(rng, view, domes[side] + patient.dome_drop)
        if all(f is not None and f.pattern == "massive" for f in fluid):
            fluid[1 - first] = replace(fluid[1 - first], height=5.0, pattern="meniscus")
    push = [1.0 if f is not None and f.pattern == "massive" else 0.0 for f in fluid]
    shift = (push[0] - push[1]) * rng.uniform(-0.5, 3.0) + rng.normal(0, 0.35)
    bottom = max(domes) + patient.dome_drop
    window = (
        rng.normal(-0.10, 0.025),
        rng.normal(1.12, 0.04),
        np.exp(rng.normal(0.42, 0.10)),
        rng.uniform(0.25, 0.45),
    )
    return Exam(
        view=view,
        pose=_draw_pose(rng, patient, view, bottom),
        domes=domes,
        yaw=rng.normal(0, 0.55 + 0.5 * bed),
        shift=shift,
        fluid=tuple(fluid),
        scars=tuple(rng.uniform(0.8, 2.6) if rng.random() < 0.035 else 0.0 for _ in range(2)),
        haze=_draw_haze(rng, patient, domes, label == 1),
        photons=float(np.exp(rng.normal(np.log(5e7), 0.45))),
        scatter=rng.uniform(0.25, 0.65) + 0.4 * bed,
        window=window,
        gas=rng.random(),
        fold=int(bed and rng.random() < 0.12),
        lines=_draw_lines(rng, view, label == 1),
        seed=int(rng.integers(2**31)),
    )
