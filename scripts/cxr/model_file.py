"""What a model.keras of pleura says of itself, and what lies beside it.

A .keras file is a zip whose other members Keras ignores. One of ours, pleura.json, holds what
prediction needs to know: a model that is carried elsewhere prepares images as its training did.
`schemas/model.schema.yaml` describes it. The Snakefile imports this module: standard library only.
"""

import json
import re
import zipfile
from pathlib import Path
from typing import Any

from cxr.errors import UserError

MEMBER = "pleura.json"
FORMAT = 1


def write_facts(model: Path, facts: dict[str, Any]) -> None:
    """Add pleura.json to a model.keras, and take out the dates and addresses that Keras wrote.

    The same network and facts then give the same bits, and so the same checksum.
    """
    numbers: dict[str, str] = {}
    with zipfile.ZipFile(model) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members["metadata.json"]) | {"date_saved": ""}
    members["metadata.json"] = json.dumps(metadata).encode()
    members["config.json"] = re.sub(
        r'(?<="shared_object_id": )\d+',  # an address in memory
        lambda found: numbers.setdefault(found[0], str(len(numbers) + 1)),
        members["config.json"].decode(),
    ).encode()
    text = json.dumps({"format": FORMAT, **facts}, indent=1, allow_nan=False)
    members[MEMBER] = f"{text}\n".encode()
    with zipfile.ZipFile(model, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # of 1980


def read_facts(model: Path) -> dict[str, Any]:
    """What pleura stored in a model.keras, see `schemas/model.schema.yaml`.

    Raises:
        UserError: The file cannot be read, is no model of pleura's, or one of a later version.
    """
    try:
        with zipfile.ZipFile(model) as archive:
            facts = json.loads(archive.read(MEMBER))
            wanted = facts["format"]
    except OSError as error:
        raise UserError(f"{model} cannot be read: {error.strerror}. Mend the path.") from error
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{model} is no network that pleura trained: it does not say how its images were "
            "prepared. Name a model.keras of this version of pleura."
        ) from error
    if wanted != FORMAT:
        raise UserError(
            f"{model} was trained by another version of pleura (format {wanted}, here {FORMAT}). "
            "Predict with that version, or train again."
        )
    return facts


def read_threshold(metrics: Path, fold: int | None) -> float:
    """The probability from which on a network's images are called effusions.

    Args:
        metrics: metrics.json.
        fold: The network's fold; None without cross-validation.

    Raises:
        UserError: The file cannot be read or holds no threshold.
    """
    try:
        scores = json.loads(Path(metrics).read_text(encoding="utf-8"))
        return float(scores.get("thresholds", {}).get(str(fold), scores["threshold"]))
    except (OSError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{metrics} holds no threshold of a network of pleura's. Copy the file that lay beside "
            "the model, or remove it: then 0.5 is taken."
        ) from error


def metrics_of(model: str | Path) -> Path:
    """Where the metrics of a model.keras lie: beside it, or for a fold's network one folder up."""
    folder = Path(model).parent
    return (folder.parent if re.fullmatch(r"fold-\d+", folder.name) else folder) / "metrics.json"


def reference_of(model: str | Path) -> Path:
    """Where the reference of a model.keras lies: beside it."""
    return Path(model).with_name("reference.json")
