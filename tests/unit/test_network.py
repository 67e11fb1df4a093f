from pathlib import Path

import keras
import numpy as np
import pytest
import yaml

from cxr.network import build_network

CONFIG = yaml.safe_load(Path(__file__).parents[2].joinpath("config.yaml").read_text())
KEYS = ("filters", "kernels", "batch_norm", "dense", "dropout", "l2", "strides")


def from_config(experiment, input_size):
    recipe = CONFIG["experiments"][experiment]
    return build_network(input_size, **{key: recipe[key] for key in KEYS if key in recipe})


def test_the_lessons_network_layer_by_layer():
    network = from_config("lesson", 256)
    expected = [("InputLayer", (256, 256, 1), 0)]
    side, channels = 256, 1
    blocks = zip((8, 8, 12, 12, 20, 20, 50), (3, 3, 3, 3, 5, 5, 5), strict=True)
    for block, (width, kernel) in enumerate(blocks, start=1):
        shape = (side, side, width)
        expected += [("Conv2D", shape, (kernel**2 * channels + 1) * width)]
        expected += [("Activation", shape, 0)]
        if block < 7:
            side //= 2
            expected += [("MaxPooling2D", (side, side, width), 0)]
        channels = width
    expected += [
        ("GlobalAveragePooling2D", (50,), 0),
        ("Dense", (128,), 51 * 128),
        ("Dropout", (128,), 0),
        ("Dense", (32,), 129 * 32),
        ("Dense", (1,), 33),
    ]
    built = [
        (type(layer).__name__, layer.output.shape[1:], layer.count_params())
        for layer in network.layers
    ]
    assert built == expected
    assert network.count_params() == 54_627
    assert [size for _, _, size in built if size] == [
        *(80, 584, 876, 1308, 6020, 10_020, 25_050),
        *(6528, 4128, 33),
    ]


def test_the_lessons_settings():
    network = from_config("lesson", 256)
    convolutions = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {(layer.strides, layer.padding) for layer in convolutions} == {((1, 1), "same")}
    assert {layer.kernel_regularizer for layer in convolutions} == {None}
    activations = [getattr(layer, "activation", None) for layer in network.layers]
    assert activations.count(keras.activations.relu) == 7 + 2
    assert network.get_layer("dropout").rate == 0.6
    assert network.layers[-1].activation is keras.activations.sigmoid


def test_the_pleura_network_has_the_parameters_that_were_measured():
    network = from_config("pleura", 128)
    assert network.count_params() == 48_169
    blocks = ["Conv2D", "BatchNormalization", "Activation", "MaxPooling2D"] * 5
    kinds = [type(layer).__name__ for layer in network.layers]
    expected = [*blocks[:3], *blocks[4:-1]]  # no pooling behind the stride, nor at the end
    assert kinds == ["InputLayer", *expected, "GlobalAveragePooling2D", "Dropout", "Dense"]
    assert not any(network.get_layer(f"conv_{block}").use_bias for block in range(1, 6))
    assert network.get_layer("dropout").rate == 0.3
    np.testing.assert_allclose(network.get_layer("conv_1").kernel_regularizer.l2, 1e-4)


@pytest.mark.parametrize(
    ("pooling", "sides"), [("max", [32, 16, 8]), ("average", [32, 16, 8]), ("none", [32] * 3)]
)
def test_pooling_halves_the_sides_behind_each_block_but_the_last(pooling, sides):
    network = build_network(32, [2, 3, 4], [3, 5, 1], pooling=pooling)
    assert [network.get_layer(f"conv_{block}").output.shape[1] for block in (1, 2, 3)] == sides
    assert network.get_layer("global_average").output.shape == (None, 4)


def test_a_stride_takes_the_place_of_the_pooling():
    network = build_network(32, [2, 3, 4, 5], [3, 5, 1, 3], strides=[2, 1, 4, 1])
    sides = [network.get_layer(f"conv_{block}").output.shape[1] for block in (1, 2, 3, 4)]
    assert sides == [16, 16, 2, 2]
    poolings = [layer.name for layer in network.layers if layer.name.startswith("pool_")]
    assert poolings == ["pool_2"]
    assert network.get_layer("conv_1").strides == (2, 2)


def test_a_stride_skips_places_and_changes_no_weights():
    networks = [build_network(9, [3], [3], strides=strides) for strides in (None, [2])]
    networks[1].set_weights(networks[0].get_weights())
    image = np.random.default_rng(0).normal(size=(1, 9, 9, 1)).astype(np.float32)
    all_places, every_second = (
        np.asarray(keras.Model(network.input, network.get_layer("conv_1").output)(image))
        for network in networks
    )
    np.testing.assert_allclose(every_second, all_places[:, ::2, ::2], atol=1e-6)


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pooling_takes_what_its_name_says(kind):
    network = build_network(4, [1, 1], [1, 1], pooling=kind)
    squares = keras.Model(network.get_layer("conv_1").output, network.get_layer("pool_1").output)
    image = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    expected = {"max": [[5, 7], [13, 15]], "average": [[2.5, 4.5], [10.5, 12.5]]}[kind]
    np.testing.assert_allclose(squares(image)[0, ..., 0], expected)


def test_the_head_takes_the_average_and_the_largest_of_each_channel():
    network = build_network(8, [3, 5], [3, 3], head="average_max", dense=[4])
    assert network.get_layer("dense_1").input.shape == (None, 10)
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 1)).astype(np.float32)
    outputs = [network.get_layer(name).output for name in ("relu_2", "global_average_max")]
    features, taken = map(np.asarray, keras.Model(network.input, outputs)(images))
    np.testing.assert_allclose(taken[:, :5], features.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(taken[:, 5:], features.max(axis=(1, 2)), rtol=1e-6)


def test_probabilities_and_activations():
    network = build_network(32, [4], [3], activation="elu", dense=[6, 5])
    assert network.get_layer("elu_1").activation is keras.activations.elu
    assert network.get_layer("dense_2").activation is keras.activations.elu
    images = np.random.default_rng(0).normal(size=(3, 32, 32, 1)).astype(np.float32)
    probabilities = np.asarray(network(images))
    assert probabilities.shape == (3, 1)
    assert probabilities.dtype == np.float32
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_dropout_stands_behind_the_first_dense_layer_or_before_the_output():
    def inputs(network):
        return network.get_layer("dropout").input.shape[1]

    assert inputs(build_network(8, [3], [3], dense=[6, 5], dropout=0.5)) == 6
    assert inputs(build_network(8, [3], [3], dropout=0.5)) == 3


def test_as_many_kernels_and_strides_as_filters():
    with pytest.raises(ValueError, match="shorter"):
        build_network(8, [3, 4], [3])
    with pytest.raises(ValueError, match="shorter"):
        build_network(8, [3, 4], [3, 3], strides=[1])
