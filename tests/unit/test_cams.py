import keras
import numpy as np
import pytest
from scipy.ndimage import zoom
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import BinaryScore

from cxr import cams
from cxr.backend import fix_bits
from cxr.network import build_network

fix_bits(0, 2)  # TensorFlow takes the number of threads once, before its first operation
SIDE = 32


IMAGES = np.random.default_rng(0).normal(size=(4, SIDE, SIDE, 1)).astype(np.float32)


def make_network(**changes):
    """A small untrained network, unsure enough that hiding parts of an image changes its mind."""
    keras.utils.set_random_seed(3)
    arguments = {"filters": [4, 6, 8], "kernels": [3, 3, 3], "dense": [5]}
    network = build_network(SIDE, **arguments | changes)
    kernel, _ = network.layers[-1].get_weights()
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    masked = np.concatenate([IMAGES, IMAGES * ramp, IMAGES * ramp[::-1]])
    z = keras.Model(network.input, network.layers[-1].input)(masked).numpy() @ kernel
    network.layers[-1].set_weights([kernel / z.std(), -z.mean(axis=0) / z.std()])
    return network


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture
def images():
    return IMAGES.copy()


def features(network, images):
    """The channels that are averaged, (n, h, w, channels)."""
    layer = network.get_layer(cams.last_features(network))
    return keras.Model(network.input, layer.output)(images).numpy()


def both(value, count=4):
    return np.full(count, value)


def test_two_logits_give_the_probabilities_of_one_sigmoid(network, images):
    one = network(images).numpy()[:, 0]
    two = keras.ops.softmax(cams.two_logits(network)(images)).numpy()
    assert np.ptp(one) > 0.05
    np.testing.assert_allclose(two, np.stack([1 - one, one], axis=1), atol=1e-6)


def test_two_logits_leave_the_network_as_it_was(network, images):
    before = [weights.copy() for weights in network.get_weights()]
    cams.two_logits(network)
    assert network.output_shape == (None, 1)
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("norm", [False, True], ids=["plain", "normalised"])
@pytest.mark.parametrize("pooling", ["max", "none"])
def test_last_features_are_what_the_network_averages(norm, pooling, images):
    network = make_network(batch_norm=norm, pooling=pooling, activation="gelu")
    assert cams.last_features(network) == "gelu_3"
    averaged = keras.Model(network.input, network.get_layer("global_average").output)(images)
    found = features(network, images).mean(axis=(1, 2))
    np.testing.assert_allclose(found, averaged, rtol=1e-4, atol=1e-6)


def test_maps_of_a_network_with_strides_and_largest_values(images):
    network = make_network(strides=[2, 1, 1], head="average_max")
    logits, layer = cams.two_logits(network), cams.last_features(network)
    assert layer == "relu_3"
    for method in cams.METHODS.values():
        maps = method(logits, images, both(1), layer)
        assert maps.shape == (4, 8, 8)
        assert np.ptp(maps, axis=(1, 2)).min() > 0


# --- ScoreCAM -----------------------------------------------------------------------------


