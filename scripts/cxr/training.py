"""One training run: optimiser, learning rate, epochs, and the weights that are kept."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from cxr.backend import fix_bits
from cxr.batches import EvaluationBatches, TrainingBatches, made_ahead
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


def diverged(name: str, epoch: int | None = None) -> UserError:
    """What to tell the user of a run whose loss is no number any more."""
    return UserError(
        f"{name}: training diverged, the loss{f' of epoch {epoch}' if epoch else ''} is no number. "
        "Lower the experiment's learning_rate in the config."
    )


def copy_weights(network: keras.Model) -> list[np.ndarray]:
    """All weights of a network, batch normalisation's running averages among them."""
    return [np.array(weights) for weights in network.get_weights()]  # PyTorch would share memory


def move_average(
    average: list[np.ndarray] | None, weights: list[np.ndarray], momentum: float, steps: int
) -> list[np.ndarray]:
    """Move a running average of the weights towards those after one more step.

    The average is the plain mean over the first 1 / (1 - momentum) steps; then each step moves it
    by 1 - momentum towards the weights (Polyak and Juditsky, SIAM J. Control Optim. 30, 1992;
    Tarvainen and Valpola, NeurIPS 2017, from whose code the beginning is). The running averages of
    batch normalisation are averaged with the rest.

    Args:
        average: The average so far; None before the first step.
        weights: All weights after the step, arrays of the same shapes.
        momentum: Share of the average that a step keeps, 0 to below 1.
        steps: How many steps that makes, from 1.
    """
    move = max(1 - momentum, 1 / steps)
    pairs = zip(average or weights, weights, strict=True)
    return [old + move * (new - old) for old, new in pairs]


def judge(network: keras.Model, batches: EvaluationBatches) -> dict[str, float]:
    """Loss and accuracy over all images of labelled batches."""
    logs, sizes = [], []
    for images, labels in made_ahead(batches):
        logs.append(network.test_on_batch(images, labels, return_dict=True))
        sizes.append(len(labels))
    return mean_logs(logs, sizes)


def mean_logs(logs: list[dict], sizes: list[int] | None = None) -> dict[str, float]:
    """The mean over batches of what Keras says of each, weighted by their sizes if these differ."""
    return {
        key: float(np.average([log[key] for log in logs], weights=sizes))
        for key in ("loss", "accuracy")
    }


def describe(name: str, row: dict, epochs: int, better: bool) -> str:
    """The progress line of an epoch, from its row of the history."""
    return (
        f"{name}  epoch {row['epoch']:>{len(str(epochs))}}/{epochs}"
        f"  loss {row['loss']:.3f}  accuracy {row['accuracy']:.2f}"
        f"  validation loss {row['val_loss']:.3f}  accuracy {row['val_accuracy']:.2f}"
        f"  {row['seconds']:.1f} s{'  *' if better else ''}"
    )


def run_epochs(
    network: keras.Model,
    batches: TrainingBatches,
    validation: EvaluationBatches,
    epochs: int,
    ema: float,
    keep: str,
    name: str,
) -> list[dict]:
    """Train a compiled network, and leave it with the weights to keep.

    Args:
        network: See `fit`.
        batches: Those of all epochs, as many in each.
        validation: What each epoch is judged by.
        epochs: Their number.
        ema: Momentum of the running average that is judged and kept instead of the weights
            themselves, from which training goes on; 0 for none.
        keep: "best" for the epoch with the least validation loss, "last" for the last.
        name: What the progress lines begin with.

    Returns:
        The history, see `fit`.

    Raises:
        UserError: The loss is infinite or NaN.
    """
    network.optimizer.build(network.trainable_variables)  # or the first step would be traced twice
    made, steps = made_ahead(batches), len(batches) // epochs
    average, best, kept, history = None, np.inf, None, []
    for epoch in range(epochs):
        started, logs = time.perf_counter(), []
        for step in range(steps):
            logs.append(network.train_on_batch(*next(made), return_dict=True))
            if ema:
                done = epoch * steps + step + 1
                average = move_average(average, copy_weights(network), ema, done)
        if ema:
            own = copy_weights(network)
            network.set_weights(average)
        judged = {f"val_{key}": value for key, value in judge(network, validation).items()}
        row = {"epoch": epoch + 1} | mean_logs(logs) | judged
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise diverged(name, epoch + 1)
        history.append(row | {"seconds": round(time.perf_counter() - started, 3)})
        better = keep == "best" and row["val_loss"] < best
        if better:
            best, kept = row["val_loss"], copy_weights(network)
        say(describe(name, history[-1], epochs, better))
        if ema and epoch + 1 < epochs:
            network.set_weights(own)
    if kept is not None:
        network.set_weights(kept)
    return history


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
        The network, in float32 and without its optimiser, and the history as rows of epoch, loss,
        accuracy, val_loss, val_accuracy, seconds.

    Raises:
        UserError: The loss is infinite or NaN.
    """
    fix_bits(seed, recipe["threads"])
    size = recipe["input_size"] or images.shape[1]
    rows, labels = training
    steps = recipe["steps_per_epoch"] or -(-len(rows) // recipe["batch_size"])
    architecture = {key: recipe[key] for key in ARCHITECTURE}
    with computing_with(recipe["precision"]):
        network = build_network(size, **architecture)
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
    judges = EvaluationBatches(images, validation[0], size, validation[1])
    try:
        history = run_epochs(
            network, batches, judges, recipe["epochs"], recipe["ema"], recipe["keep"], name
        )
    except RuntimeError as error:
        if "between 0 and 1" in str(error):  # PyTorch computes no loss of what is no number
            raise diverged(name) from error
        raise
    if recipe["precision"] != "float32":
        whole = build_network(size, **architecture)
        whole.set_weights(network.get_weights())
        return whole, history
    return keras.Model(network.inputs, network.outputs, name=network.name), history


@contextmanager
def computing_with(precision: str) -> Iterator[None]:
    """Let layers that are made compute with float32 or mixed_bfloat16 numbers.

    The latter keep float32 weights and compute with 16-bit copies of them (Micikevicius et al.,
    "Mixed Precision Training", ICLR 2018; bfloat16 has float32's range, so that no loss is scaled).
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


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
    found = [np.concatenate([*_outputs(network, view)])[:, 0] for view in views]
    return np.mean(found, axis=0, dtype=np.float64)


def write_features(network: keras.Model, images: np.ndarray, path: Path) -> None:
    """Write the average of each channel of the last convolution, float32 (N, channels).

    Args:
        network: See `cxr.network.build_network`.
        images: Memory-mapped float32 (N, side, side), all of which are seen.
        path: The .npy file, written batch by batch.
    """
    pooled = keras.Model(network.input, network.get_layer("global_average").output)
    batches = EvaluationBatches(images, np.arange(len(images)), network.input_shape[1])
    shape = (len(images), pooled.output_shape[1])
    features = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    done = 0
    for batch in _outputs(pooled, batches):
        features[done : done + len(batch)] = batch
        done += len(batch)
    features.flush()


def _outputs(network: keras.Model, batches: EvaluationBatches) -> Iterator[np.ndarray]:
    return (network.predict_on_batch(*batch) for batch in made_ahead(batches))
