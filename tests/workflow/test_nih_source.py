"""The NIH release as published: archives of images, the label table, the official lists."""

import csv
import hashlib
import tarfile
from pathlib import Path

import cv2
import numpy as np

from nih import label_table
from tiny import configure, finish, plan
from xrays import draw

PATIENTS = 32  # of two images each, 16 in an archive; every fourth is a test patient


def write_release(folder: Path) -> dict[str, object]:
    """Write a release into `folder`, its images in two archives; return its part of the config."""
    random = np.random.default_rng(5)
    rows = []
    for patient in range(PATIENTS):
        effusion = patient % 8 < 4
        age = "4" if patient == 31 else "60"
        for visit in range(2):
            image = folder / f"archive{1 + patient // 16}/images/{patient:02}_{visit}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(image), draw(effusion, 64, random))
            rows.append((image.stem, "Mass|Effusion" if effusion else "No Finding", age, "PA"))
    (folder / "labels.csv").write_text(label_table(*rows))
    names = [f"{name}.png\n" for name, *_ in rows]
    tested = [int(name[:2]) % 4 == 0 for name in names]
    for file, chosen in (("test.txt", True), ("train_val.txt", False)):
        parts = (name for name, test in zip(names, tested, strict=True) if test == chosen)
        (folder / file).write_text("".join(parts))
    return {
        "source": "nih",
        "archives": [pack(folder / f"archive{number}") for number in (1, 2)],
        "labels": str(folder / "labels.csv"),
        "train_val_list": str(folder / "train_val.txt"),
        "test_list": str(folder / "test.txt"),
        "min_age": 18,
    }


def pack(folder: Path) -> dict[str, str]:
    """Pack a folder as the release does; the archive's address and checksum."""
    path = folder.with_suffix(".tar.gz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / "images", "images")
    return {"url": path.as_uri(), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_release_from_its_archives_with_the_official_split(fresh: Path, tmp_path: Path) -> None:
    release = write_release(tmp_path / "release")
    configure(fresh, {"dataset": "nih", "datasets": {"nih": release}})
    text = finish(fresh, "split")
    assert "labels.csv: 62 of 64 rows are used; the others are\n  2 younger than 18\n" in text
    manifest = read(fresh / "results/nih/manifest.csv")
    paths = {row["path"] for row in manifest}
    assert len(paths) == 62
    assert {"data/nih/images_001/00_0.png", "data/nih/images_002/16_1.png"} <= paths
    subsets = {row["id"]: row["subset"] for row in read(fresh / "results/nih/split.csv")}
    tested = {name for name, subset in subsets.items() if subset == "test"}
    assert tested == {f"{patient:02}_{visit}" for patient in range(0, 32, 4) for visit in (0, 1)}
    assert {"train", "validation"} < set(subsets.values())
    assert all(subsets[f"{name[:2]}_0"] == subsets[f"{name[:2]}_1"] for name in subsets)

    # what is asked of the table unpacks nothing again, another choice of archives does
    configure(fresh, {"datasets": {"nih": {"positive": ["Effusion", "Mass"]}}})
    assert {job.rule for job in plan(fresh, "manifest")} == {"manifest_images"}
    configure(fresh, {"datasets": {"nih": {"which": [2]}}})
    text = finish(fresh, "manifest")
    assert "images_001" not in str(read(fresh / "results/nih/manifest.csv"))
    assert "32 whose image is not in data/nih" in text


def test_as_many_jobs_for_many_images_as_for_few(fresh: Path, tmp_path: Path) -> None:
    jobs = []
    for count in (2, 200):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        rows = [(f"{n}_0", "Effusion" if n % 2 else "No Finding", "60", "PA") for n in range(count)]
        for name, *_ in rows:
            (folder / f"{name}.png").touch()
        (folder / "labels.csv").write_text(label_table(*rows))
        release = {"source": "nih", "images": str(folder), "labels": f"{folder}/labels.csv"}
        configure(fresh, {"dataset": "nih", "datasets": {"nih": release}})
        jobs.append(sorted(job.output for job in plan(fresh)))
    assert jobs[0] == jobs[1]
