"""How many inputs the fuzzers try, from which seed, and how many there were. See README.md."""

import functools
import os
from collections import Counter
from collections.abc import Callable

import hypothesis
from hypothesis import HealthCheck, settings

ROUNDS = float(os.environ.get("FUZZ", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
tried: Counter[str] = Counter()  # inputs by test


def fuzz(inputs: int, at_once: int = 1) -> Callable:
    """A decorator for a test of hypothesis that tries `inputs`, times FUZZ, drawn from FUZZ_SEED.

    Where neither is set, the inputs are the same each time. A test that is fast beside what
    hypothesis needs to draw may try several inputs `at_once`.
    """

    def decorate(test: Callable) -> Callable:
        inner = test.hypothesis.inner_test

        @functools.wraps(inner)
        def counted(*args, **kwargs):
            tried[test.__name__] += at_once
            return inner(*args, **kwargs)

        test.hypothesis.inner_test = counted
        budget = settings(
            max_examples=max(1, round(inputs * ROUNDS / at_once)),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        return hypothesis.seed(SEED)(budget(test))

    return decorate
