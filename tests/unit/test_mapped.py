import keras
import numpy as np
import pytest

from cxr import cams, mapped
from cxr.backend import fix_bits
from cxr.batches import reduce_image
from cxr.cams import images_at_once
from cxr.errors import UserError
from cxr.mapped import (
    open_network,
    probabilities,
    read_cases,
    read_inputs,
    read_weights,
    resolve_targets,
)
from cxr.network import build_network

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation
IMAGES = np.random.default_rng(0).normal(size=(7, 32, 32)).astype(np.float32)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two networks of one form, with an input half as large as the images."""
    folder = tmp_path_factory.mktemp("models")
    paths = [folder / f"{seed}.keras" for seed in (1, 2)]
    for seed, path in enumerate(paths):
        keras.utils.set_random_seed(seed)
        network = build_network(16, [4, 6], [3, 3], batch_norm=True)
        kernel, _ = network.layers[-1].get_weights()
        network.layers[-1].set_weights([kernel * 30, np.array([-0.3])])
        network.save(path)
    return paths


def test_a_network_is_opened_with_the_layer_to_map(models):
    logits, layer, at_once = open_network(models[0], None, THREADS, 200)
    assert layer == "relu_2"
    assert at_once == images_at_once(logits, 200) > 1
    assert open_network(models[0], None, THREADS, 1e-6)[2] == 1
    assert logits.output_shape == (None, 2)
    assert open_network(models[0], "relu_1", THREADS, 200)[1] == "relu_1"
    with pytest.raises(UserError, match="relu_9 is no layer of this network"):
        open_network(models[0], "relu_9", THREADS, 200)


def test_probabilities_are_those_of_the_network_in_any_batches(models):
    inputs = read_inputs(IMAGES, np.arange(7), 16)
    expected = keras.models.load_model(models[0]).predict(inputs, verbose=0)[:, 0]
    assert np.ptp(expected) > 0.01
    logits, *_ = open_network(models[0], None, THREADS, 200)
    for batch in (32, 3):
        found = probabilities(logits, inputs, batch)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, np.stack([1 - expected, expected], axis=1), atol=1e-6)


def test_weights_make_a_network_the_other_one(models):
    logits, *_ = open_network(models[0], None, THREADS, 200)
    inputs = read_inputs(IMAGES, np.arange(7), 16)
    before = probabilities(logits, inputs)
    logits.set_weights(read_weights(models[1]))
    expected = keras.models.load_model(models[1]).predict(inputs, verbose=0)[:, 0]
    assert np.abs(before[:, 1] - expected).max() > 0.01
    np.testing.assert_allclose(probabilities(logits, inputs)[:, 1], expected, atol=1e-6)


def test_inputs_are_the_rows_asked_for_at_the_networks_size():
    inputs = read_inputs(IMAGES, np.array([4, 1]), 16)
    assert (inputs.shape, inputs.dtype) == ((2, 16, 16, 1), np.float32)
    for row, image in zip((4, 1), inputs, strict=True):
        np.testing.assert_array_equal(image[..., 0], reduce_image(IMAGES[row], 16))


@pytest.mark.parametrize("target", ["effusion", "predicted"])
def test_cases_are_inputs_with_their_targets(target, models, tmp_path):
    np.save(tmp_path / "images.npy", IMAGES)
    logits, *_ = open_network(models[0], None, THREADS, 200)
    inputs, targets = read_cases(logits, tmp_path / "images.npy", np.array([5, 0, 3]), target, 2)
    np.testing.assert_array_equal(inputs, read_inputs(IMAGES, np.array([5, 0, 3]), 16))
    expected = resolve_targets(target, probabilities(logits, inputs)[:, 1])
    np.testing.assert_array_equal(targets, expected)


def test_targets():
    effusion = np.array([0.2, 0.5, 0.9])
    assert list(resolve_targets("effusion", effusion)) == [1, 1, 1]
    assert list(resolve_targets("normal", effusion)) == [0, 0, 0]
    assert list(resolve_targets("predicted", effusion)) == [0, 1, 1]


def test_maps_are_scaled_one_by_one():
    raw = np.stack([np.arange(4.0), np.ones(4), -7 * np.arange(4.0)]).reshape(3, 2, 2)
    maps, empty = mapped.scale_maps(raw.astype(np.float32), 8)
    assert (maps.shape, maps.dtype) == ((3, 8, 8), np.float32)
    assert list(empty) == [False, True, False]
    assert [(cam.min(), cam.max()) for cam in maps] == [(0, 1), (0, 0), (0, 1)]
    np.testing.assert_array_equal(maps[0], cams.scale(raw[0].astype(np.float32), 8)[0])
