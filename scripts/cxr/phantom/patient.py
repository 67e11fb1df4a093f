"""The anatomy of one patient: numbers that all of the patient's images share.

Lengths are in centimetres. The patient's frame has x to the image's right (the patient's left), y
down from the apex of the lungs, both in the frontal plane through the spine.
"""

from dataclasses import dataclass

import numpy as np

RIBS = 11


@dataclass(frozen=True)
class Patient:
    """What is fixed in a patient.

    half_width, half_depth: inner half axes of the rib cage, 11.5-16 and 7-10.5 cm.
    lung_height: apex to the right dome in full inspiration, 19-29 cm.
    fat: thickness of the fat under the skin, 0.3-5 cm.
    dome_gap: how much higher the right dome stands, -1.5 to 3.5 cm.
    raised_side: the side whose dome is raised, -1 right, 1 left, 0 none; raised: by so many cm.
    dome_drop: from a dome's top to its costophrenic angle, 3-5.2 cm.
    heart: half axis of the heart's long side, 5.4-8.8 cm; heart_tilt in radians; aorta: radius of
    its knob, cm; scoliosis: amplitude, cm, of the spine's bend.
    rib_tilt: slope of the ribs' planes; ribs: (RIBS, 3) factors around 1 of level, tilt and width;
    bone: mineral, about 1; shoulder: normal score, high to low.
    breast: largest thickness of each breast along the beam, cm; breast_drop moves it down, cm.
    asymmetry: by how much wider the left half of the chest is, as a share.
    warp: (6, 5) sines (amplitude cm, x and y wave number 1/cm, two phases) that bend the frame.
    lung_density: attenuation of the lung, 1/cm; markings: strength of its vessels, about 1.
    pacemaker, port: side, -1 right, 1 left, 0 none; sternotomy: wires in the breastbone.
    seed: for all that is drawn line by line (vessels, texture), the same in all images.
    """

    sex: str
    age: int
    half_width: float
    half_depth: float
    lung_height: float
    fat: float
    dome_gap: float
    raised_side: int
    raised: float
    dome_drop: float
    heart: float
    heart_tilt: float
    aorta: float
    scoliosis: float
    rib_tilt: float
    ribs: np.ndarray
    bone: float
    shoulder: float
    breast: float
    breast_drop: float
    asymmetry: float
    warp: np.ndarray
    lung_density: float
    markings: float
    pacemaker: int
    sternotomy: bool
    port: int
    seed: int


def draw_patient(rng: np.random.Generator, sex: str, age: int) -> Patient:
    """Sample the anatomy of a patient of the given sex (M or F) and age in years."""
    man = sex == "M"
    stature = np.clip(rng.normal(), -2.2, 2.2)
    weight = np.clip(rng.normal(), -1.8, 2.5)
    female_breast = rng.gamma(3.0, 0.9) + 0.8 * max(0.0, weight)
    warp = np.column_stack(
        [
            rng.normal(0, 0.22, 6),
            rng.normal(0, 0.16, 6),
            rng.normal(0, 0.16, 6),
            rng.uniform(0, 2 * np.pi, (6, 2)),
        ]
    )
    return Patient(
        sex=sex,
        age=age,
        half_width=(13.7 if man else 12.5) + 0.6 * stature + rng.normal(0, 0.5) + 0.15 * weight,
        half_depth=(8.6 if man else 7.9) + 0.3 * stature + rng.normal(0, 0.5) + 0.008 * (age - 48),
        lung_height=(23.2 if man else 21.0) + 1.3 * stature + rng.normal(0, 0.9),
        fat=float(np.clip(1.5 + 1.0 * weight + rng.normal(0, 0.3), 0.3, 5.0)),
        dome_gap=float(np.clip(rng.normal(1.3, 0.9), -1.5, 3.5)),
        raised_side=int(rng.choice([-1, 0, 1], p=[0.09, 0.84, 0.07])),
        raised=rng.uniform(1.5, 4.5),
        dome_drop=rng.uniform(3.0, 5.2),
        heart=float(np.clip(rng.normal(6.7, 0.6) + 0.012 * (age - 48) + 0.15 * weight, 5.4, 8.8)),
        heart_tilt=np.deg2rad(rng.normal(36, 7) - 4 * weight),
        aorta=float(np.clip(rng.normal(1.7, 0.2) + 0.012 * (age - 48), 1.2, 2.8)),
        scoliosis=rng.normal(0, 0.35) * (3.5 if rng.random() < 0.06 else 1.0),
        rib_tilt=rng.normal(0.52, 0.07),
        ribs=1 + rng.normal(0, 1, (RIBS, 3)) * [0.07, 0.05, 0.09],
        bone=float(np.clip(rng.normal(1.0, 0.10) - 0.004 * (age - 48), 0.55, 1.4)),
        shoulder=rng.normal(0, 1),
        breast=rng.uniform(0, 0.8) if man else float(min(female_breast, 7.0)),
        breast_drop=rng.normal(0, 1.2) + (0.02 * (age - 48)),
        asymmetry=rng.normal(0, 0.025),
        warp=warp,
        lung_density=float(np.clip(rng.normal(0.054, 0.007), 0.040, 0.085)),
        markings=float(np.exp(rng.normal(0, 0.12))),
        pacemaker=int(rng.choice([0, -1, 1], p=[0.955, 0.01, 0.035])),
        sternotomy=bool(rng.random() < 0.05 + 0.001 * max(0, age - 40)),
        port=int(rng.choice([0, -1, 1], p=[0.93, 0.055, 0.015])),
        seed=int(rng.integers(2**31)),
    )
