"""From thickness to grey: attenuation, scatter, noise, and the display curve.

Linear attenuation coefficients in 1/cm at an effective energy of 60 keV: mass coefficients (cm2/g)
of the NIST tables for ICRU-44 materials (Hubbell and Seltzer, NISTIR 5632) times the usual
densities. Soft tissue 0.2048 x 1.06, water 0.2059 x 1.00 (pleural fluid is within 2 % of it),
adipose tissue 0.1974 x 0.95. The lung's depends on how much air it holds and is sampled for each
patient. Bones: see `skeleton`.
"""

import cv2
import numpy as np

SOFT = 0.217
FLUID = 0.209
FAT = 0.188


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Wide Gaussian blur, done on a 64-pixel copy: sigma is a share of the image's side."""
    side = len(image)
    small = cv2.resize(image, (64, 64), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), 64 * sigma, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def expose(
    rng: np.random.Generator, depth: np.ndarray, photons: float, scatter: float, field: float
) -> np.ndarray:
    """What the detector reads, as log of the exposure: -ln(I), (n, n) float32.

    depth: optical depth, the integral of mu along the beam; photons per 0.8-mm pixel behind
    no patient; scatter: scattered per primary radiation behind the middle of the patient; field:
    side, cm. Scatter is the primary image spread by 4.5 cm and 1 cm; quantum noise is normal
    (counts are large) and blurred by the detector.
    """
    primary = np.exp(-depth)
    veil = 0.7 * _blur(primary, 4.5 / field) + 0.3 * _blur(primary, 1.2 / field)
    signal = primary + scatter * veil
    counts = photons * (field / 0.8 * 10 / len(depth)) ** 2 / 100 * signal
    noise = rng.standard_normal(depth.shape, dtype=np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.55) * np.float32(1.5)
    return -np.log(signal * np.clip(1 + noise / np.sqrt(counts + 5), 0.2, None))


def display(reading: np.ndarray, inside: np.ndarray, field: float, window: tuple) -> np.ndarray:
    """8-bit grey of the detector's reading (-ln I): dense is white.

    inside: (n, n) bool, where the patient is. window: shifts of low and high end, gamma, and how
    much of the coarse contrast is taken out (as the multi-scale processing of digital systems
    does).
    """
    low_end, high_end, gamma, flatten = window
    coarse = _blur(reading, 3.0 / field)
    level = float(np.median(coarse[::8, ::8]))
    detail = reading - _blur(reading, 0.7 / field)
    flat = reading - np.float32(flatten) * (coarse - np.float32(level)) + np.float32(0.5) * detail
    sample = flat[::4, ::4][inside[::4, ::4]]
    low, high = np.percentile(sample, [0.8, 99.3])
    span = high - low
    scaled = (flat - np.float32(low + (low_end - 0.04) * span)) / np.float32(high_end * 1.16 * span)
    scaled = np.clip(scaled, 0, 1.15)
    curve = scaled ** np.float32(gamma)
    grey = 250 * (1 - np.maximum(1 - curve, 0) ** np.float32(1.7))
    return np.clip(np.round(grey), 0, 255).astype(np.uint8)
