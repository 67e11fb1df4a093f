import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import manifest
import preprocess as stage
import preprocess_gather
from cxr.errors import UserError
from cxr.images import prepare, read_grey
from xrays import write_folder


@pytest.fixture
def table(tmp_path, monkeypatch):
    """The manifest of a small project, with the project as current folder."""
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "xrays", effusion=4, normal=3)
    classes = {"effusion": "effusion", "normal": "normal"}
    manifest.manifest(
        dataset={"source": "folder", "path": "xrays", "classes": classes},
        name="mine",
        folder=tmp_path,
        root=tmp_path,
        max_rejected=0,
        min_size=32,
        exclude=[],
        key_file="pseudonyms.key",
        threads=2,
        manifest_csv="manifest.csv",
        rejected_csv="rejected.csv",
        boxes_csv="boxes.csv",
    )
    return pd.read_csv("manifest.csv")


def preprocess(shard=1, shards=1, size=32, resize="area", threads=2):
    path = f"{shard}-of-{shards}.npy"
    stage.preprocess("manifest.csv", path, size, resize, shard, shards, threads)
    return path


@given(rows=st.integers(0, 2000), shards=st.integers(1, 40))
def test_shards_are_numpys_contiguous_parts(rows, shards):
    expected = np.array_split(np.arange(rows), shards)
    for shard, part in enumerate(expected, start=1):
        assert list(stage.shard_rows(rows, shard, shards)) == list(part)


@pytest.mark.parametrize("resize", ["area", "bilinear"])
def test_rows_follow_the_manifest(table, resize):
    images = np.load(preprocess(resize=resize))
    assert images.shape == (7, 32, 32)
    assert images.dtype == np.float32
    for row, path in enumerate(table["path"]):
        np.testing.assert_array_equal(images[row], prepare(read_grey(path), 32, resize))
    np.testing.assert_allclose(images.mean(axis=(1, 2), dtype=np.float64), 0, atol=1e-5)
    np.testing.assert_allclose(images.std(axis=(1, 2), dtype=np.float64), 1, atol=1e-5)


@pytest.mark.parametrize("shards", [2, 3, 7, 9])  # 9: two of them have no rows
def test_shards_and_threads_give_the_same_bits(table, tmp_path, shards):
    preprocess_gather.gather([preprocess(threads=1)], "whole.npy")
    parts = [preprocess(shard, shards) for shard in range(1, shards + 1)]
    preprocess_gather.gather(parts, "joined.npy")
    whole = (tmp_path / "whole.npy").read_bytes()
    assert (tmp_path / "joined.npy").read_bytes() == whole
    assert (tmp_path / "1-of-1.npy").read_bytes() == whole


def test_an_image_that_changed_is_not_taken_for_the_old_one(table):
    Path(table["path"][1]).replace(table["path"][0])
    with pytest.raises(UserError, match=r"xrays/effusion/e0.png: its content has changed"):
        preprocess()


def test_an_image_that_vanished(table):
    Path(table["path"][2]).unlink()
    with pytest.raises(UserError, match=r"xrays/effusion/e2.png: file not found"):
        preprocess()


def test_contrast_that_is_lost_in_reduction(table, tmp_path):
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    cv2.imwrite("xrays/normal/n9.png", checks.astype(np.uint8))
    sha256 = hashlib.sha256((tmp_path / "xrays/normal/n9.png").read_bytes()).hexdigest()
    with pytest.raises(UserError, match=r"n9.png: no contrast at 32x32 pixels"):
        stage.prepare_file("xrays/normal/n9.png", sha256, 32, "area")


def test_speed_is_said(table, capsys):
    preprocess()
    assert "prepared 7 images in" in capsys.readouterr().out
