"""The activation functions of the lesson, as formulas and as a picture."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np

from cxr import plots

SLOPE = 0.2  # of the leaky ReLU below zero, as in Keras


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), between 0 and 1."""
    return 1 / (1 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    """x above zero, 0 below."""
    return np.maximum(x, 0)


def leaky_relu(x: np.ndarray) -> np.ndarray:
    """x above zero, a fifth of x below."""
    return np.where(x > 0, x, SLOPE * x)


Function = Callable[[np.ndarray], np.ndarray]
FUNCTIONS: dict[str, tuple[Function, str]] = {
    "sigmoid": (sigmoid, "1 / (1 + exp(-x))"),
    "tanh": (np.tanh, "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    "ReLU": (relu, "max(0, x)"),
    "leaky ReLU": (leaky_relu, f"x if x > 0, else {SLOPE} x"),
}


def draw_activations() -> plt.Figure:
    """Each function from -5 to 5, side by side."""
    figure, axes = plt.subplots(
        1, len(FUNCTIONS), figsize=(11, 3), layout="constrained", sharex=True
    )
    x = np.linspace(-5, 5, 501)
    for axis, (name, (function, formula)), colour in zip(
        axes, FUNCTIONS.items(), plots.SERIES, strict=False
    ):
        axis.axhline(0, color=plots.GREY, linewidth=0.8)
        axis.axvline(0, color=plots.GREY, linewidth=0.8)
        axis.plot(x, function(x), color=colour)
        axis.set_title(name)
        axis.set_xlabel(f"x\n{formula}", fontsize=9)
        axis.set_xticks([-5, 0, 5])
    axes[0].set_ylabel("output")
    axes[0].set_ylim(-0.1, 1.1)
    axes[1].set_ylim(-1.2, 1.2)
    return figure
