import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cxr.activations import FUNCTIONS, draw_activations

KERAS = {"sigmoid": "sigmoid", "tanh": "tanh", "ReLU": "relu", "leaky ReLU": "leaky_relu"}


@pytest.mark.parametrize("name", KERAS)
def test_the_functions_are_those_of_keras(name):
    x = np.linspace(-6, 6, 101, dtype=np.float32)
    function, _ = FUNCTIONS[name]
    expected = keras.ops.convert_to_numpy(keras.activations.get(KERAS[name])(x))
    np.testing.assert_allclose(function(x), expected, atol=1e-6)


def test_each_function_is_drawn_under_its_name():
    figure = draw_activations()
    assert [axis.get_title(loc="left") for axis in figure.axes] == list(FUNCTIONS)
    for axis, (function, formula) in zip(figure.axes, FUNCTIONS.values(), strict=True):
        x, y = axis.get_lines()[-1].get_data()
        np.testing.assert_array_equal(y, function(x))
        low, high = axis.get_ylim()
        assert low <= y.min()
        assert y.max() <= high
        assert formula in axis.get_xlabel()
    plt.close(figure)
