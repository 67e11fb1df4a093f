import keras
import numpy as np
import pytest

from cxr import layers
from cxr.network import build_network

LESSON = {
    "filters": [8, 8, 12, 12, 20, 20, 50],
    "kernels": [3, 3, 3, 3, 5, 5, 5],
    "dense": [128, 32],
    "dropout": 0.6,
}


def image(side):
    return np.random.default_rng(0).normal(size=(side, side)).astype(np.float32)


def test_the_blocks_of_the_lessons_network():
    blocks = layers.blocks(build_network(256, **LESSON))
    names = ["image", *(f"block {i}" for i in range(1, 8))]
    assert [block.name for block in blocks] == [
        *names,
        *("global average", "dense 1", "dense 2", "probability"),
    ]
    assert sum(block.parameters for block in blocks) == 54_627
    assert blocks[1] == layers.Block(
        "convolution", "block 1", "convolution 3 x 3, relu, max pooling 2 x 2", (128, 128, 8), 80
    )
    assert blocks[7].shape == (4, 4, 50)
    assert blocks[9].steps == "dense, relu, dropout 0.6"
    assert [block.kind for block in blocks[-4:]] == ["pooling", "dense", "dense", "output"]


@pytest.mark.parametrize(
    ("pooling", "words"), [("average", ", average pooling 2 x 2"), ("none", "")]
)
def test_normalisation_and_pooling_belong_to_their_convolution(pooling, words):
    network = build_network(
        32, [4, 6], [5, 3], batch_norm=True, pooling=pooling, activation="leaky_relu"
    )
    blocks = layers.blocks(network)
    kinds = [block.kind for block in blocks]
    assert kinds == ["input", "convolution", "convolution", "pooling", "output"]
    normalised = "convolution 5 x 5, batch normalisation, leaky_relu"
    assert blocks[1].steps == normalised + words
    assert sum(block.parameters for block in blocks) == network.count_params()


def test_a_step_and_the_largest_values_are_said():
    network = build_network(16, [4, 6], [5, 3], strides=[2, 1], head="average_max")
    blocks = layers.blocks(network)
    assert blocks[1].steps == "convolution 5 x 5, step 2, relu"
    assert blocks[1].shape == (8, 8, 4)
    assert blocks[3] == layers.Block(
        "pooling",
        "global average",
        "mean of each channel, largest value of each channel",
        (12,),
        0,
    )
    assert sum(block.parameters for block in blocks) == network.count_params()


def test_the_first_kernels_are_the_first_convolutions():
    network = build_network(16, [3, 4], [5, 3], batch_norm=True)
    kernels = layers.first_kernels(network)
    assert kernels.shape == (5, 5, 3)
    step = np.zeros((1, 16, 16, 1), np.float32)
    step[0, 8, 8] = 1
    first = keras.Model(network.inputs[0], network.get_layer("conv_1").output)
    answer = keras.ops.convert_to_numpy(first(step))[0, 6:11, 6:11]
    np.testing.assert_allclose(answer[::-1, ::-1], kernels, atol=1e-6)


@pytest.mark.parametrize("saved", [False, True])
def test_feature_maps_are_the_activations_that_vary_most(tmp_path, saved):
    network = build_network(32, [12, 4], [3, 3], batch_norm=True)
    if saved:  # Keras hands back other kinds of inputs and outputs then
        network.save(tmp_path / "model.keras")
        network = keras.models.load_model(tmp_path / "model.keras")
    features, probability = layers.feature_maps(network, image(32))
    assert [block.layer for block in features] == ["relu_1", "relu_2"]
    assert [block.shape for block in features] == [(32, 32, 12), (16, 16, 4)]
    assert [len(block.maps) for block in features] == [layers.CHANNELS, 4]
    whole = keras.Model(network.inputs[0], network.get_layer("relu_1").output)
    output = keras.ops.convert_to_numpy(whole(image(32)[None, ..., None]))[0]
    spread = output.std(axis=(0, 1))
    first = features[0]
    assert spread[first.channels].min() >= np.delete(spread, first.channels).max()
    assert [*first.channels] == sorted(first.channels)
    np.testing.assert_allclose(first.maps, np.moveaxis(output, -1, 0)[first.channels], atol=1e-6)
    assert min(block.maps.min() for block in features) >= 0
    expected = network.predict(image(32)[None, ..., None], verbose=0)[0, 0]
    assert probability == pytest.approx(expected, abs=1e-5)


def test_large_maps_are_reduced():
    features, _ = layers.feature_maps(build_network(400, [2, 2], [1, 1]), image(400))
    assert features[0].shape == (400, 400, 2)
    assert features[0].maps.shape == (2, layers.SHOWN, layers.SHOWN)
