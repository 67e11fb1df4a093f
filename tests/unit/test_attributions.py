import keras
import numpy as np
import pytest
from scipy import ndimage
from tf_keras_vis.saliency import Saliency
from tf_keras_vis.utils.scores import CategoricalScore

from cxr import attributions, cams
from cxr.backend import fix_bits
from cxr.network import build_network

fix_bits(0, 2)  # TensorFlow takes the number of threads once, before its first operation
SIDE = 24
IMAGES = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, 1)).astype(np.float32)
TARGETS = np.array([1, 0, 1])


@pytest.fixture(scope="module", params=["lesson", "pleura"])
def logits(request):
    changes = {
        "lesson": {"dense": [5]},
        "pleura": {"batch_norm": True, "strides": [2, 1], "head": "average_max"},
    }
    keras.utils.set_random_seed(1)
    return cams.two_logits(build_network(SIDE, [4, 6], [3, 3], **changes[request.param]))


def bright_spots(weights):
    """Two logits -z/2 and z/2 of z = the sum of weights x pixels: a network known by heart."""
    inputs = keras.Input((SIDE, SIDE, 1))
    dense = keras.layers.Dense(2, use_bias=False)
    model = keras.Model(inputs, dense(keras.layers.Flatten()(inputs)))
    dense.set_weights([weights.reshape(-1, 1) * [[-0.5, 0.5]]])
    return model


# --- SmoothGrad ---------------------------------------------------------------------------


def library_gradients(logits, images, targets, samples):
    """Mean absolute gradients by tf-keras-vis; samples = 0 adds no noise."""
    return Saliency(logits)(
        CategoricalScore(targets.tolist()),
        images,
        smooth_samples=samples,
        smooth_noise=attributions.NOISE,
        normalize_map=False,
    )


def correlations(first, second):
    return [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(first, second, strict=True)]


def test_without_noise_it_is_the_gradient_of_the_library(logits, monkeypatch):
    monkeypatch.setattr(attributions, "NOISE", 0)
    found = attributions.smoothgrad(logits, 16)(IMAGES, TARGETS)
    expected = library_gradients(logits, IMAGES, TARGETS, 0)
    assert found.shape == (3, SIDE, SIDE)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * expected.max())


def test_with_noise_it_tends_to_the_smooth_gradient_of_the_library(monkeypatch):
    keras.utils.set_random_seed(1)
    logits = cams.two_logits(build_network(SIDE, [4], [3], dense=[5]))
    np.random.seed(0)  # the library's noise
    expected = library_gradients(logits, IMAGES, TARGETS, 200)
    few = correlations(attributions.smoothgrad(logits, 32)(IMAGES, TARGETS), expected)
    monkeypatch.setattr(attributions, "COPIES", 1000)
    many = correlations(attributions.smoothgrad(logits, 32)(IMAGES, TARGETS), expected)
    plain = correlations(library_gradients(logits, IMAGES, TARGETS, 0), expected)
    assert min(many) > 0.99
    assert all(p < f < m for p, f, m in zip(plain, few, many, strict=True))


def test_noise_is_a_share_of_the_images_range(monkeypatch):
    """The gradient of z = sum of x**2 / 2 is x, so that of copies is x and the mean noise."""
    inputs = keras.Input((SIDE, SIDE, 1))
    z = keras.layers.Flatten()(keras.ops.square(inputs) / 2)
    z = keras.ops.sum(z, axis=1, keepdims=True)
    square = keras.Model(inputs, keras.ops.concatenate([-z, z], axis=1))
    monkeypatch.setattr(attributions, "COPIES", 4)
    images = IMAGES * 3 + 50  # far from 0, so that the absolute value changes no sign
    found = attributions.smoothgrad(square, 3)(images, np.ones(3, int))
    noise = found - images[..., 0]
    expected = attributions.NOISE * np.ptp(images, axis=(1, 2, 3)) / np.sqrt(4)
    np.testing.assert_allclose(noise.std(axis=(1, 2)), expected, rtol=0.1)
    np.testing.assert_allclose(noise.mean(axis=(1, 2)), 0, atol=0.2 * expected.max())


def test_absolute_values_are_taken_before_the_mean():
    """z = |x|: the gradients of the copies are -1 and 1 at 0, so their mean would be about 0."""
    inputs = keras.Input((SIDE, SIDE, 1))
    z = keras.ops.sum(keras.layers.Flatten()(keras.ops.absolute(inputs)), axis=1, keepdims=True)
    model = keras.Model(inputs, keras.ops.concatenate([-z / 2, z / 2], axis=1))
    image = np.zeros((1, SIDE, SIDE, 1), np.float32)
    image[0, :, 12:] = 10
    found = attributions.smoothgrad(model, 32)(image, np.array([1]))[0]
    np.testing.assert_allclose(found, 0.5, rtol=1e-6)


