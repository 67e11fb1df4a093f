"""Pictures for pages: X-rays, saliency maps and outlines, as files or as `data:` addresses.

Maps and outlines are transparent, to lie over their X-ray.
"""

import base64
import io

import cv2
import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image

from cxr import plots
from cxr.heatmaps import CAPPED, veil
from cxr.xrays import reduced

MAP_SIDE = 128  # pixels; maps are smooth
QUALITY = 90  # of a JPEG, per cent
OUTLINE = np.array([(0, 0, 0, 0), (*to_rgb(plots.YELLOW), 1), (0, 0, 0, 1)])


def xray(image: np.ndarray, side: int) -> np.ndarray:
    """An X-ray as it is shown: uint8, its longest side `side` pixels at the most.

    Of the grey values, the lowest and the highest 0.5 % are black and white, as in figures.

    Args:
        image: (height, width), any type and units.
        side: Pixels.
    """
    small = reduced(image.astype(np.float32), side)
    low, high = np.percentile(small, [0.5, 99.5])
    if low == high:
        low, high = small.min(), small.max()
    return (np.clip((small - low) / (high - low), 0, 1) * 255).round().astype(np.uint8)


def xray_address(picture: np.ndarray) -> str:
    """An X-ray, see `xray`, as an address that holds it."""
    return _address(_png(Image.fromarray(picture)))


def xray_jpeg(picture: np.ndarray) -> bytes:
    """An X-ray, see `xray`, as a file: a quarter of a PNG's bytes, and no loss that is seen."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def map_address(cam: np.ndarray) -> str:
    """A saliency map, see `map_png`, as an address that holds it."""
    return _address(map_png(cam))


def map_png(cam: np.ndarray) -> bytes:
    """A saliency map in the colours of figures, the more opaque the higher.

    Args:
        cam: float32 (side, side), 0 to 1; the highest hundredth of it is drawn alike.
    """
    return _paletted(_levels(reduced(cam, MAP_SIDE)), veil()(np.arange(256)))


def overlay(picture: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """An X-ray under a saliency map in the same colours, uint8 (height, width, 3): red to blue.

    Args:
        picture: uint8 (height, width), see `xray`.
        cam: float32 (side, side), 0 to 1, as for `map_png`.
    """
    colours = veil()(_levels(cv2.resize(cam, picture.shape[::-1])))
    opacity = colours[..., 3:]
    mixed = opacity * 255 * colours[..., :3] + (1 - opacity) * picture[..., np.newaxis]
    return mixed.round().astype(np.uint8)


def _levels(cam: np.ndarray) -> np.ndarray:
    """A map in 256 levels, uint8: the highest hundredth of it is the highest level."""
    return (np.clip(cam / (np.percentile(cam, CAPPED) or 1), 0, 1) * 255).round().astype(np.uint8)


def outline_address(mask: np.ndarray, shape: tuple[int, int]) -> str | None:
    """The outline of an effusion, see `outline_png`, as an address that holds it."""
    png = outline_png(mask, shape)
    return png and _address(png)


def outline_png(mask: np.ndarray, shape: tuple[int, int]) -> bytes | None:
    """The outline of an effusion, yellow within black; None where there is none.

    Args:
        mask: (height, width), above 0 where there is fluid.
        shape: Of the picture that it will lie over.
    """
    share = cv2.resize((mask > 0).astype(np.float32), shape[::-1], interpolation=cv2.INTER_AREA)
    inside = (share > 0.5).astype(np.uint8)
    if not inside.any():
        return None
    near = np.ones((3, 3), np.uint8)
    line = cv2.dilate(inside, near) - cv2.erode(inside, near, borderValue=0)
    return _paletted(np.where(line, 1, 2 * cv2.dilate(line, near)).astype(np.uint8), OUTLINE)


def _paletted(levels: np.ndarray, colours: np.ndarray) -> bytes:
    """A picture of uint8 (height, width) that index float (colours, 4): red to opacity, 0 to 1."""
    table = (colours * 255).round().astype(np.uint8)
    picture = Image.fromarray(levels, mode="P")
    picture.putpalette(table[:, :3].tobytes())
    return _png(picture, transparency=table[:, 3].tobytes())


def _png(picture: Image.Image, **options: bytes) -> bytes:
    file = io.BytesIO()
    picture.save(file, format="PNG", optimize=True, **options)
    return file.getvalue()


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
