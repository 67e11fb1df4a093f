"""The page's JavaScript beside Keras, OpenCV and the pipeline's own functions, part by part."""

import base64
import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
from PIL import Image

from asked import WORK, random_network, xrays
from chromium import Browser
from cxr import familiarity, warnings
from cxr.batches import reduce_image
from cxr.cams import gradcam, gradient_mapper, scale, two_logits
from cxr.errors import Unreadable
from cxr.images import check, decode, prepare
from cxr.weights import read_network
from predict_page import LIMITS, packed

pytestmark = pytest.mark.slow

NETWORKS = {
    "lesson": {"filters": [3, 4, 5], "kernels": [3, 3, 5], "dense": [6, 4]},
    "strides": {"filters": [4, 6, 8], "kernels": [5, 3, 2], "strides": [2, 3, 1]},
    "batch_norm": {"filters": [4, 6], "kernels": [3, 3], "batch_norm": True},
    "average_max": {"filters": [4, 6], "kernels": [3, 3], "head": "average_max", "dense": [5]},
    "average pooling": {"filters": [3, 3, 3], "kernels": [4, 3, 1], "pooling": "average"},
    "no pooling": {"filters": [3, 3], "kernels": [3, 7], "pooling": "none"},
    **{
        name: {"filters": [3, 4], "kernels": [3, 3], "activation": name, "dense": [4]}
        for name in ("leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")
    },
}


def script(browser: Browser, body: str, *arguments: Any) -> Any:
    """What a function body returns that knows all of the worker's functions."""
    parts = "\n".join(path.read_text() for path in WORK)
    made = f"""
    const done = arguments[arguments.length - 1];
    const given = arguments;
    {parts}
    (async () => {{ {body} }})().then(done, (error) => done({{failure: error.message}}));
    """
    return browser.driver.execute_async_script(made, *arguments)


def shape(image: np.ndarray) -> dict[str, Any]:
    return {"width": image.shape[1], "height": image.shape[0], "values": image.ravel().tolist()}


@pytest.fixture(autouse=True)
def blank(browser: Browser) -> None:
    browser.driver.get("about:blank")


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("side", [32, 45])
def test_networks_compute_what_keras_computes(
    browser: Browser, tmp_path: Path, name: str, side: int
) -> None:
    network = random_network(side, seed=2, **NETWORKS[name])
    network.save(tmp_path / "model.keras")
    image = np.random.default_rng(side).normal(size=(side, side)).astype(np.float32)
    body = """
    const found = run(unpacked(given[0]), given[1]);
    return {...found, features: [...found.features], map: [...gradcam(found).values]};
    """
    found = script(browser, body, packed(read_network(tmp_path / "model.keras")), shape(image))
    batch = image[np.newaxis, ..., np.newaxis]
    head = network.get_layer("global_average_max" if name == "average_max" else "global_average")
    features = keras.Model(network.inputs, head.output).predict(batch, verbose=0)[0]
    np.testing.assert_allclose(found["features"], features, rtol=1e-4, atol=1e-5)
    assert found["probability"] == pytest.approx(network.predict(batch, verbose=0)[0, 0], abs=1e-5)
    last = [layer.name for layer in network.layers if len(layer.output.shape) == 4][-1]
    maps = gradient_mapper(gradcam, two_logits(network), last, 1)(batch, np.array([1]))[0]
    assert maps.max() > 0
    np.testing.assert_allclose(2 * maps.ravel(), found["map"], rtol=1e-3, atol=1e-4 * maps.max())


def test_maps_are_stretched_as_in_the_saliency_stage(browser: Browser) -> None:
    raw = np.random.default_rng(1).uniform(size=(5, 5)).astype(np.float32)
    found = script(browser, "return [...stretched(given[0]).values]", shape(raw))
    np.testing.assert_allclose(found, scale(raw, 128)[0].ravel(), atol=1e-5)
    flat = shape(np.full((5, 5), 0.3))
    assert script(browser, "return stretched(given[0])", flat) is None


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("resize", ["area", "bilinear"])
@pytest.mark.parametrize(
    "size", [(96, 96), (128, 128), (64, 64), (100, 130), (50, 40), (50, 90), (97, 300)]
)
def test_images_are_prepared_as_in_training(
    browser: Browser, size: tuple[int, int], resize: str, kind: type
) -> None:
    image = np.random.default_rng(1).integers(0, np.iinfo(kind).max, size).astype(kind)
    image = cv2.GaussianBlur(image, (0, 0), 2)
    body = """
    const [{width, height, values}, resize, kind] = given;
    const image = {width, height, values: globalThis[kind].from(values)};
    const made = prepared(image, {size: 64, resize});
    return [[...made.values], [...resizedByArea(made, 40, 40).values]];
    """
    typed = f"{kind.__name__.capitalize()}Array"
    whole, small = script(browser, body, shape(image), resize, typed)
    expected = prepare(image, 64, resize)
    difference = np.abs(np.array(whole, np.float32) - expected.ravel())
    bilinear = resize == "bilinear"
    level = 1.1 / image.std() if bilinear else 1e-4  # where OpenCV rounds a tie otherwise
    assert (difference > 1e-4).mean() <= 0.01 * bilinear
    assert difference.max() < level
    np.testing.assert_allclose(small, reduce_image(expected, 40).ravel(), atol=level)


# --- PNG ------------------------------------------------------------------------------------------


