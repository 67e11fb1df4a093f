"""Words around numbers."""


def count(number: int, word: str) -> str:
    """A number of things: 1 image, 1,000 images."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
