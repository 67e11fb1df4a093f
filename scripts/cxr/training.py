"""One training run: optimiser, learning rate, epochs, and the weights that are kept."""

import time

import keras
import numpy as np

from cxr.backend import fix_bits
from cxr.batches import EvaluationBatches, TrainingBatches
from cxr.errors import UserError
from cxr.log import say
from cxr.network import build_network

ARCHITECTURE = (
    "filters",
    "kernels",
    "batch_norm",
    "pooling",
    "activation",
    "dense",
    "dropout",
    "l2",
    "strides",
    "head",
)


def majority_accuracy(labels, probabilities):
    """Share of images on the right side of 0.5, for labels that may be smoothed or mixed."""
    same = keras.ops.equal(labels > 0.5, probabilities > 0.5)
    return keras.ops.cast(same, "float32")


def make_optimizer(
    name: str,
    learning_rate: float,
    weight_decay: float,
    schedule: str,
    warmup: float,
    steps: int,
) -> keras.optimizers.Optimizer:
    """Build the optimiser with its learning rate over all `steps` of the run.

    "cosine" climbs in a line from 0 to `learning_rate` in the first `warmup` share of the
    steps and falls to 0 as half a cosine (Loshchilov and Hutter, SGDR, ICLR 2017).
    """
    rate = learning_rate
    if schedule == "cosine":
        rising = round(warmup * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0 if rising else learning_rate,
            decay_steps=max(1, steps - rising),
            warmup_target=learning_rate if rising else None,
            warmup_steps=rising,
        )
    if name == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=weight_decay)
    if name == "sgd":
        return keras.optimizers.SGD(rate, momentum=0.9, weight_decay=weight_decay or None)
    return keras.optimizers.Adam(rate, weight_decay=weight_decay or None)


def diverged(name: str, epoch: int) -> UserError:
    """What to tell the user of a run whose loss is no number any more."""
    return UserError(
        f"{name}: training diverged, the loss of epoch {epoch} is no number. "
        "Lower the experiment's learning_rate in the config."
    )


def copy_weights(network: keras.Model) -> list[np.ndarray]:
    """All weights of a network, batch normalisation's running averages among them."""
    return [np.array(weights) for weights in network.get_weights()]  # PyTorch would share memory


