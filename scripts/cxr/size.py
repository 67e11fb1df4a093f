"""The size of a network."""

import re


def parameters(summary: str) -> int:
    """Number of weights of a network, from Keras' summary of it.

    Raises:
        ValueError: The text does not name them.
    """
    found = re.findall(r"^\s*(?:Trainable|Non-trainable) params: ([\d,]+)", summary, re.MULTILINE)
    if len(found) != 2:
        raise ValueError("no summary of a Keras model")
    return sum(int(number.replace(",", "")) for number in found)
