"""Keys that stand twice in a file: YAML and JSON keep the last one without a word."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from cxr.config.wording import Key


def repeats(file: Path) -> Iterator[tuple[Key, str]]:
    """Yield key and text for each key that stands more than once in a section of a file."""
    try:
        top = yaml.compose(Path(file).read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return  # Snakemake, which has read it, has its own words for that
    pending, seen = [((), top)], set()
    while pending:
        at, node = pending.pop()
        if not isinstance(node, yaml.CollectionNode) or node in seen:
            continue
        seen.add(node)  # aliases lead back to it
        if isinstance(node, yaml.MappingNode):
            yield from _repeats_in(node, at, file)
            pending += [((*at, key.value), value) for key, value in node.value]
        else:
            pending += [((*at, row), item) for row, item in enumerate(node.value)]


def _repeats_in(section: yaml.MappingNode, at: Key, file: Path) -> Iterator[tuple[Key, str]]:
    lines = {}
    for key, _ in section.value:
        if isinstance(key, yaml.ScalarNode):
            lines.setdefault(key.value, []).append(str(key.start_mark.line + 1))
    for key, found in lines.items():
        if len(found) > 1:
            text = f"stands in {Path(file).name} {len(found)} times, in the lines"
            yield (*at, key), f"{text} {', '.join(found)}: join them or rename one"
