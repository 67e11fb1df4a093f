"""Drawing X-rays: small pictures in a window of grey values, with the true effusion outlined."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke

from cxr import plots
from cxr.images import read_listed

SIDE = 400  # of a picture, pixels at the most; more would only make figures slow and files large
OUTLINED = "outlined: the true effusion"


def show_xray(axis: plt.Axes, image: np.ndarray, fluid: np.ndarray | None = None) -> AxesImage:
    """Show an X-ray without axes, with the outline of the true effusion where it is known.

    A label burnt into a corner does not darken the rest: of the grey values, the lowest and the
    highest 0.5 % are drawn black and white.

    Args:
        axis: Where to draw.
        image: (height, width), any type and units.
        fluid: The same field at any size, see `fluid_share`.

    Returns:
        The picture, whose `set_clim` changes what is drawn black and white.
    """
    picture = reduced(image)
    low, high = np.percentile(picture, [0.5, 99.5])
    axis.axis("off")
    shown = axis.imshow(picture, cmap="gray", vmin=low, vmax=high)
    if fluid is not None:
        size = picture.shape[::-1]
        fluid = cv2.resize(fluid, size, interpolation=cv2.INTER_AREA)
        if fluid.max() > 0.5 > fluid.min():
            outline = axis.contour(fluid, [0.5], colors=plots.YELLOW, linewidths=1)
            outline.set_path_effects([withStroke(linewidth=1.8, foreground="black")])
    return shown


def reduced(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """An image whose longest side is `side` at the most, reduced by averaging areas.

    Args:
        image: (height, width) or (height, width, channels).
        side: Pixels.
    """
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(length * scale)) for length in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def fluid_share(mask: np.ndarray) -> np.ndarray:
    """The share of each pixel of a small picture that is fluid, float32, 0 to 1.

    Args:
        mask: (height, width), above 0 where there is fluid.
    """
    return reduced((mask > 0).astype(np.float32))


def read_fluid(masks: dict[str, str]) -> dict[str, np.ndarray]:
    """The true effusions of the images that have a mask, see `fluid_share`, by id.

    Args:
        masks: The mask's file of each id, "" where there is none.

    Raises:
        UserError: A file has gone or changed since the manifest was written.
    """
    return {name: fluid_share(read_listed(path)) for name, path in masks.items() if path}
