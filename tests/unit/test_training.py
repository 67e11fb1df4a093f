import keras
import numpy as np
import pytest
from sklearn.metrics import log_loss

from cxr.backend import fix_bits
from cxr.batches import TrainingBatches
from cxr.errors import UserError
from cxr.network import build_network
from cxr.training import fit, majority_accuracy, make_optimizer, move_average, predict

THREADS = 2
fix_bits(0, THREADS)  # TensorFlow takes the number of threads once, before its first operation

RECIPE = {
    "input_size": 16,
    "filters": [4, 6],
    "kernels": [3, 3],
    "batch_norm": True,
    "pooling": "max",
    "activation": "relu",
    "dense": [],
    "dropout": 0.3,
    "l2": 1e-4,
    "strides": None,
    "head": "average",
    "optimizer": "adamw",
    "learning_rate": 0.02,
    "weight_decay": 1e-4,
    "schedule": "cosine",
    "warmup": 0.1,
    "label_smoothing": 0.05,
    "mixup": 0.2,
    "batch_size": 8,
    "steps_per_epoch": None,
    "epochs": 2,
    "ema": 0.0,
    "keep": "last",
    "test_flip": False,
    "threads": THREADS,
    "precision": "float32",
    "augment": {"rotation": 10, "shift": 0.1, "flip": True},
}
PLAIN = RECIPE | {
    "batch_norm": False,
    "dropout": 0.0,
    "l2": 0.0,
    "optimizer": "sgd",
    "weight_decay": 0,
    "schedule": "constant",
    "label_smoothing": 0,
    "mixup": 0,
    "augment": {},
}


@pytest.fixture(scope="module")
def images():
    """Noise, (60, 32, 32); in odd rows a bright lower half."""
    array = np.random.default_rng(0).normal(size=(60, 32, 32)).astype(np.float32)
    array[1::2, 16:] += 1
    return array


def subset(first, last):
    rows = np.arange(first, last)
    return rows, rows % 2


TRAINING, VALIDATION = subset(0, 40), subset(40, 60)


def trained(images, seed=1, validation=VALIDATION, **changes):
    return fit(images, TRAINING, validation, PLAIN | changes, seed, "tiny")


def test_the_seed_fixes_the_first_weights():
    weights = []
    for seed in (1, 1, 2):
        fix_bits(seed, THREADS)
        weights.append(build_network(16, [4, 6], [3, 3]).get_weights()[0])
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_the_network_learns_and_forgets_its_optimiser(images, capsys):
    network, rows = trained(images, epochs=6, learning_rate=0.3, input_size=None)
    assert network.input_shape == (None, 32, 32, 1)
    assert rows[-1]["loss"] < rows[0]["loss"] / 2
    assert rows[-1]["val_accuracy"] > 0.8
    assert not getattr(network, "optimizer", None)

    columns = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [list(row) for row in rows] == [columns] * 6
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  loss")[0] for line in lines] == [
        f"tiny  epoch {i}/6" for i in range(1, 7)
    ]
    assert f"validation loss {rows[1]['val_loss']:.3f}" in lines[1]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_weights_kept_are_those_of_the_epoch_asked_for(images, capsys, keep):
    rows, labels = VALIDATION
    wrong = 1 - labels  # so that learning makes the loss worse, and the last epoch is not the best
    network, history = trained(images, 1, (rows, wrong), keep=keep, epochs=4, learning_rate=0.1)
    losses = [row["val_loss"] for row in history]
    assert min(losses) < 0.9 * losses[-1]
    expected = min(losses) if keep == "best" else losses[-1]
    np.testing.assert_allclose(log_loss(wrong, predict(network, images, rows)), expected, rtol=1e-4)
    starred = [line.endswith("*") for line in capsys.readouterr().out.splitlines()]
    falls = [loss < min([np.inf, *losses[:epoch]]) for epoch, loss in enumerate(losses)]
    assert starred == (falls if keep == "best" else [False] * 4)


