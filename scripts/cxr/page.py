"""Pages of HTML that hold their own style, scripts and data, and ask no one for anything."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader

OWN, BESIDE = "data:", "'self' file:"  # pictures within the page, or in a folder beside it


def render(
    template: Path,
    styles: list[Path],
    scripts: list[Path],
    title: str,
    data: dict[str, Any],
    pictures: str = OWN,
    worker: list[Path] = (),
) -> str:
    """The page of HTML, with every text of `data` as text.

    Args:
        template: For Jinja, which escapes what is not ours; it may include files beside it.
        styles: Of CSS, one after the other.
        scripts: Of JavaScript, in the order in which they run.
        title: Of the page.
        data: What the template and the scripts read, JSON.
        pictures: Where the page may take them from, `OWN` or `BESIDE`; its content security policy
            forbids all else, and other scripts and styles.
        worker: Of JavaScript that runs beside the page, in the order in which they run.
    """
    style = _joined(styles)
    program, work = (f'"use strict";\n{_joined(files)}' for files in (scripts, worker))
    policy = (
        f"default-src 'none'; img-src {pictures}; base-uri 'none'; form-action 'none'; "
        f"script-src '{_digest(program)}'; style-src '{_digest(style)}'"
        f"{'; worker-src blob:' if worker else ''}"
    )
    embedded = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    ours = {
        "policy": policy,
        "style": style,
        "embedded": embedded,
        "program": program,
        "work": work,
    }
    folder, name = Path(template).parent, Path(template).name
    layout = {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True}
    page = Environment(loader=FileSystemLoader(folder), **layout).get_template(name)
    return page.render(title=title, **ours, **data) + "\n"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table for a page: None where there is no value."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _joined(files: list[Path]) -> str:
    return "\n".join(Path(file).read_text(encoding="utf-8") for file in files)


def _digest(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
