import json
import zipfile

import numpy as np
import pytest

from asked import random_network
from cxr.errors import UserError
from cxr.weights import read_network

ACTIVATIONS = ["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid"]


@pytest.fixture
def model(tmp_path):
    def save(**architecture):
        network = random_network(16, **architecture)
        network.save(tmp_path / "model.keras")
        return network, tmp_path / "model.keras"

    return save


def test_kernels_biases_and_settings_are_those_of_the_network(model):
    network, path = model(
        filters=[3, 4, 5], kernels=[3, 5, 1], strides=[2, 1, 1], pooling="average", dense=[6]
    )
    found = read_network(path)
    assert (found.side, found.head) == (16, "average")
    assert [layer.stride for layer in found.convolutions] == [2, 1, 1]
    assert [layer.pooling for layer in found.convolutions] == ["none", "average", "none"]
    names = ["conv_1", "conv_2", "conv_3", "dense_1", "probability"]
    for layer, name in zip([*found.convolutions, *found.dense], names, strict=True):
        for array, same in zip(
            (layer.kernel, layer.bias), network.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(array, same)
    assert [layer.activation for layer in found.dense] == ["relu", "sigmoid"]


def test_batch_normalisation_becomes_part_of_the_convolution(model):
    network, path = model(filters=[3], kernels=[3], batch_norm=True)
    layer = read_network(path).convolutions[0]
    patch = np.random.default_rng(1).normal(size=(1, 16, 16, 1)).astype(np.float32)
    whole = network.get_layer("norm_1")(network.get_layer("conv_1")(patch), training=False)
    one = (patch[0, 4:7, 7:10, :, np.newaxis] * layer.kernel).sum(axis=(0, 1, 2)) + layer.bias
    np.testing.assert_allclose(one, np.asarray(whole)[0, 5, 8], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_of_the_config_is_named(model, activation):
    _, path = model(filters=[2], kernels=[3], activation=activation, dense=[3])
    found = read_network(path)
    assert found.convolutions[0].activation == found.dense[0].activation == activation


def test_the_head_with_the_largest_values_is_known(model):
    _, path = model(filters=[2], kernels=[3], head="average_max")
    assert read_network(path).head == "average_max"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 and no more"])
def test_a_file_that_is_no_model_is_named(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.keras is damaged or no network of pleura's"):
        read_network(path)


def test_a_model_without_its_weights_is_named(model, tmp_path):
    _, path = model(filters=[2], kernels=[3])
    with zipfile.ZipFile(path) as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(tmp_path / "half.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(json.loads(config)))
    with pytest.raises(UserError, match="damaged"):
        read_network(tmp_path / "half.keras")