def test_training_takes_the_batches_one_after_another_over_all_epochs(images):
    """The same weights as from a plain loop over all batches."""
    recipe = PLAIN | {"steps_per_epoch": 3, "epochs": 3, "learning_rate": 0.05}
    network, _ = fit(images, TRAINING, VALIDATION, recipe, 5, "tiny")

    fix_bits(5, THREADS)
    expected = build_network(16, [4, 6], [3, 3])
    expected.compile(optimizer=keras.optimizers.SGD(0.05, 0.9), loss="binary_crossentropy")
    batches = TrainingBatches(images, *TRAINING, 16, 8, 9, 5, {})
    for batch in range(9):
        expected.train_on_batch(*batches[batch])
    for one, two in zip(network.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-5)


def average_of_a_plain_loop(images, recipe, seed):
    """The running average of all weights over a whole run, without `fit`."""
    fix_bits(seed, THREADS)
    network = build_network(16, [4, 6], [3, 3], batch_norm=recipe["batch_norm"])
    network.compile(
        optimizer=keras.optimizers.SGD(recipe["learning_rate"], 0.9), loss="binary_crossentropy"
    )
    batches = TrainingBatches(images, *TRAINING, 16, 8, 5 * recipe["epochs"], seed, {})
    average = 0
    for batch in range(len(batches)):
        network.train_on_batch(*batches[batch])
        move = max(1 - recipe["ema"], 1 / (batch + 1))
        average = average + move * (np.array(network.get_weights(), dtype=object) - average)
    return average


