"""The convolutional network: one builder for the lesson's architecture and for ours."""

import keras
from keras import layers


def build_network(
    input_size: int,
    filters: list[int],
    kernels: list[int],
    batch_norm: bool = False,
    pooling: str = "max",
    activation: str = "relu",
    dense: list[int] = (),
    dropout: float = 0.0,
    l2: float = 0.0,
    strides: list[int] | None = None,
    head: str = "average",
) -> keras.Model:
    """Build a binary classifier of grey images.

    Each block is a convolution with "same" padding, batch normalisation if asked for (the
    convolution then has no bias), the activation and, in every block but the last, a pooling
    that halves the sides, unless the convolution's stride does so already. The average of
    each channel, the dense layers and one sigmoid follow. Dropout stands behind the first dense
    layer or, where there is none, before the sigmoid.

    With 256-pixel images, filters 8, 8, 12, 12, 20, 20, 50, kernels 3, 3, 3, 3, 5, 5, 5, dense
    layers of 128 and 32 units and dropout 0.6, this is the network of the Carpentries lesson
    "Introduction to artificial neural networks in Python", with 54,627 parameters.

    Args:
        input_size: Side of the input, pixels.
        filters: Channels of each convolution.
        kernels: Side of each convolution's kernel, pixels; as many as filters.
        batch_norm: Normalise each convolution's output over the batch (Ioffe and Szegedy 2015).
        pooling: "max", "average" or "none", in windows of 2x2 pixels.
        activation: A Keras activation by name.
        dense: Units of each dense layer before the output.
        dropout: Share of units dropped in training.
        l2: Weight of the squared norm of the kernels in the loss.
        strides: Step of each convolution's kernel, pixels; as many as filters. None is 1 for
            each. Behind a step above 1 there is no pooling.
        head: What is taken of each channel of the last convolution: its "average", or
            "average_max", its average and its largest value, one behind the other.

    Returns:
        A model from float32 (n, input_size, input_size, 1) to the probability of an effusion,
        float32 (n, 1). Convolutions are named conv_1, conv_2, ...
    """
    inputs = keras.Input((input_size, input_size, 1), name="image")
    x = inputs
    convolutions = zip(filters, kernels, strides or [1] * len(filters), strict=True)
    for block, (width, kernel, stride) in enumerate(convolutions, start=1):
        x = layers.Conv2D(
            width,
            kernel,
            strides=stride,
            padding="same",
            use_bias=not batch_norm,
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            name=f"conv_{block}",
        )(x)
        if batch_norm:
            x = layers.BatchNormalization(name=f"norm_{block}")(x)
        x = layers.Activation(activation, name=f"{activation}_{block}")(x)
        if block < len(filters) and stride == 1:
            x = _pool(pooling, block)(x)
    x = _head(head, x)
    for number, units in enumerate(dense, start=1):
        x = layers.Dense(units, activation=activation, name=f"dense_{number}")(x)
        if number == 1:
            x = layers.Dropout(dropout, name="dropout")(x)
    if not dense:
        x = layers.Dropout(dropout, name="dropout")(x)
    # 16 bits would round a probability, and the loss of one near 0 or 1 even more
    outputs = layers.Dense(1, activation="sigmoid", dtype="float32", name="probability")(x)
    return keras.Model(inputs, outputs, name="network")


def _pool(pooling: str, block: int) -> layers.Layer:
    kinds = {
        "max": layers.MaxPooling2D,
        "average": layers.AveragePooling2D,
        "none": layers.Identity,
    }
    size = {} if pooling == "none" else {"pool_size": 2}
    return kinds[pooling](name=f"pool_{block}", **size)


def _head(kind: str, features: keras.KerasTensor) -> keras.KerasTensor:
    average = layers.GlobalAveragePooling2D(name="global_average")(features)
    if kind == "average":
        return average
    largest = layers.GlobalMaxPooling2D(name="global_max")(features)
    return layers.Concatenate(name="global_average_max")([average, largest])
