"""The same work on many things, by several threads."""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

import cv2

PART = 16


def in_order(
    function: Callable[[Any], Any],
    things: Iterable,
    threads: int,
    part: int = PART,
    ahead: int = 16,
    aside: bool = False,
) -> Iterator[Any]:
    """Yield `function(thing)` for each thing, in order, computed by threads.

    Args:
        things: What to work on; taken as they are needed.
        threads: Their number.
        part: Things handed to a thread at a time; one by one, that costs as much as a small thing.
        ahead: Parts whose results may wait, so that memory does not grow with the things.
        aside: Whether the threads leave the processor to others that want it, as far as the system
            (Linux) knows threads of different rank.
    """
    cv2.setNumThreads(1)  # its own threads would come on top of these
    waiting: deque[Future] = deque()
    things = iter(things)
    with ThreadPoolExecutor(threads, initializer=_step_aside if aside else None) as pool:
        while some := list(islice(things, part)):
            waiting.append(pool.submit(lambda some: [function(thing) for thing in some], some))
            if len(waiting) > ahead:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _step_aside() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