def test_averaged_weights_are_kept_and_change_no_training(images):
    recipe = PLAIN | {"batch_norm": True, "learning_rate": 0.05, "epochs": 3, "ema": 0.8}
    network, _ = fit(images, TRAINING, VALIDATION, recipe, 5, "tiny")
    expected = average_of_a_plain_loop(images, recipe, 5)
    for one, two in zip(network.get_weights(), expected, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("keep", ["best", "last"])
def test_averaged_weights_are_the_ones_judged(images, keep):
    rows, labels = VALIDATION
    wrong = 1 - labels  # so that the best epoch is not the last
    changes = {"ema": 0.8, "keep": keep, "epochs": 4, "learning_rate": 0.1}
    network, history = trained(images, validation=(rows, wrong), **changes)
    losses = [row["val_loss"] for row in history]
    expected = min(losses) if keep == "best" else losses[-1]
    np.testing.assert_allclose(log_loss(wrong, predict(network, images, rows)), expected, rtol=1e-4)
    assert min(losses) < losses[-1]


def test_the_average_is_the_plain_mean_of_the_first_weights():
    rng = np.random.default_rng(1)
    seen = [[rng.normal(size=(2, 3)), rng.normal(size=4)] for _ in range(8)]
    average = None
    for step, weights in enumerate(seen, 1):
        average = move_average(average, weights, 0.75, step)
        if step <= 4:
            expected = [np.mean(values, axis=0) for values in zip(*seen[:step], strict=True)]
        else:
            expected = [0.75 * old + 0.25 * new for old, new in zip(expected, weights, strict=True)]
        for one, two in zip(average, expected, strict=True):
            np.testing.assert_allclose(one, two, atol=1e-12)


def test_predictions_of_both_views_are_their_mean(images):
    network = build_network(16, [4], [3])
    rows = np.arange(20)
    mirrored = np.ascontiguousarray(images[:, :, ::-1])
    plain, other = predict(network, images, rows), predict(network, mirrored, rows)
    both = predict(network, images, rows, flip=True)
    assert np.abs(plain - other).max() > 1e-3
    np.testing.assert_allclose(both, (plain + other) / 2, atol=1e-6)
    np.testing.assert_allclose(predict(network, mirrored, rows, flip=True), both, atol=1e-6)


@pytest.mark.parametrize(("steps", "batches"), [(None, 2 * 3), (5, 2 * 5)])
def test_one_epoch_sees_all_images_unless_told_otherwise(images, monkeypatch, steps, batches):
    class BuiltError(Exception):
        pass

    class Spy(TrainingBatches):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            raise BuiltError(len(self))

    monkeypatch.setattr("cxr.training.TrainingBatches", Spy)
    with pytest.raises(BuiltError) as built:
        trained(images, batch_size=16, steps_per_epoch=steps)
    assert built.value.args == (batches,)


def test_predictions_are_those_of_each_image_alone_in_the_order_of_the_rows(images):
    network = build_network(16, [4], [3])
    rows = np.array([7, 3, 59, 0] * 10)
    together = predict(network, images, rows)
    alone = [predict(network, images, rows[i : i + 1])[0] for i in range(4)]
    np.testing.assert_allclose(together, alone * 10, rtol=1e-5)
    assert together.dtype == np.float64


def test_divergence_is_said(images):
    with pytest.raises(UserError, match=r"tiny: training diverged.*epoch 1.*learning_rate"):
        trained(images, learning_rate=1e30)


def rates(steps=100, **changes):
    arguments = {"weight_decay": 0.0, "schedule": "cosine", "warmup": 0.1} | changes
    optimizer = make_optimizer("adamw", 0.003, steps=steps, **arguments)
    return np.array([float(optimizer._learning_rate(step)) for step in range(steps + 1)])


def test_cosine_climbs_in_a_line_and_falls_to_zero():
    rate = rates()
    np.testing.assert_allclose(rate[:11], np.linspace(0, 0.003, 11), atol=1e-9)
    assert rate.argmax() == 10
    falling = 0.003 * (1 + np.cos(np.pi * np.linspace(0, 1, 91))) / 2
    np.testing.assert_allclose(rate[10:], falling, atol=1e-8)


def test_cosine_without_warmup_starts_at_the_top():
    rate = rates(warmup=0)
    np.testing.assert_allclose(rate[[0, 50, 100]], [0.003, 0.0015, 0], atol=1e-9)


def test_a_constant_rate_stays():
    optimizer = make_optimizer("adam", 0.001, 0.0, "constant", 0.1, 100)
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.001)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("adamw", keras.optimizers.AdamW),
        ("sgd", keras.optimizers.SGD),
    ],
)
def test_optimisers_by_name(name, kind):
    optimizer = make_optimizer(name, 0.01, 0.1, "constant", 0, 10)
    assert type(optimizer) is kind
    assert optimizer.weight_decay == 0.1
    assert not make_optimizer(name, 0.01, 0.0, "constant", 0, 10).weight_decay


def test_accuracy_of_smoothed_labels_is_that_of_the_labels():
    labels = np.array([[0.05], [0.95], [0.95], [0.05]])
    probabilities = np.array([[0.4], [0.6], [0.4], [0.6]])
    told = np.asarray(majority_accuracy(labels, probabilities))[:, 0]
    np.testing.assert_array_equal(told, [1, 1, 0, 0])


def test_mixed_precision_trains_with_16_bits_and_predicts_with_32(images):
    network, history = trained(images, epochs=4)
    mixed, mixed_history = trained(images, epochs=4, precision="mixed_bfloat16")
    assert {weights.dtype for weights in mixed.weights} == {"float32"}
    assert {layer.compute_dtype for layer in mixed.layers} == {"float32"}
    losses, mixed_losses = ([row["loss"] for row in rows] for rows in (history, mixed_history))
    assert mixed_losses != losses
    np.testing.assert_allclose(mixed_losses, losses, rtol=0.05)
    first, second = (predict(model, images, VALIDATION[0]) for model in (network, mixed))
    np.testing.assert_allclose(first, second, atol=0.1)
    assert keras.config.dtype_policy().name == "float32"
