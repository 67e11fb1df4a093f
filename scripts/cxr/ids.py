"""The names that images go by in every table."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path


def unique_ids(paths: Iterable[str], classes: Iterable[str]) -> list[str]:
    """Return an id for each image: its file stem, with the class and a number where stems clash.

    Ids consist of A-Za-z0-9._- and differ in more than case, so that they can name files
    anywhere.
    """
    stems = [re.sub("[^A-Za-z0-9._-]", "_", Path(path).stem) for path in paths]
    counts = Counter(stem.lower() for stem in stems)
    taken = {stem for stem, number in counts.items() if number == 1}
    ids = []
    numbers = defaultdict(lambda: 1)  # the last one given: a stem may occur 100,000 times
    for stem, name in zip(stems, classes, strict=True):
        chosen = stem
        if counts[stem.lower()] > 1:
            first = chosen = f"{name}-{stem}"
            while chosen.lower() in taken:
                numbers[first.lower()] += 1
                chosen = f"{first}-{numbers[first.lower()]}"
            taken.add(chosen.lower())
        ids.append(chosen)
    return ids
