"""Whether there is something to predict, and a network of pleura's to predict it with."""

import os
import re
from pathlib import Path
from typing import Any

from cxr.config.problems import Problems
from cxr.config.wording import plain, show, show_name
from cxr.errors import UserError
from cxr.image_files import images_below
from cxr.model_file import read_facts


def check_prediction(settled: Any, root: Path, problems: Problems) -> None:
    """Add what is wrong with `input` and `model` to `problems`."""
    for key, look in (("input", _look_at_input), ("model", _look_at_model)):
        if not problems.sound((key,)) or settled[key] is None:
            continue
        path = os.path.normpath(root.absolute() / settled[key])
        if key == "model" and trained_here(os.path.relpath(path, root), settled):
            continue
        try:
            look(Path(path))
        except (UserError, ValueError) as error:  # ValueError: a NUL character
            problems.add((key,), f"found {show(settled[key])}; {plain(str(error))}")


def trained_here(model: str, config: dict[str, Any]) -> bool:
    """Whether a path, from the project's root, is that of a network which the workflow trains.

    Such a file need not exist yet, and does not while it is trained anew.
    """
    names = ("|".join(map(re.escape, config.get(key) or ())) for key in ("datasets", "experiments"))
    own = r"results/({})/({})/seed-\d+(/fold-\d+)?/model\.keras".format(*names)
    return bool(re.fullmatch(own, model))


def named_after(path: str) -> str:
    """A name, as `name` of the config may be, for what is predicted of a file or folder."""
    slug = re.sub("[^a-z0-9_]+", "-", Path(path).stem.lower()).strip("-_")
    return slug[:64] or "images"


def _look_at_input(path: Path) -> None:
    if not path.exists():
        raise UserError(f"there is no file or folder {show_name(str(path))}")
    try:
        if not any(images_below(path)):
            raise UserError(
                f"{show_name(str(path))} holds no image; put PNG, JPEG, TIFF, BMP or DICOM files "
                "there, or name another folder"
            )
    except OSError as error:
        raise UserError(
            f"{show_name(error.filename)} cannot be read ({error.strerror}); make it readable"
        ) from error


def _look_at_model(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"there is no file {show_name(str(path))}")
    read_facts(path)
