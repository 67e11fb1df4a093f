"""Batches of images, read from the memory-mapped array as they are needed."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from cxr.augment import augment, mix
from cxr.parallel import in_order


def reduce_image(image: np.ndarray, size: int) -> np.ndarray:
    """Reduce a float32 (side, side) image to (size, size) by averaging areas."""
    if image.shape[0] == size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


class TrainingBatches(Sequence):
    """All batches of a training run, in order, each a pure function of its number.

    Images are taken in one random order after another. A batch that reaches the end of one
    order goes on with the next, so all batches are full and `steps` need not divide the number
    of images. As no batch depends on another, making them ahead cannot change the bits.

    Args:
        images: Memory-mapped float32 (N, side, side).
        rows: int (n,), the training images' rows.
        labels: int or float (n,), their labels, 0 or 1.
        input_size: Side of the network's input, pixels.
        batch_size: Images in a batch.
        batches: Batches of the whole run.
        seed: Seed of the order and of the augmentation.
        augmentation: Arguments of `cxr.augment.augment`.
        mixup: Parameter of `cxr.augment.mix`; 0 mixes nothing.
        label_smoothing: Labels become l * (1 - s) + s / 2 (Szegedy et al. 2016).
    """

    def __init__(
        self,
        images: np.ndarray,
        rows: np.ndarray,
        labels: np.ndarray,
        input_size: int,
        batch_size: int,
        batches: int,
        seed: int,
        augmentation: dict,
        mixup: float = 0.0,
        label_smoothing: float = 0.0,
    ):
        self.images = images
        self.rows = np.asarray(rows)
        self.labels = np.asarray(labels, dtype=np.float32)
        self.input_size = input_size
        self.batch_size = batch_size
        self.batches = batches
        self.seed = seed
        self.augmentation = augmentation
        self.mixup = mixup
        self.label_smoothing = label_smoothing

    def __len__(self) -> int:
        return self.batches

    def members(self, batch: int) -> np.ndarray:
        """Positions in `rows` of the images of a batch, int (batch_size,)."""
        count = len(self.rows)
        places = np.arange(batch * self.batch_size, (batch + 1) * self.batch_size)
        orders = {
            turn: np.random.default_rng([self.seed, 0, turn]).permutation(count)
            for turn in np.unique(places // count)
        }
        return np.array([orders[place // count][place % count] for place in places])

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, 1, batch])
        members = self.members(batch)
        images = np.stack(
            [
                augment(reduce_image(self.images[row], self.input_size), rng, **self.augmentation)
                for row in self.rows[members]
            ]
        )
        labels = self.labels[members]
        if self.mixup:
            images, labels = mix(images, labels, rng, self.mixup)
        labels = labels * (1 - self.label_smoothing) + self.label_smoothing / 2
        return images[..., np.newaxis], labels[:, np.newaxis]


class EvaluationBatches(Sequence):
    """Images in the order of `rows`, unchanged but for their reduction to `input_size`.

    Args as for `TrainingBatches`; `labels` None gives images alone, `flip` mirrors each of them
    left to right.
    """

    def __init__(
        self,
        images: np.ndarray,
        rows: np.ndarray,
        input_size: int,
        labels: np.ndarray | None = None,
        batch_size: int = 32,
        flip: bool = False,
    ):
        self.images = images
        self.rows = np.asarray(rows)
        self.labels = labels
        self.input_size = input_size
        self.batch_size = batch_size
        self.flip = flip

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, ...]:
        part = slice(batch * self.batch_size, (batch + 1) * self.batch_size)
        images = np.stack(
            [reduce_image(self.images[row], self.input_size) for row in self.rows[part]]
        )
        if self.flip:
            images = images[:, :, ::-1]
        if self.labels is None:
            return (images[..., np.newaxis],)
        return images[..., np.newaxis], np.asarray(self.labels[part], np.float32)[:, np.newaxis]


def made_ahead(batches: Sequence) -> Iterator:
    """Batches in order, the next ones being made by a thread while one is in use.

    It works where the backend's threads leave a gap: these wait for each other, so that one of them
    held up would hold up all. TensorFlow's own pipeline copies each batch twice and may take
    seconds to close.
    """
    numbers = range(len(batches))
    return in_order(batches.__getitem__, numbers, threads=1, part=1, ahead=4, aside=True)
