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
            raise UserError(
                f"{self.name}: training diverged, the loss of epoch {epoch + 1} is no number. "
                "Lower the experiment's learning_rate in the config."
            )
        self.rows.append(row | {"seconds": round(seconds, 3)})
        better = self.keep == "best" and row["val_loss"] < self.best
        if better:
            self.best = row["val_loss"]
            self.weights = self.model.get_weights()
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
    network = build_network(
        size,
        **{key: recipe[key] for key in ARCHITECTURE},
    )
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
    network.fit(
        TrainingBatches(
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
        ),
        validation_data=EvaluationBatches(images, validation[0], size, validation[1]),
        steps_per_epoch=steps,
        epochs=recipe["epochs"],
        callbacks=[progress],
        shuffle=False,  # Keras would take the batches of the whole run in any order
        verbose=0,
    )
    if progress.weights is not None:
        network.set_weights(progress.weights)
    return keras.Model(network.inputs, network.outputs, name=network.name), progress.rows


def predict(network: keras.Model, images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probability of an effusion for each of `rows`, float64 (n,), 0 to 1."""
    batches = EvaluationBatches(images, rows, network.input_shape[1])
    return network.predict(batches, verbose=0)[:, 0].astype(np.float64)
