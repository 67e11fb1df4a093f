"""Whether the images of a data set are good enough to go on with."""

import pandas as pd

from cxr.images import printable
from cxr.sources import CLASSES


def problems(images: pd.DataFrame, left_out: pd.Series, max_rejected: float) -> list[str]:
    """Return what stands against using a data set, in plain words; nothing if it is fine.

    Args:
        images: columns path, label, reason (empty if usable) and pixels (a digest).
        left_out: bool, the images that the config leaves out although they could be used.
        max_rejected: the largest share of unusable images of a class, 0 to 1.
    """
    found = []
    for name, label in CLASSES.items():
        of_class = images["label"] == label
        part = images[of_class & ~left_out]
        bad = part[part["reason"] != ""]
        if len(bad) > max_rejected * len(part):
            found.append(_too_many(name, part, bad, max_rejected))
        elif len(bad) == len(part):
            found.append(
                f"The class {name} has no usable image ({len(bad)} were rejected, "
                f"{(of_class & left_out).sum()} left out by image.exclude)."
            )
    usable = images[(images["label"] != "") & (images["reason"] == "")]
    shared = usable.groupby("pixels")["label"].transform("nunique") > 1
    pairs = [
        " = ".join(group.drop_duplicates("label")["path"])
        for _, group in usable[shared].groupby("pixels", sort=False)
    ]
    if pairs:
        found.append(
            f"Both classes hold the same content, {len(pairs):,} in all:\n"
            f"{_examples(pairs, 5)}\nDecide on a class for each and remove the other file."
        )
    return found


def _too_many(name: str, part: pd.DataFrame, bad: pd.DataFrame, allowed: float) -> str:
    reasons = [f"{path}: {why}" for path, why in zip(bad["path"], bad["reason"], strict=True)]
    return (
        f"{len(bad):,} of {len(part):,} images of the class {name} ({len(bad) / len(part):.1%}) "
        f"cannot be used; max_rejected allows {allowed:.1%}:\n{_examples(reasons, 3)}\n"
        "Mend or remove them, or raise max_rejected; the log lists them all."
    )


def _examples(lines: list[str], limit: int) -> str:
    shown = [f"  {printable(line)}" for line in lines[:limit]]
    if len(lines) > limit:
        shown.append(f"  and {len(lines) - limit:,} more")
    return "\n".join(shown)
