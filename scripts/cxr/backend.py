"""What Keras computes with, and how to make it compute the same bits again."""

import os
from importlib.util import find_spec

from cxr.errors import UserError


def set_backend(name: str) -> None:
    """Choose Keras' backend; must run before Keras is imported.

    Raises:
        UserError: The backend is not installed.
    """
    if find_spec(name) is None:
        raise UserError(
            f"backend: {name} is set in the config, but the package {name} is not installed. "
            f"Install it beside the lock (pip install {name}) or use backend: tensorflow."
        )
    os.environ["KERAS_BACKEND"] = name
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def fix_bits(seed: int, threads: int) -> None:
    """Make what follows repeatable: seeds, deterministic kernels, a fixed number of threads.

    TensorFlow sums in another order with another number of intra-op threads, so `threads` is
    part of the recipe. Call it before anything else touches the backend.
    """
    import keras

    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.experimental.enable_op_determinism()
