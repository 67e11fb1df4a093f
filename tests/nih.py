"""The NIH release for tests: its label table and its part of the config."""

from pathlib import Path
from typing import Any

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)


def label_table(*rows: tuple[str, str, str, str]) -> str:
    """The text of Data_Entry_2017.csv.

    Args:
        rows: Name (the patient before an underscore), findings, age and view of each image.
    """
    return HEADER + "".join(
        f"{name}.png,{findings},0,{name.split('_')[0]},{age},F,{view},2500,2048,0.171,0.171,\n"
        for name, findings, age, view in rows
    )


def nih_set(folder: Path, **changes: Any) -> dict[str, Any]:
    """The config of a release in `folder`, defaults filled in."""
    return {
        "source": "nih",
        "images": str(folder / "images"),
        "archives": [],
        "which": None,
        "labels": str(folder / "Data_Entry_2017.csv"),
        "boxes": None,
        "train_val_list": None,
        "test_list": None,
        "positive": "Effusion",
        "negative": "No Finding",
        "min_age": None,
        "views": ["PA", "AP"],
        "per_class": None,
        "balanced": False,
        "seed": 42,
        **changes,
    }
