import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import zoom
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import BinaryScore, CategoricalScore

from cxr import cams
from cxr.backend import fix_bits
from cxr.errors import UserError
from cxr.methods import CAMS, CONTROLS, NAMES
from cxr.network import build_network

fix_bits(0, 2)  # TensorFlow takes the number of threads once, before its first operation
SIDE = 32
IMAGES = np.random.default_rng(0).normal(size=(4, SIDE, SIDE, 1)).astype(np.float32)
LIBRARY = {
    "gradcam": Gradcam,
    "gradcam_plus_plus": GradcamPlusPlus,
    "layercam": Layercam,
    "scorecam": Scorecam,
}
KINDS = {  # of networks
    "lesson": {"dense": [5, 4]},
    "pleura": {"batch_norm": True, "strides": [2, 1, 1], "dense": []},
    "largest": {"batch_norm": True, "strides": [2, 1, 1], "head": "average_max"},
    "smooth": {"activation": "gelu", "pooling": "average"},
}


def make_network(**changes):
    """A small untrained network, unsure enough that hiding parts of an image changes its mind."""
    keras.utils.set_random_seed(3)
    arguments = {"filters": [4, 6, 8], "kernels": [3, 3, 3], "dense": [5]}
    network = build_network(SIDE, **arguments | changes)
    draw = np.random.default_rng(4)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            scale, shift, mean = draw.normal([[1], [0], [0]], 0.2, (3, *shape))
            layer.set_weights([scale, shift, mean, draw.uniform(0.3, 1, shape)])
    kernel, _ = network.layers[-1].get_weights()
    ramp = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    masked = np.concatenate([IMAGES, IMAGES * ramp, IMAGES * ramp[::-1]])
    z = keras.Model(network.input, network.layers[-1].input)(masked).numpy() @ kernel
    network.layers[-1].set_weights([kernel / z.std(), -z.mean(axis=0) / z.std()])
    return network


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture(scope="module", params=KINDS)
def any_network(request):
    return make_network(**KINDS[request.param])


@pytest.fixture
def images():
    return IMAGES.copy()


@pytest.fixture
def graphs(monkeypatch):
    """The graph functions made during the test, without those of Keras."""
    made, original = [], tf.function

    def function(python=None, **options):
        if "input_signature" not in options:
            return original(python, **options)
        return lambda python: made.append(original(python, **options)) or made[-1]

    monkeypatch.setattr(tf, "function", function)
    return made


def mapped(method, network, images, targets, layer=None, at_once=cams.BATCH):
    logits = cams.two_logits(network)
    layer = cams.choose_layer(network, layer)
    return cams.mapper(method, logits, layer, at_once)(images, targets)


def features(network, images):
    """The channels that are averaged, (n, h, w, channels)."""
    layer = network.get_layer(cams.choose_layer(network, None))
    return keras.Model(network.input, layer.output)(images).numpy()


def both(value, count=4):
    return np.full(count, value)


def test_every_method_has_a_name(network):
    logits, layer = cams.two_logits(network), cams.choose_layer(network, None)
    for method in NAMES:
        assert callable(cams.mapper(method, logits, layer))
    with pytest.raises(ValueError, match="grad_cam"):
        cams.mapper("grad_cam", logits, layer)
    assert set(LIBRARY) == set(CAMS)
    assert {*CAMS, *CONTROLS} < set(NAMES)


# --- the network --------------------------------------------------------------------------


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
@pytest.mark.parametrize("head", ["average", "average_max"])
def test_the_layer_by_default_is_the_one_that_the_network_averages(head, norm, pooling, images):
    network = make_network(batch_norm=norm, pooling=pooling, activation="gelu", head=head)
    assert cams.choose_layer(network, None) == "gelu_3"
    averaged = keras.Model(network.input, network.get_layer("global_average").output)(images)
    found = features(network, images).mean(axis=(1, 2))
    np.testing.assert_allclose(found, averaged, rtol=1e-4, atol=1e-6)


