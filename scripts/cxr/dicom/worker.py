"""Processes that read DICOM files, so that a hostile one costs no more than itself.

A damaged or hostile file can make a decoder loop, crash or ask for any amount of memory, and its
header is full of what must not reach a log. So files are read in processes that take the file's
bytes and give back grey values and facts, with limits on time and memory, no room to write a file
and nowhere to print. A process is used again and again until a file ends it; as many run as
threads call `read`. Bytes and JSON go between them, never pickles.
"""

import atexit
import json
import math
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cxr.errors import Unreadable, UserError

SECONDS = 20  # of processor time for a file
PATIENCE = 10  # times as many seconds may pass on a busy machine
MEMORY = 2**30  # bytes on top of what the process needs for itself; Linux alone keeps to it

_SERVE = "import sys; sys.path.insert(0, sys.argv[1]); from cxr.dicom import worker; worker.serve()"
_TOO_LONG = f"takes more than {SECONDS} s to decode: damaged, or not what it seems"
_TOO_LARGE = f"takes more than {MEMORY / 2**30:g} GiB of memory to decode"
_BROKEN = "damaged or of a rare kind: its decoder broke down"


class _Worker(NamedTuple):
    process: subprocess.Popen
    connection: Connection


_idle: list[_Worker] = []


def read(data: bytes) -> tuple[np.ndarray, dict[str, Any]]:
    """Return the grey values and facts of a DICOM file, see `cxr.dicom.reading.parse`.

    Args:
        data: the whole file.

    Raises:
        Unreadable: it cannot be used, or takes more time or memory than a file may.
        UserError: what it takes to read DICOM files is not installed.
    """
    worker = _take()
    try:
        worker.connection.send_bytes(data)
        if not worker.connection.poll(SECONDS * PATIENCE):
            raise TimeoutError
        answer = json.loads(worker.connection.recv_bytes())
        pixels = b"" if "reason" in answer else worker.connection.recv_bytes()
    except (EOFError, OSError) as error:  # a TimeoutError is an OSError
        raise Unreadable(_end(worker)) from error
    except BaseException:  # an answer to this file must not become that to the next
        _end(worker)
        raise
    _idle.append(worker)
    if "reason" in answer:
        raise Unreadable(answer["reason"])
    array = np.frombuffer(pixels, answer["type"]).reshape(answer["shape"])
    return array, answer["facts"]


def _take() -> _Worker:
    """An idle process, unless something has ended it meanwhile, or a new one."""
    while _idle:
        worker = _idle.pop()
        if worker.process.poll() is None:
            return worker
        worker.connection.close()
    return _start()


def _start() -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(Path(__file__).resolve().parents[2])],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # warnings quote the header
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    try:
        ours.recv_bytes()  # it is ready
    except EOFError as error:
        raise UserError(
            "The program that reads DICOM files does not start. Install what requirements.txt "
            "lists, and see what this says: python -c 'import imagecodecs, pydicom'"
        ) from error
    return _Worker(process, ours)


def _end(worker: _Worker) -> str:
    """End a process that has not answered, and say why it has not."""
    worker.connection.close()
    try:
        status = worker.process.wait(1)  # the pipe breaks a moment before the process is gone
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
        return _TOO_LONG
    return _TOO_LONG if status == -signal.SIGXCPU else _BROKEN


@atexit.register
def _end_all() -> None:
    while _idle:
        _end(_idle.pop())


def serve() -> None:
    """Read files from standard input, a pipe, until it closes: the work of a process."""
    from cxr.dicom.reading import parse  # pydicom takes half a second to import

    _confine()
    connection = Connection(os.dup(0))
    connection.send_bytes(b"ready")
    while True:
        try:
            data = connection.recv_bytes()
        except EOFError:
            return
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + SECONDS)
        try:
            pixels, facts = parse(data)
        except (Unreadable, MemoryError) as error:
            reason = _TOO_LARGE if isinstance(error, MemoryError) else str(error)
            connection.send_bytes(json.dumps({"reason": reason}).encode())
            continue
        answer = {"facts": facts, "type": pixels.dtype.name, "shape": pixels.shape}
        connection.send_bytes(json.dumps(answer).encode())
        connection.send_bytes(pixels.ravel())


def _confine() -> None:
    """Take away what reading a file does not need."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the job, whose end ends this
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        used = int(statistics.read_text().split()[0]) * resource.getpagesize()
        _limit(resource.RLIMIT_AS, used + MEMORY)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
