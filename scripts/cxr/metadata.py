"""What the manifest may know of a patient: age, sex and view."""

import pandas as pd

COLUMNS = ("age", "sex", "view")


def telling(manifest: pd.DataFrame) -> list[str]:
    """Those of age, sex and view that are known of some image and differ between images.

    Args:
        manifest: With these columns as strings, "" where unknown; unknown is a value of its own.
    """
    known = [name for name in COLUMNS if (manifest[name] != "").any()]
    return [name for name in known if manifest[name].nunique() > 1]


def ages(manifest: pd.DataFrame) -> pd.Series:
    """Age in years, float (n,), NaN where unknown."""
    return manifest["age"].replace("", "nan").astype(float)
