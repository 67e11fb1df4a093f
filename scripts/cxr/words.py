"""Words around numbers."""


def count(number: int, word: str) -> str:
    """A number of things: 1 image, 1,000 images."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def run_name(run: str) -> str:
    """A run by its folder, such as seed-42 or seed-42/fold-1, in words."""
    return run.replace("/", ", ").replace("-", " ")


def run_title(dataset: str, experiment: str, run: str) -> str:
    """What a figure about one run begins its title with."""
    return f"{dataset}, {experiment}, {run_name(run)}"


def mean_of_seeds(number: int) -> str:
    """What a value over so many seeds is, in words."""
    return "1 seed" if number == 1 else f"mean of {number} seeds"
