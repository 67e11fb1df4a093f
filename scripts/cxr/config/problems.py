"""The problems of a configuration, collected to be told all at once."""

from collections.abc import Iterable

from cxr.config.wording import Key, dotted
from cxr.errors import UserError


class Problems:
    """The problems found so far, by key."""

    def __init__(self) -> None:
        self._texts: dict[Key, str] = {}

    def add(self, key: Key, text: str) -> None:
        """Note a problem; the first one of a key stands."""
        self._texts.setdefault(key, text)

    def add_all(self, problems: Iterable[tuple[Key, str]]) -> None:
        """Note several problems."""
        for key, text in problems:
            self.add(key, text)

    def sound(self, *keys: Key) -> bool:
        """Whether nothing is wrong at these keys, above them or below them."""
        return not any(bad[: len(key)] == key[: len(bad)] for bad in self._texts for key in keys)

    def raise_if_any(self) -> None:
        """Raise one UserError with all problems, by key."""
        if not self._texts:
            return
        texts = sorted((dotted(key), text) for key, text in self._texts.items())
        lines = [f"  {key}: {text}" for key, text in texts]
        count = "a problem" if len(lines) == 1 else f"{len(lines)} problems"
        head = f"The configuration has {count} (docs/config.md describes every key):"
        raise UserError("\n".join([head, *lines]))
