"""What the manifest may know of a patient: who it is, age, sex and view."""

import numpy as np
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


def one_each(patients: np.ndarray) -> np.ndarray:
    """Patients, str (n,), with an unknown one ("") in each of its images replaced by a new one."""
    single = np.array([f" image {row}" for row in range(len(patients))], dtype=object)
    return np.where(patients == "", single, patients)
