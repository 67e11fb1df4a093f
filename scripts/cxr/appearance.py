"""What an X-ray's grey values tell of how it was saved."""

import cv2
import numpy as np

SIDE = 32  # of the thumbnail, pixels
CENTRE = np.s_[13:, 13:19]  # heart, spine and belly of a frontal X-ray: dense, so bright
AIR = [np.s_[6:19, 6:13], np.s_[6:19, 19:26], np.s_[:5, :6], np.s_[:5, -6:]]  # lungs, top corners


def _weights() -> np.ndarray:
    """For the mean of the centre less the mean of the four places of air."""
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[CENTRE] = 1 / weights[CENTRE].size
    for place in AIR:
        weights[place] -= 1 / weights[place].size / len(AIR)
    return weights


WEIGHTS = _weights()


def looks_inverted(image: np.ndarray) -> bool:
    """Return whether a frontal chest X-ray seems to be a negative: air bright, bone dark.

    Such images come from DICOM files of the kind MONOCHROME1, saved without inversion. A heuristic
    of ours: the lower middle of the image is darker than the mean of lungs and upper corners.
    Adding a number to the grey values or multiplying them by one does not matter.

    It flags none of 699 images of the lesson's sort (NIH ChestX-ray14; one more of them, n344.png,
    is a negative and found), 1,000 further NIH images and 700 phantoms, and finds all of their
    negatives: at most 0.4, 0.3 and 0.4 % of errors (95 % limit, rule of three). The regions were
    chosen on these images, so expect a little more. With 10 % cut off each side of the images, one
    of the 2,399 is taken for its negative and the reverse, with 19 % seven. Lateral views were not
    tried.

    Args:
        image: (height, width), uint8 or uint16; brighter is more.
    """
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return bool((small * WEIGHTS).sum() < 0)
