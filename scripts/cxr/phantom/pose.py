"""Where the patient stands before the detector: pixels to centimetres and back."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Pose:
    """The view of the detector.

    field: side of the image, cm; centre: the patient's (x, y), cm, at the middle of the image;
    roll: radians; stretch: width to height of a square in the patient; warp: see `Patient.warp`.
    """

    field: float
    centre: tuple[float, float]
    roll: float
    stretch: float
    warp: np.ndarray


def _bend(pose: Pose, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shift, cm, that the patient's own asymmetry gives each point."""
    amplitude, across, down, phase_x, phase_y = pose.warp.astype(x.dtype).T
    angle = x[..., None] * across + y[..., None] * down
    return np.sin(angle + phase_x) @ amplitude, np.sin(angle + phase_y) @ amplitude


def to_image(pose: Pose, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Image positions (u, v), each from 0 to 1 across the image, of patient's (x, y) in cm.

    This is the inverse of `grid`, to about 0.01 cm.
    The bend is small and smooth, so six steps of fixed-point iteration are enough.
    """
    straight_x, straight_y = x, y
    for _ in range(6):
        dx, dy = _bend(pose, straight_x, straight_y)
        straight_x, straight_y = x - dx, y - dy
    left, down = straight_x - pose.centre[0], straight_y - pose.centre[1]
    cos, sin = np.cos(pose.roll), np.sin(pose.roll)
    u = (cos * left + sin * down) / (pose.field * pose.stretch) + 0.5
    return u, (-sin * left + cos * down) / pose.field + 0.5


def grid(pose: Pose, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Patient's x and y, cm, at the centres of (pixels, pixels) image cells, float32.

    The phase of each sine is linear in row and column, so each bend is a matrix product,
    sin(a + b) = sin a cos b + cos a sin b, and costs next to nothing.
    """
    centres = (np.arange(pixels) + 0.5) / pixels - 0.5
    left, down = centres * pose.field * pose.stretch, centres[:, None] * pose.field
    cos, sin = np.cos(pose.roll), np.sin(pose.roll)
    x, y = cos * left - sin * down + pose.centre[0], sin * left + cos * down + pose.centre[1]
    amplitude, across, down_wave = pose.warp[:, :3].T
    column = np.outer(left, across * cos + down_wave * sin)
    row = np.outer(down, down_wave * cos - across * sin)
    offset = across * pose.centre[0] + down_wave * pose.centre[1]
    bend = [
        (amplitude * np.sin(row + offset + phase)) @ np.cos(column).T
        + (amplitude * np.cos(row + offset + phase)) @ np.sin(column).T
        for phase in pose.warp[:, 3:].T
    ]
    return (x + bend[0]).astype(np.float32), (y + bend[1]).astype(np.float32)