def png(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """The PNG with one more chunk behind its header."""
    whole = struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return data[:33] + whole + data[33:]


def read(browser: Browser, data: bytes) -> Any:
    body = """
    const bytes = Uint8Array.from(atob(given[0]), (byte) => byte.charCodeAt(0));
    const image = await readPng(bytes);
    const {width, height, values} = greyOf(image);
    return {width, height, values: [...values], coloured: isColoured(image, given[1])};
    """
    return script(browser, body, base64.b64encode(data).decode(), LIMITS["colour"])


GREY = np.random.default_rng(1).integers(0, 256, (21, 13)).astype(np.uint8)
DEEP = np.random.default_rng(2).integers(0, 65536, (21, 13)).astype(np.uint16)
COLOURS = np.random.default_rng(3).integers(0, 256, (21, 13, 4)).astype(np.uint8)
SMOOTH = cv2.GaussianBlur(np.tile(GREY, (4, 4)), (0, 0), 3)
PNGS = {
    "grey": png(Image.fromarray(GREY)),
    "every filter": png(Image.fromarray(SMOOTH), optimize=True),
    "1 bit": png(Image.fromarray(GREY > 127)),
    "2 bits": png(Image.fromarray(GREY // 64 * 85), bits=2),
    "palette": png(Image.fromarray(COLOURS[..., :3]).quantize(200)),
    "palette of 3 bits": png(Image.fromarray(COLOURS[..., :3]).quantize(7)),
    "transparent palette": png(Image.fromarray(COLOURS[..., :3]).quantize(50), transparency=3),
    "16 bits": png(Image.fromarray(DEEP)),
    "grey and alpha": png(Image.fromarray(COLOURS[..., :2].copy(), "LA")),
    "RGB": png(Image.fromarray(COLOURS[..., :3])),
    "RGBA": png(Image.fromarray(COLOURS, "RGBA")),
    "RGB of 16 bits": cv2.imencode(".png", np.dstack([DEEP, DEEP[::-1], DEEP // 3]))[1].tobytes(),
    "gamma": with_chunk(png(Image.fromarray(GREY)), b"gAMA", struct.pack(">I", 100000)),
    "EXIF upright": png(Image.fromarray(GREY), exif=Image.Exif()),
}


@pytest.mark.parametrize("name", PNGS)
def test_pngs_are_read_to_the_last_bit(browser: Browser, name: str) -> None:
    expected = decode(PNGS[name])
    found = read(browser, PNGS[name])
    assert "failure" not in found, found
    assert (found["height"], found["width"]) == expected.shape
    np.testing.assert_array_equal(found["values"], expected.ravel())
    flags = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
    pixels = cv2.imdecode(np.frombuffer(PNGS[name], np.uint8), flags)
    assert found["coloured"] == warnings.is_coloured(pixels)


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x112] = 6
    return png(Image.fromarray(GREY), exif=exif)


def with_header(*values: int) -> bytes:
    """A PNG with another header: width, height, bits, colour type, three methods."""
    return with_chunk(PNGS["grey"], b"IHDR", struct.pack(">IIBBBBB", *values))


REFUSED = {
    "turned": (turned(), "EXIF orientation"),
    "cut": (PNGS["grey"][:-30], "truncated"),
    "cut in its pixels": (PNGS["every filter"][: len(PNGS["every filter"]) // 2], "truncated"),
    "damaged": (PNGS["grey"].replace(b"IDAT", b"IDAT\0\0", 1), "damaged|truncated"),
    "vast": (with_header(20000, 20000, 8, 0, 0, 0, 0), "100 million"),
    "interlaced": (with_header(13, 21, 8, 0, 0, 0, 1), "without interlacing"),
    "of no kind": (with_header(13, 21, 8, 5, 0, 0, 0), "damaged"),
    "animated": (with_chunk(PNGS["grey"], b"acTL", bytes(8)), "several frames"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_pngs_that_cannot_be_read_as_they_are_say_so(browser: Browser, name: str) -> None:
    data, reason = REFUSED[name]
    found = read(browser, data)
    assert found.keys() == {"failure"}

    assert re.search(reason, found["failure"])
    if name.startswith("cut"):
        with pytest.raises(Unreadable):
            check(data)


# --- warnings ---------------------------------------------------------------------------------


def odd_images() -> dict[str, np.ndarray]:
    usual = xrays(1, 64, seed=5)[0]
    noise = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
    return {
        "usual": usual,
        "negative": 255 - usual,
        "left": np.rot90(usual),
        "right": np.rot90(usual, -1),
        "down": usual[::-1],
        "noise": noise,
        "text": cv2.putText(np.full((64, 64), 255, np.uint8), "ABC", (2, 40), 0, 1, 0, 2),
    }


def test_familiarity_is_judged_as_in_python(browser: Browser) -> None:
    def seen(images: list[np.ndarray]) -> np.ndarray:
        return np.stack([reduce_image(prepare(image, 64, "area"), 48) for image in images])

    def features(images: np.ndarray) -> np.ndarray:
        return np.stack([images[:, ::2].mean(axis=(1, 2)), images[:, :20].std(axis=(1, 2))], axis=1)

    known = seen(xrays(80, 64))
    described = familiarity.describe(known, features(known))
    parts = [
        {name: part[rows] for name, part in described.items()} for rows in (np.s_[:50], np.s_[50:])
    ]
    spaces, _ = familiarity.fit_spaces(*parts)
    odd = seen([*odd_images().values()])
    distances, expected = familiarity.judge(spaces, odd, features(odd))
    body = """
    const [spaces, images, features, limits] = given;
    return images.map((image, i) => unfamiliarity({spaces}, image, features[i], limits));
    """
    found = script(browser, body, spaces, [*map(shape, odd)], features(odd).tolist(), LIMITS)
    assert [each["kind"] for each in found] == expected
    assert [each["score"] for each in found] == pytest.approx(distances, rel=1e-4)
    assert len({*expected}) > 3, expected