def test_library_on_one_sigmoid_sums_the_channels_whatever_the_class(network, images):
    """What is wrong with the lesson's ScoreCAM: https://github.com/keisen/tf-keras-vis/issues/78"""
    plain = features(network, images).sum(axis=-1)
    layer = cams.last_features(network)
    for wanted in (0, 1):
        found = Scorecam(network)(
            BinaryScore(bool(wanted)) if wanted else lambda output: output[:, 0],
            images,
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
        np.testing.assert_allclose(found, plain, rtol=1e-5, atol=1e-6)


def test_ours_depends_on_the_class_and_is_no_plain_sum(network, images):
    logits, layer = cams.two_logits(network), cams.last_features(network)
    plain = features(network, images).sum(axis=-1)
    effusion, normal = (cams.scorecam(logits, images, both(c), layer) for c in (1, 0))
    for maps in (effusion, normal):
        shares = maps / plain
        assert np.ptp(shares.reshape(4, -1), axis=1).min() > 0.02
    assert np.abs(effusion - normal).max() > 0.1 * plain.max()
    np.testing.assert_allclose(effusion + normal, plain, rtol=1e-4)  # p and 1 - p


def test_scorecam_follows_its_paper(network, images):
    logits, layer = cams.two_logits(network), cams.last_features(network)
    targets = np.array([1, 0, 0, 1])
    found = cams.scorecam(logits, images, targets, layer)
    channels = features(network, images)
    factor = SIDE // channels.shape[1]
    for image, cam, activations, target in zip(images, found, channels, targets, strict=True):
        expected = np.zeros(cam.shape)
        for channel in np.moveaxis(activations, -1, 0):
            mask = zoom(channel, factor, order=1, mode="nearest")
            mask = (mask - mask.min()) / (np.ptp(mask) + 1e-7)
            p = float(network(image[None] * mask[None, ..., None])[0, 0])
            expected += channel * (p if target else 1 - p)
        np.testing.assert_allclose(cam, expected, rtol=1e-4, atol=1e-5)


# --- GradCAM++ ----------------------------------------------------------------------------


def test_gradcam_plus_plus_follows_its_paper(images):
    """With no dense layer in between, the gradient of a logit is the channel's weight by hw."""
    network = make_network(dense=[])
    logits, layer = cams.two_logits(network), cams.last_features(network)
    found = cams.gradcam_plus_plus(logits, images, both(1), layer)
    channels = features(network, images)  # (n, h, w, k)
    kernel = network.layers[-1].get_weights()[0][:, 0]
    grad = kernel / 2 / np.prod(channels.shape[1:3])
    for cam, activations in zip(found, channels, strict=True):
        alpha = grad**2 / (2 * grad**2 + grad**3 * activations.sum(axis=(0, 1)))  # equation 19
        alpha = alpha / (alpha * np.prod(cam.shape))  # the library lets them sum to one
        weights = np.prod(cam.shape) * alpha * np.maximum(grad, 0)
        np.testing.assert_allclose(
            cam, np.maximum((weights * activations).sum(-1), 0), rtol=1e-3, atol=1e-6
        )


@pytest.mark.parametrize("surety", [-400, 400])
def test_gradcam_plus_plus_bears_a_network_that_is_very_sure(surety, network, images):
    sure = keras.models.clone_model(network)
    kernel, bias = network.layers[-1].get_weights()
    sure.set_weights([*network.get_weights()[:-2], kernel, bias + surety])
    layer = cams.last_features(network)
    expected, found = (
        cams.gradcam_plus_plus(cams.two_logits(each), images, both(1), layer)
        for each in (network, sure)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert found.max() > 0


@pytest.mark.parametrize("method", cams.METHODS)
def test_each_image_has_a_target_of_its_own(method, network, images):
    logits, layer = cams.two_logits(network), cams.last_features(network)
    mixed = np.array([0, 1, 1, 0])
    alone = {t: cams.METHODS[method](logits, images, both(t), layer) for t in (0, 1)}
    found = cams.METHODS[method](logits, images, mixed, layer)
    for row, target in enumerate(mixed):
        np.testing.assert_allclose(found[row], alone[target][row], rtol=1e-3, atol=1e-6)


# --- scaling ------------------------------------------------------------------------------


def test_scaled_maps_run_from_0_to_1():
    cam = np.random.default_rng(1).uniform(3, 9, size=(4, 4)).astype(np.float32)
    found, empty = cams.scale(cam, 64)
    assert (found.shape, found.dtype, empty) == ((64, 64), np.float32, False)
    assert (found.min(), found.max()) == (0, 1)


@pytest.mark.parametrize("cell", [(0, 0), (1, 2), (3, 1)], ids=str)
def test_a_peak_stands_over_the_middle_of_its_cell(cell):
    cam = np.zeros((4, 4), dtype=np.float32)
    cam[cell] = 1
    found, _ = cams.scale(cam, 64)
    rows, columns = np.nonzero(found >= found.max() - 0.05)
    for places, number in ((rows, cell[0]), (columns, cell[1])):
        if number not in (0, 3):
            assert abs(places.mean() - (16 * number + 7.5)) < 1
        assert 16 * number <= places.mean() < 16 * (number + 1)


@pytest.mark.parametrize("value", [0.0, 2.5, -1.0, np.nan], ids=str)
def test_a_map_that_is_the_same_everywhere_is_empty(value):
    found, empty = cams.scale(np.full((4, 4), value, dtype=np.float32), 32)
    assert empty
    assert not found.any()


def test_tiny_but_real_differences_are_no_empty_map():
    cam = np.array([[1e-20, 3e-20], [2e-20, 0]], dtype=np.float32)
    found, empty = cams.scale(cam, 32)
    assert not empty
    assert found.max() == 1


def test_batches_are_bounded_by_memory_and_not_below_one(network, monkeypatch):
    logits = cams.two_logits(network)
    layer = cams.last_features(network)
    monkeypatch.setattr(cams, "MASKED_BYTES", 3 * SIDE * SIDE * 8 * 4)
    assert cams.batch_of(logits, layer) == 3
    monkeypatch.setattr(cams, "MASKED_BYTES", 1)
    assert cams.batch_of(logits, layer) == 1
    monkeypatch.setattr(cams, "MASKED_BYTES", 1e9)
    assert cams.batch_of(logits, layer) == cams.BATCH
