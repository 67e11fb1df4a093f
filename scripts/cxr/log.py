"""A job's log: everything a script and its libraries print, and progress on the terminal."""

import contextlib
import fcntl
import gc
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from cxr.errors import UserError, explained_disk

_terminal = None


def say(message: str) -> None:
    """Print one line of progress to the job's log and to the terminal."""
    with contextlib.suppress(OSError):  # the disk of the log may be full, as the line may say
        print(message, flush=True)
    if _terminal is not None:
        print(message, file=_terminal, flush=True)


@contextlib.contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Send standard output and error of this process to the file `path` while a job runs.

    The redirection is one of file descriptors, so that what native code writes (TensorFlow,
    libpng) lands in the file too. Only `say` reaches the terminal as well.

    A `UserError` ends the process with status 1 and its message, here and there, and so does a disk
    that is full, read-only or broken. Any other exception leaves its traceback in the log and one
    line on the terminal, Ctrl-C just a word.

    A job whose Snakemake was killed works on. The same job of a new run waits for it here, since
    both write the same files.
    """
    global _terminal
    try:
        with explained_disk(path):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    except UserError as error:
        sys.exit(str(error))
    sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may be no text
    sys.stdout.flush()
    sys.stderr.flush()
    _wait_for_others(file, path)
    with contextlib.suppress(OSError):  # a device has no length
        os.ftruncate(file, 0)
    saved = os.dup(1), os.dup(2)
    os.dup2(file, 1)
    os.dup2(file, 2)
    failed = False
    with os.fdopen(os.dup(saved[1]), "w", errors="backslashreplace") as _terminal:
        try:
            with explained_disk("what this job writes"):
                yield
        except UserError as error:
            say(f"\n{error}\n")
            failed = True
        except KeyboardInterrupt:
            say("interrupted")
            failed = True
        except Exception as error:
            with contextlib.suppress(OSError):
                sys.stdout.flush()
                traceback.print_exc()
            say(f"{type(error).__name__}: {error} (where: {path})")
            failed = True
        finally:
            _terminal = None
            _flush()
            os.dup2(saved[0], 1)
            os.dup2(saved[1], 2)
            os.close(saved[0])
            os.close(saved[1])
            os.close(file)  # not before: closing it unlocks it
            gc.freeze()  # looking for garbage as the process ends would take a third of a second
    if failed:
        sys.exit(1)


def _flush() -> None:
    """Write out what was printed; what a full disk does not take is lost, with a UserError said."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()


def _wait_for_others(file: int, path: str | Path) -> None:
    """Lock an open file against other processes, child processes not included."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        print(f"{path}: a job of an earlier run still writes this; waiting", file=sys.stderr)
        fcntl.lockf(file, fcntl.LOCK_EX)
    except OSError:
        return  # a file system without locks
