"""What Keras computes with, and how to make it compute the same bits again."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from cxr.errors import UserError


@contextmanager
def hidden(*packages: str) -> Iterator[None]:
    """Let an import do without packages that it can do without, unless they are there already."""
    absent = [name for name in packages if name not in sys.modules]
    sys.modules |= dict.fromkeys(absent)  # None stands for a package that is not installed
    yield
    for name in absent:
        del sys.modules[name]


def set_backend(name: str, gpus: int = 0) -> None:
    """Import Keras with a backend and what it computes on; nothing may have imported it before.

    Args:
        name: tensorflow, jax or torch.
        gpus: NVIDIA GPUs that the job was given. Without one it sees none: a backend takes
            nearly all memory of each that it sees, which another job may be using.

    Raises:
        UserError: The backend is not installed.
    """
    if find_spec(name) is None:
        raise UserError(
            f"backend: {name} is set in the config, but the package {name} is not installed. "
            f"Install it beside the lock (pip install {name}) or use backend: tensorflow."
        )
    os.environ["KERAS_BACKEND"] = name
    if not gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    gc.disable()  # looking for garbage would take a third of the time, and there is none
    with hidden("matplotlib", "sklearn"):  # for wrappers and plots of its own, another third
        import_module("keras")
    gc.freeze()
    gc.enable()


def fix_bits(seed: int, threads: int) -> None:
    """Make what follows repeatable: seeds, deterministic kernels, a fixed number of threads.

    With another number of threads a backend sums in another order, so `threads` is part of the
    recipe. Call it before anything else touches the backend.
    """
    import keras

    keras.utils.set_random_seed(seed)
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.experimental.enable_op_determinism()
        case "jax":
            os.environ["NPROC"] = str(threads)  # XLA has no other setting for it
        case "torch":
            import torch

            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(True)
