"""What the manifest knows: who the patient is, age, sex and view; and whose pixels these are."""

import hashlib

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
    named = patients.astype(object)
    unknown = np.flatnonzero(patients == "")
    named[unknown] = [f" image {row}" for row in unknown]
    return named


def images_checksum(manifest: pd.DataFrame) -> str:
    """One sha256 over the sorted checksums of all images: the same images, the same value."""
    return hashlib.sha256("\n".join(sorted(manifest["sha256"])).encode()).hexdigest()
