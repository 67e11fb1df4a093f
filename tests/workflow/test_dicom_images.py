"""DICOM files through the whole workflow: who the patients are, no result tells."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import uid

from cxr.tables import read_table
from dicoms import dicom
from tiny import configure, finish
from xrays import draw

PLANTED = {  # in every file, where a header has them
    "PatientName": "Zylberstejn^Quirina",
    "PatientBirthDate": "19371123",
    "PatientAddress": "Rue Oberkampf 7717",
    "OtherPatientIDs": "INSNR-55443322",
    "AccessionNumber": "ACC-90817263",
    "InstitutionName": "Hospital Xanthippe",
    "ReferringPhysicianName": "Wurzelbrunft^Ottokar",
    "StudyInstanceUID": "1.2.276.99.8181.1",
    "SeriesInstanceUID": "1.2.276.99.8181.2",
    "SOPInstanceUID": "1.2.276.99.8181.3",
    "StudyDate": "20190704",
    "StudyDescription": "Fall Kriminalrat",
    "SeriesDescription": "Vxnomen PA",
    "ImageComments": "calls herself Quappe",
    "DeviceSerialNumber": "SN-66554433",
    "StationName": "BUNKERZWO",
}
PATIENT = "MRN-7465{}-K"
SECRETS = [part for value in PLANTED.values() for part in value.split("^")] + ["MRN-7465"]
SYNTAXES = [uid.ExplicitVRLittleEndian, uid.JPEG2000Lossless, uid.JPEGLosslessSV1, uid.RLELossless]


def write(folder: Path, per_class: int) -> None:
    """Two X-rays of each patient, every fourth one damaged or lateral for `rejected.csv`."""
    random = np.random.default_rng(5)
    for name in ("effusion", "normal"):
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            header = PLANTED | {
                "PatientID": PATIENT.format(f"{name[0]}{i // 2}"),
                "PatientAge": f"0{30 + i}Y",
                "PatientSex": "MF"[i % 2],
                "ViewPosition": "LL" if i == 1 else "PA",
                "PhotometricInterpretation": "Quappe" if i == 0 else "MONOCHROME2",
            }
            pixels = draw(name == "effusion", 64, random)
            syntax = SYNTAXES[i % len(SYNTAXES)]
            (folder / name / f"{name[0]}{i}.dcm").write_bytes(dicom(pixels, syntax, **header))


def telling(root: Path) -> list[tuple[str, str]]:
    """Each file that a run has written, with what it tells of a patient."""
    key_file = root / "data/pseudonyms.key"
    words = [*SECRETS, key_file.read_text().strip()]
    written = [
        path for name in ("results", "data", ".snakemake") for path in (root / name).rglob("*")
    ]
    return [
        (str(path.relative_to(root)), word)
        for path in written
        if path.is_file() and path != key_file
        for word in words
        if word.encode() in path.read_bytes()
    ]


@pytest.mark.slow
def test_no_result_tells_who_the_patients_are(fresh: Path) -> None:
    write(fresh / "mine", 24)
    dataset = {"source": "folder", "path": "mine"}
    changes = {"dataset": "mine", "datasets": {"mine": dataset}, "max_rejected": 0.1}
    configure(fresh, changes | {"run": ["small"]})
    printed = finish(fresh, "all", "report")
    manifest = read_table(fresh / "results/mine/manifest.csv", "manifest")
    assert len(manifest) == 44
    assert manifest["patient"].nunique() == 22
    assert "2 rejected, 2 left out by image.exclude" in printed

    assert list((fresh / "results/mine").glob("*.html"))
    assert telling(fresh) == []
    assert not [word for word in SECRETS if word in printed]