def test_smooth_gradients_are_the_same_for_both_targets(logits):
    one, other = (attributions.smoothgrad(logits, 8)(IMAGES, np.full(3, t)) for t in (0, 1))
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6 * one.max())


# --- occlusion ----------------------------------------------------------------------------


def test_occlusion_finds_what_speaks_for_the_target():
    weights = np.zeros((SIDE, SIDE), np.float32)
    weights[4, 8], weights[17, 20] = 2, -2
    image = np.ones((1, SIDE, SIDE, 1), np.float32)
    logits = bright_spots(weights)
    for target, (row, column) in ((1, (4, 8)), (0, (17, 20))):
        found = attributions.occlusion(logits, 10)(image, np.array([target]))[0]
        assert found.shape == (12, 12)
        expected = np.zeros((12, 12))
        for i, j in np.ndindex(12, 12):  # patches of 4 pixels over the middles 2 i + 1
            rows, columns = range(2 * i - 1, 2 * i + 3), range(2 * j - 1, 2 * j + 3)
            expected[i, j] = row in rows and column in columns
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_occlusion_is_the_fall_of_the_logit(logits):
    found = attributions.occlusion(logits, 7)(IMAGES, TARGETS)
    patches = attributions.patches(SIDE)
    for image, target, cam in zip(IMAGES, TARGETS, found, strict=True):
        whole = logits(image[None]).numpy()[0, target]
        for i, j in [(0, 0), (3, 7), (11, 5)]:
            hidden = image.copy()
            hidden[np.ix_(patches[i], patches[j])] = 0
            fall = whole - logits(hidden[None]).numpy()[0, target]
            assert cam[i, j] == pytest.approx(max(0, fall), abs=1e-5)
    assert (found > 0).any(axis=(1, 2)).all()


@pytest.mark.parametrize("side", [24, 64, 100, 128, 256])
def test_patches_cover_the_image_evenly(side):
    patches = attributions.patches(side)
    assert patches.shape == (12, side)
    assert patches.any(axis=0).all()
    np.testing.assert_array_equal(patches, patches[::-1, ::-1])
    inner = patches[1:-1].sum(axis=1)
    assert np.abs(inner - side / 6).max() <= 1
    middles = [np.flatnonzero(row).mean() for row in patches[1:-1]]
    np.testing.assert_allclose(middles, (np.arange(1, 11) + 0.5) * side / 12 - 0.5, atol=0.5)


# --- controls -----------------------------------------------------------------------------


def test_edges_are_those_of_scipy():
    found = attributions.edges(IMAGES, TARGETS)
    assert found.dtype == np.float32
    for image, cam in zip(IMAGES[..., 0], found, strict=True):
        steps = [ndimage.sobel(image.astype(float), axis, mode="mirror") for axis in (0, 1)]
        np.testing.assert_allclose(cam, np.hypot(*steps), rtol=1e-4, atol=1e-5)


def test_the_edge_of_a_square_is_found():
    image = np.zeros((1, SIDE, SIDE, 1), np.float32)
    image[0, 6:18, 6:18] = 1
    found = attributions.edges(image, np.array([1]))[0]
    assert found[6, 12] == found[12, 6] == 4
    assert not found[8:16, 8:16].any()
    assert not found[:5].any()


def test_random_maps_depend_on_the_image_alone():
    found = attributions.random_field(IMAGES, TARGETS)
    assert (found.shape, found.dtype) == ((3, 8, 8), np.float32)
    assert 0 <= found.min() < 0.1 < 0.9 < found.max() <= 1
    again = attributions.random_field(IMAGES[::-1].copy(), np.ones(3, int))[::-1]
    np.testing.assert_array_equal(again, found)
    assert np.abs(found[0] - found[1]).max() > 0.5


def test_random_maps_have_no_favourite_place():
    images = np.random.default_rng(3).normal(size=(2000, 2, 2, 1)).astype(np.float32)
    mean = attributions.random_field(images, np.ones(2000, int)).mean(axis=0)
    np.testing.assert_allclose(mean, 0.5, atol=5 * np.sqrt(1 / 12 / 2000))


@pytest.mark.parametrize("method", ["smoothgrad", "occlusion", "edges", "random"])
def test_the_same_image_has_the_same_map(method, logits):
    mapper = cams.mapper(method, logits, "")
    whole = mapper(IMAGES, TARGETS)
    alone = mapper(IMAGES[2:], TARGETS[2:])
    np.testing.assert_array_equal(alone[0], whole[2])
    np.testing.assert_array_equal(cams.mapper(method, logits, "")(IMAGES, TARGETS), whole)