def test_layers_with_places_can_be_chosen(network):
    blocks = [f"{kind}_{block}" for block in (1, 2, 3) for kind in ("conv", "relu", "pool")]
    assert cams.layers_with_places(network) == blocks[:-1]
    assert cams.choose_layer(network, "conv_2") == "conv_2"
    assert cams.choose_layer(network, None) == "relu_3"


@pytest.mark.parametrize("name", ["conv_9", "dense_1", "image", "global_average", ""])
def test_other_layers_cannot_be_chosen(name, network):
    with pytest.raises(UserError, match=r"^saliency.layer: .*conv_1, relu_1.*, conv_3, relu_3, or"):
        cams.choose_layer(network, name)


# --- against tf-keras-vis -----------------------------------------------------------------


def library_map(method, network, images, targets, layer):
    """The map by tf-keras-vis, with the true score; its GradCAM++ then is exp(logit) too large."""
    scores = CategoricalScore(targets.tolist())
    return np.asarray(
        LIBRARY[method](cams.two_logits(network))(
            scores,
            images,
            penultimate_layer=layer,
            seek_penultimate_conv_layer=False,
            expand_cam=False,
            normalize_cam=False,
        )
    )


@pytest.mark.parametrize("method", LIBRARY)
@pytest.mark.parametrize("block", [2, 3])
def test_maps_are_those_of_the_library(method, block, any_network, images):
    activation = cams.choose_layer(any_network, None).split("_")[0]
    layer, targets = f"{activation}_{block}", np.repeat([0, 1], 4)
    images = np.concatenate([images, images])
    found = mapped(method, any_network, images, targets, layer)
    expected = library_map(method, any_network, images, targets, layer)
    assert (found.dtype, found.shape) == (np.float32, expected.shape)
    np.testing.assert_array_equal(found.any(axis=(1, 2)), expected.any(axis=(1, 2)))
    told = np.ptp(expected, axis=(1, 2)) > 0
    assert told.sum() >= 4
    for one, other in zip(found[told], expected[told], strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9999
    if method != "gradcam_plus_plus":
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_library_on_one_sigmoid_sums_the_channels_whatever_the_class(network, images):
    """What is wrong with the lesson's ScoreCAM: https://github.com/keisen/tf-keras-vis/issues/78"""
    plain = features(network, images).sum(axis=-1)
    layer = cams.choose_layer(network, None)
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


# --- ScoreCAM -----------------------------------------------------------------------------


def test_ours_depends_on_the_class_and_is_no_plain_sum(network, images):
    plain = features(network, images).sum(axis=-1)
    effusion, normal = (mapped("scorecam", network, images, both(c)) for c in (1, 0))
    for maps in (effusion, normal):
        shares = maps / plain
        assert np.ptp(shares.reshape(4, -1), axis=1).min() > 0.02
    assert np.abs(effusion - normal).max() > 0.1 * plain.max()
    np.testing.assert_allclose(effusion + normal, plain, rtol=1e-4)  # p and 1 - p


def test_scorecam_follows_its_paper(network, images):
    targets = np.array([1, 0, 0, 1])
    found = mapped("scorecam", network, images, targets)
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


def test_channels_that_are_zero_change_nothing(images):
    network = make_network()
    kernel, bias = network.get_layer("conv_3").get_weights()
    bias[[1, 4, 5]] = -1e3
    network.get_layer("conv_3").set_weights([kernel, bias])
    live = features(network, images).any(axis=(1, 2))
    assert 0 < live.sum() < live.size
    expected = library_map("scorecam", network, images, both(1), "relu_3")
    np.testing.assert_allclose(
        mapped("scorecam", network, images, both(1)), expected, rtol=1e-4, atol=1e-6
    )


def test_channels_that_are_the_same_everywhere_are_not_left_out(images):
    network = make_network(activation="gelu")
    kernel, bias = network.get_layer("conv_3").get_weights()
    kernel[..., 2], bias[2] = 0, 3
    network.get_layer("conv_3").set_weights([kernel, bias])
    assert np.ptp(features(network, images)[..., 2]) == 0
    expected = library_map("scorecam", network, images, both(1), "gelu_3")
    found = mapped("scorecam", network, images, both(1))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("lengths", [(4, 32), (8, 32), (3, 10), (1, 8), (5, 5)], ids=str)
def test_masks_are_stretched_as_by_scipy(lengths):
    few, many = lengths
    values = np.random.default_rng(0).random(few)
    expected = zoom(values, many / few, order=1, mode="nearest")
    np.testing.assert_allclose(cams.stretching(few, many) @ values, expected, atol=1e-6)


# --- by gradients -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["gradcam", "gradcam_plus_plus", "layercam"])
def test_gradients_that_are_the_same_at_all_places(method, images):
    """With no dense layer in between, the gradient of a logit is the channel's weight by hw."""
    network = make_network(dense=[])
    found = mapped(method, network, images, both(1))
    channels = features(network, images)  # (n, h, w, k)
    kernel = network.layers[-1].get_weights()[0][:, 0]
    gradients = kernel / 2 / np.prod(channels.shape[1:3])
    for cam, activations in zip(found, channels, strict=True):
        if method == "gradcam_plus_plus":
            places = cam.size
            sums = activations.sum(axis=(0, 1))
            alpha = gradients**2 / (2 * gradients**2 + gradients**3 * sums)  # equation 19
            alpha = alpha / (alpha * places)  # the library lets them sum to one
            weights = places * alpha * np.maximum(gradients, 0)
        elif method == "layercam":
            weights = np.maximum(gradients, 0)
        else:
            weights = gradients
        expected = np.maximum((weights * activations).sum(-1), 0)
        np.testing.assert_allclose(cam, expected, rtol=1e-3, atol=1e-6)


def test_gradients_that_differ_by_place_by_hand():
    channels = tf.constant([[[[1.0], [2.0]], [[0.0], [4.0]]]])  # sum 7
    gradients = tf.constant([[[[0.5], [-1.0]], [[0.0], [1.0]]]])  # mean 0.125
    np.testing.assert_allclose(cams.gradcam(channels, gradients)[0], np.array([[1, 2], [0, 4]]) / 8)
    np.testing.assert_allclose(cams.layercam(channels, gradients)[0], [[0.5, 0], [0, 4]])
    alphas = np.array([1 / (2 + 3.5), 1 / (2 - 7), 0, 1 / (2 + 7)])
    weight = (alphas / alphas.sum() * [0.5, 0, 0, 1]).sum()
    np.testing.assert_allclose(
        cams.gradcam_plus_plus(channels, gradients)[0],
        np.maximum(weight * np.array([[1, 2], [0, 4]]), 0),
        rtol=1e-5,
    )


def test_gradcam_plus_plus_bears_tiny_gradients():
    """Their third powers are 0 in float32."""
    channels = tf.constant(np.random.default_rng(0).random((1, 3, 3, 2)), tf.float32)
    gradients = tf.constant(np.random.default_rng(1).random((1, 3, 3, 2)), tf.float32)
    found, tiny = (cams.gradcam_plus_plus(channels, gradients * s) for s in (1e-6, 1e-20))
    np.testing.assert_allclose(tiny * 1e20, found * 1e6, rtol=1e-4)


@pytest.mark.parametrize("surety", [-400, 400])
def test_gradcam_plus_plus_bears_a_network_that_is_very_sure(surety, network, images):
    sure = keras.models.clone_model(network)
    kernel, bias = network.layers[-1].get_weights()
    sure.set_weights([*network.get_weights()[:-2], kernel, bias + surety])
    expected, found = (
        mapped("gradcam_plus_plus", each, images, both(1)) for each in (network, sure)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    assert found.max() > 0


@pytest.mark.parametrize("method", ["gradcam", "gradcam_plus_plus", "layercam"])
def test_maps_without_evidence_are_zero_and_stay_so(method, images):
    network = make_network(dense=[])
    kernel, bias = network.layers[-1].get_weights()
    network.layers[-1].set_weights([-np.abs(kernel), bias])  # nothing speaks for an effusion
    found = mapped(method, network, images, both(1))
    assert found.shape == (4, 8, 8)
    assert not found.any()
    assert all(cams.scale(cam, SIDE)[1] for cam in found)
    assert mapped(method, network, images, both(0)).any(axis=(1, 2)).all()


# --- any method ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", NAMES)
def test_each_image_has_a_target_of_its_own(method, network, images):
    mixed = np.array([0, 1, 1, 0])
    alone = {t: mapped(method, network, images, both(t)) for t in (0, 1)}
    found = mapped(method, network, images, mixed)
    for row, target in enumerate(mixed):
        np.testing.assert_allclose(found[row], alone[target][row], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("method", [*CAMS, "occlusion"])
def test_maps_depend_on_the_target(method, network, images):
    normal, effusion = (mapped(method, network, images, both(t)) for t in (0, 1))
    assert np.abs(normal - effusion).max(axis=(1, 2)).min() > 1e-3 * effusion.max()


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("batch", [1, 3])
def test_neither_batches_nor_order_change_a_map(method, batch, network, images):
    whole = mapped(method, network, images, both(1))
    parts = mapped(method, network, images[::-1], both(1), at_once=batch)[::-1]
    np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-5 * whole.max())


@pytest.mark.parametrize("method", NAMES)
def test_no_images_have_no_maps(method, network, images):
    some = mapped(method, network, images, both(1))
    none = mapped(method, network, images[:0], both(1, 0))
    assert (none.dtype, none.shape) == (np.float32, (0, *some.shape[1:]))


@pytest.mark.parametrize("method", NAMES)
def test_new_weights_give_new_maps_without_new_tracing(method, images, graphs):
    network = make_network(batch_norm=True)
    logits, layer = cams.two_logits(network), cams.choose_layer(network, None)
    mapper = cams.mapper(method, logits, layer, 3)  # a full batch and one that is not
    old = logits.get_weights()
    before = mapper(images, both(1))
    traced = [graph.experimental_get_tracing_count() for graph in graphs]
    assert traced == [1] * len(graphs)
    assert bool(graphs) == (method not in CONTROLS)

    new = [np.random.default_rng(n).permutation(w.ravel()) for n, w in enumerate(old)]
    logits.set_weights([w.reshape(o.shape) for w, o in zip(new, old, strict=True)])
    after = mapper(images, both(0))
    fresh = cams.mapper(method, logits, layer, 3)(images, both(0))
    np.testing.assert_allclose(after, fresh, rtol=1e-5, atol=1e-7)
    assert np.array_equal(after, before) == (method in CONTROLS)

    logits.set_weights(old)
    np.testing.assert_array_equal(mapper(images, both(1)), before)
    mapper(images[:2], np.array([0, 1]))
    assert [graph.experimental_get_tracing_count() for graph in graphs[: len(traced)]] == traced


def test_memory_bounds_the_images_at_once(network):
    logits = cams.two_logits(network)
    values = SIDE**2 + 2 * 4 * SIDE**2 + 4 * 16**2 + 2 * 6 * 16**2 + 6 * 8**2 + 2 * 8 * 8**2
    values += 8 + 5 + 5 + 2  # the average, the dense layer, its dropout, the logits
    three = 3 * 4 * values / 1e6  # MB
    assert cams.images_at_once(logits, three) == 3
    assert cams.images_at_once(logits, 0.99 * three) == 2
    assert cams.images_at_once(logits, 1e-6) == 1
    assert cams.images_at_once(logits, 1000) == cams.BATCH


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
