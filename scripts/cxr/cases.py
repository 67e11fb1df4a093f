"""Which images of a subset are looked at, where not all of them are."""

import pandas as pd


def in_turn(table: pd.DataFrame, subset: str, number: int) -> pd.DataFrame:
    """The first images of a subset, an effusion and a normal one in turn.

    Args:
        table: Every image, see `cxr.predictions.read_split`.
        subset: Its name.
        number: Of images; all of them if there are fewer.

    Returns:
        Their rows.
    """
    part = table[table["subset"] == subset]
    turn = part.groupby("label").cumcount()
    part = part.assign(turn=turn, last=1 - part["label"]).sort_values(["turn", "last"])
    return part.head(number).drop(columns=["turn", "last"])