class AveragedWeights(keras.callbacks.Callback):
    """Judge and keep a running average of the weights; go on training from the weights themselves.

    The average is the plain mean over the first 1 / (1 - momentum) steps; then each step moves it
    by 1 - momentum towards the weights (Polyak and Juditsky, SIAM J. Control Optim. 30, 1992;
    Tarvainen and Valpola, NeurIPS 2017, from whose code the beginning is). The running averages of
    batch normalisation are averaged with the rest.

    Args:
        momentum: Share of the average that a step keeps, 0 to below 1.
    """

    def __init__(self, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.steps = 0
        self.average = None
        self.own = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.own is not None:
            self.model.set_weights(self.own)

    def on_train_batch_end(self, batch, logs=None):
        weights = copy_weights(self.model)
        self.steps += 1
        move = max(1 - self.momentum, 1 / self.steps)
        self.average = [
            old + move * (new - old)
            for old, new in zip(self.average or weights, weights, strict=True)
        ]

    def on_test_begin(self, logs=None):
        self.own = copy_weights(self.model)
        self.model.set_weights(self.average)


class Progress(keras.callbacks.Callback):
    """One line per epoch, the history's rows, and the weights of the best epoch."""

    def __init__(self, name: str, epochs: int, keep: str):
        super().__init__()
        self.name = name
        self.epochs = epochs
        self.keep = keep
        self.rows = []
        self.best = np.inf
        self.weights = None

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        seconds = time.perf_counter() - self.started
        row = {"epoch": epoch + 1}
        row |= {key: logs[key] for key in ("loss", "accuracy", "val_loss", "val_accuracy")}
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise diverged(self.name, epoch + 1)
        self.rows.append(row | {"seconds": round(seconds, 3)})
        better = self.keep == "best" and row["val_loss"] < self.best
        if better:
            self.best = row["val_loss"]
            self.weights = copy_weights(self.model)
        say(
            f"{self.name}  epoch {epoch + 1:>{len(str(self.epochs))}}/{self.epochs}"
            f"  loss {row['loss']:.3f}  accuracy {row['accuracy']:.2f}"
            f"  validation loss {row['val_loss']:.3f}  accuracy {row['val_accuracy']:.2f}"
            f"  {seconds:.1f} s{'  *' if better else ''}"
        )


def fit(
    images: np.ndarray,
    training: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    recipe: dict,
    seed: int,
    name: str,
) -> tuple[keras.Model, list[dict]]:
    """Train one network after a recipe.

    Args:
        images: Memory-mapped float32 (N, side, side), each of mean 0 and standard deviation 1.
        training: Rows, int (n,), and labels, 0 or 1, (n,).
        validation: The same for the validation subset.
        recipe: An experiment of the config, with all its keys.
        seed: Seed of the weights, the order and the augmentation.
        name: What the progress lines begin with.

    Returns:
        The network without its optimiser, and the history as rows of epoch, loss, accuracy,
        val_loss, val_accuracy, seconds.

    Raises:
        UserError: The loss is infinite or NaN.
    """
    fix_bits(seed, recipe["threads"])
    size = recipe["input_size"] or images.shape[1]
    rows, labels = training
    steps = recipe["steps_per_epoch"] or -(-len(rows) // recipe["batch_size"])
    network = build_network(size, **{key: recipe[key] for key in ARCHITECTURE})
    network.compile(
        optimizer=make_optimizer(
            recipe["optimizer"],
            recipe["learning_rate"],
            recipe["weight_decay"],
            recipe["schedule"],
            recipe["warmup"],
            steps * recipe["epochs"],
        ),
        loss="binary_crossentropy",
        metrics=[keras.metrics.MeanMetricWrapper(majority_accuracy, name="accuracy")],
    )
    progress = Progress(name, recipe["epochs"], recipe["keep"])
    averaging = [AveragedWeights(recipe["ema"])] if recipe["ema"] else []
    batches = TrainingBatches(
        images,
        rows,
        labels,
        size,
        recipe["batch_size"],
        steps * recipe["epochs"],
        seed,
        recipe["augment"],
        recipe["mixup"],
        recipe["label_smoothing"],
    )
    try:
        network.fit(
            batches,
            validation_data=EvaluationBatches(images, validation[0], size, validation[1]),
            steps_per_epoch=steps,
            epochs=recipe["epochs"],
            callbacks=[*averaging, progress],  # in this order: progress keeps what was judged
            shuffle=False,  # Keras would take the batches of the whole run in any order
            verbose=0,
        )
    except RuntimeError as error:
        if "between 0 and 1" in str(error):  # PyTorch computes no loss of what is no number
            raise diverged(name, len(progress.rows) + 1) from error
        raise
    if progress.weights is not None:
        network.set_weights(progress.weights)
    return keras.Model(network.inputs, network.outputs, name=network.name), progress.rows


def predict(
    network: keras.Model, images: np.ndarray, rows: np.ndarray, flip: bool = False
) -> np.ndarray:
    """Probability of an effusion for each of `rows`, float64 (n,), 0 to 1.

    Args:
        network: See `cxr.network.build_network`.
        images: Memory-mapped float32 (N, side, side).
        rows: int (n,), the images to predict.
        flip: Whether the probability is the mean over the image and its mirror image, left and
            right swapped.
    """
    size = network.input_shape[1]
    views = [EvaluationBatches(images, rows, size, flip=view) for view in (False, True)[: 1 + flip]]
    found = [network.predict(view, verbose=0)[:, 0].astype(np.float64) for view in views]
    return np.mean(found, axis=0)


def features_of(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """The average of each channel of the last convolution, float32 (N, channels).

    Args:
        network: See `cxr.network.build_network`.
        images: Memory-mapped float32 (N, side, side), all of which are seen.
    """
    pooled = keras.Model(network.input, network.get_layer("global_average").output)
    batches = EvaluationBatches(images, np.arange(len(images)), network.input_shape[1])
    return pooled.predict(batches, verbose=0)
