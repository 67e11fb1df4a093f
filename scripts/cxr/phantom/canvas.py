"""Drawing outlines and lines, given in the patient's centimetres, on the detector's pixels."""

import cv2
import numpy as np

from cxr.phantom.pose import Pose, to_image

FRACTION_BITS = 4


class Sketch:
    """Outlines and lines in cm, collected first and drawn in order on one or several layers.

    They are collected because bending all points at once is far cheaper than shape by shape.
    """

    def __init__(self, pose: Pose, pixels: int, layers: int) -> None:
        """Start with `layers` black layers of (pixels, pixels)."""
        self.pose = pose
        self.layers = np.zeros((layers, pixels, pixels), np.uint8)
        self.shapes: list[tuple[int, np.ndarray, float, float]] = []

    def fill(self, layer: int, outline: np.ndarray, value: float) -> None:
        """Fill the closed outline, (k, 2) cm, with value (0-255)."""
        self.shapes.append((layer, outline, 0.0, value))

    def stroke(self, layer: int, line: np.ndarray, width: float, value: float) -> None:
        """Draw the open line, (k, 2) cm, `width` cm thick; under a pixel's width it is paler
        instead.
        """
        self.shapes.append((layer, line, width, value))

    def paint(self) -> np.ndarray:
        """Draw everything: (layers, pixels, pixels) uint8."""
        if not self.shapes:
            return self.layers
        pixels = self.layers.shape[1]
        points = np.concatenate([outline for _, outline, _, _ in self.shapes]).astype(float)
        place = np.stack(to_image(self.pose, points[:, 0], points[:, 1]), axis=1) * pixels - 0.5
        fixed = np.round(np.clip(place, -4 * pixels, 4 * pixels) * 2**FRACTION_BITS)
        ends = np.cumsum([len(outline) for _, outline, _, _ in self.shapes])[:-1]
        for shape, where in zip(self.shapes, np.split(fixed.astype(np.int32), ends), strict=True):
            number, _, width, value = shape
            layer = self.layers[number]
            if width == 0:
                cv2.fillPoly(layer, [where], float(value), cv2.LINE_AA, FRACTION_BITS)
                continue
            thickness = width / self.pose.field * pixels
            whole = max(1, round(thickness))
            grey = float(value * min(1.0, thickness / whole))
            cv2.polylines(layer, [where], False, grey, whole, cv2.LINE_AA, FRACTION_BITS)
        return self.layers


def ribbon(line: np.ndarray, half_widths: np.ndarray) -> np.ndarray:
    """Closed outline, (2k, 2) cm, of a band of varying half width along a line, (k, 2) cm."""
    padded = np.concatenate([line[:1], line, line[-1:]])
    run = padded[2:] - padded[:-2]
    aside = np.stack([-run[:, 1], run[:, 0]], axis=1)
    aside *= (half_widths / (np.hypot(run[:, 0], run[:, 1]) + 1e-9))[:, None]
    return np.concatenate([line + aside, (line - aside)[::-1]])


def curve(control: np.ndarray, points: int = 40) -> np.ndarray:
    """Smooth (points, 2) line through (k, 2) control points: Catmull-Rom."""
    padded = np.concatenate(
        [2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]]
    )
    at = np.linspace(0, len(control) - 1 - 1e-6, points)
    start, t = at.astype(int), (at % 1)[:, None]
    p0, p1, p2, p3 = (padded[start + i] for i in range(4))
    return 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
