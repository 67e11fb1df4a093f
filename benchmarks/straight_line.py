"""The lesson's steps in one script, with the lesson's libraries: what pleura is measured against.

    python benchmarks/straight_line.py IMAGES [augment]

Reads the PNGs in IMAGES/effusion and IMAGES/normal; writes best.keras, curves.png and maps.png
into a temporary folder; prints `step<TAB>seconds` for each step after the imports, and the median
epoch of the training. It keeps nothing from one run to the next and measures no more than the
accuracy. As in the lesson: 256 pixels, the network of 54,627 parameters, Adam, 10 epochs of 15
batches of 32, the best by validation loss, then GradCAM++ and ScoreCAM of ten test images; with
`augment`, ImageDataGenerator turns, shifts, zooms and mirrors.

Two things differ from a notebook's cells, both in this script's favour or for a like comparison:
Keras 3 lets no `fit` on arrays take 15 of 16 batches in each epoch (every other epoch would be cut
short), so tf.data repeats them; and no window is drawn, only files.
"""

import itertools
import sys
import tempfile
import time
from pathlib import Path

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import layers
from keras.src.legacy.preprocessing.image import ImageDataGenerator
from matplotlib import pyplot as plt
from sklearn.model_selection import train_test_split
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
from tf_keras_vis.utils.scores import CategoricalScore

SIZE, BATCH, STEPS, EPOCHS = 256, 32, 15, 10
LAST = time.perf_counter()


def lap(step: str) -> None:
    """Say how long it took since the last one."""
    global LAST
    now = time.perf_counter()
    print(f"{step}\t{now - LAST:.3f}", flush=True)
    LAST = now


class Timer(keras.callbacks.Callback):
    """Seconds of each epoch, its validation included."""

    def on_train_begin(self, logs=None):
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self.started)


def read(path: Path) -> np.ndarray:
    """One image as the lesson prepares it."""
    image = cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE))
    return (image - np.mean(image)) / np.std(image)


def build() -> keras.Model:
    """The lesson's network."""
    shown = made = layers.Input((SIZE, SIZE, 1))
    kernels = zip([8, 8, 12, 12, 20, 20, 50], [3, 3, 3, 3, 5, 5, 5], strict=True)
    for number, (filters, kernel) in enumerate(kernels):
        made = layers.Conv2D(filters, kernel, padding="same", activation="relu")(made)
        if number < 6:
            made = layers.MaxPooling2D()(made)
    made = layers.GlobalAveragePooling2D()(made)
    made = layers.Dropout(0.6)(layers.Dense(128, activation="relu")(made))
    made = layers.Dense(32, activation="relu")(made)
    network = keras.Model(shown, layers.Dense(1, activation="sigmoid")(made))
    network.compile(keras.optimizers.Adam(), "binary_crossentropy", metrics=["accuracy"])
    return network


def batches(images, labels, augmented: bool):
    """Batches without end."""
    if not augmented:
        pairs = tf.data.Dataset.from_tensor_slices((images, labels))
        return pairs.shuffle(len(images), seed=42).repeat().batch(BATCH).prefetch(tf.data.AUTOTUNE)
    generator = ImageDataGenerator(
        rotation_range=20,
        width_shift_range=0.2,
        height_shift_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
    )
    flow = generator.flow(images, labels[:, None], batch_size=BATCH, seed=42)
    return (flow[number % (len(images) // BATCH)] for number in itertools.count())


def draw(history, images, labels, found, maps, folder: Path) -> None:
    """The lesson's last pictures: curves, and maps side by side."""
    figure, axes = plt.subplots(1, 2)
    for axis, key in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(history[key])
        axis.plot(history[f"val_{key}"])
    figure.savefig(folder / "curves.png")
    figure, axes = plt.subplots(len(images), 3, figsize=(9, 3 * len(images)))
    for row, image in enumerate(images):
        for axis, cam in zip(axes[row], (None, *(cams[row] for cams in maps)), strict=True):
            axis.imshow(image[..., 0], cmap="gray")
            axis.axis("off")
            if cam is not None:
                axis.imshow(cam, cmap="jet", alpha=0.5)
        axes[row, 0].set_title(f"{labels[row]} {found[row, 0]:.2f}")
    figure.savefig(folder / "maps.png")


def main(folder: Path, augmented: bool, output: Path) -> None:
    """All steps."""
    plt.switch_backend("agg")
    found = {name: sorted((folder / name).glob("*.png")) for name in ("effusion", "normal")}
    images = np.array([read(path) for paths in found.values() for path in paths], np.float32)
    labels = np.repeat([1, 0], [len(paths) for paths in found.values()])
    lap("preprocess")
    chance = {"test_size": 0.15, "random_state": 42}
    rest, tested, rest_labels, test_labels = train_test_split(images[..., None], labels, **chance)
    seen, validated, learnt, valid = train_test_split(rest, rest_labels, **chance)
    lap("split")
    keras.utils.set_random_seed(42)
    network, timer = build(), Timer()
    kept = keras.callbacks.ModelCheckpoint(output / "best.keras", save_best_only=True)
    history = network.fit(
        batches(seen, learnt, augmented),
        steps_per_epoch=STEPS,
        epochs=EPOCHS,
        validation_data=(validated, valid),
        callbacks=[kept, timer],
        verbose=0,
    ).history
    lap("train")
    network = keras.models.load_model(output / "best.keras")
    network.evaluate(tested, test_labels, verbose=0)
    lap("evaluate")
    ten, score = tested[:10], CategoricalScore([0] * 10)
    maps = [GradcamPlusPlus(network, ReplaceToLinear(), clone=True)(score, ten)]
    lap("gradcam++")
    maps.append(Scorecam(network, ReplaceToLinear(), clone=True)(score, ten))
    lap("scorecam")
    predicted = network.predict(ten, verbose=0)
    draw(history, ten, test_labels, predicted, maps, output)
    lap("figures")
    print(f"epoch\t{np.median(timer.seconds[1:]):.3f}", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(sys.argv[1]), "augment" in sys.argv[2:], Path(temporary))
