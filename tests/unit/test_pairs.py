import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from cxr.images import natural, prepare
from cxr.likeness import candidates, describe, local_contrast
from cxr.pairs import SAME_PERSON, copies, find_pairs, kind_of, relation

SIDE = 96


def smooth(rng, scale):
    """A random field with structures of about `scale` pixels, deviation 1."""
    field = cv2.GaussianBlur(rng.standard_normal((SIDE, SIDE)).astype(np.float32), (0, 0), scale)
    return field / field.std()


@pytest.fixture(scope="module")
def chests():
    """40 pictures with a common coarse anatomy and fine details of their own, 8-bit."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE - 0.5
    lungs = -np.exp(-(((abs(x) - 0.22) / 0.12) ** 2) - (y / 0.3) ** 2) + 0.4 * (x > 0.05) * (y > 0)
    fields = [3 * lungs + 0.2 * smooth(rng, 1.5) + 0.1 * smooth(rng, 3) for _ in range(40)]
    return [np.uint8(np.interp(field, (field.min(), field.max()), (20, 235))) for field in fields]


def prepared(pictures):
    return np.array([prepare(np.ascontiguousarray(picture), SIDE, "area") for picture in pictures])


def table(count, patient=""):
    return pd.DataFrame(
        {"id": [f"i{row}" for row in range(count)], "patient": patient, "sha256": range(count)}
    ).astype({"sha256": str})


def scaled(picture, scale):
    matrix = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), 0, scale)
    return cv2.warpAffine(picture, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)


def jpeg(picture):
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 0)


VERSIONS = {
    "mirrored": lambda picture: picture[:, ::-1],
    "inverted": lambda picture: 255 - picture,
    "gamma": lambda picture: np.uint8((picture / 255) ** 0.6 * 255),
    "jpeg": jpeg,
    "scaled": lambda picture: scaled(picture, 1.1),
    "shifted": lambda picture: np.roll(picture, 3, axis=1),
}


@pytest.mark.parametrize("change", VERSIONS.values(), ids=VERSIONS)
def test_other_versions_of_a_picture_are_near_duplicates(chests, change):
    images = prepared([*chests, *(change(picture) for picture in chests[:6])])
    found = find_pairs(images, table(46))
    near = found[found["kind"] == "near-duplicate"]
    wanted = {(f"i{row}", f"i{row + 40}") for row in range(6)}
    assert set(zip(near["first"], near["second"], strict=True)) == wanted
    assert set(near["mirrored"]) == {int(change is VERSIONS["mirrored"])}


def test_pictures_of_their_own_are_no_duplicates(chests):
    assert find_pairs(prepared(chests), table(40)).empty


def test_copies_are_found_by_file_and_by_pixels():
    images = np.random.default_rng(0).standard_normal((5, 8, 8)).astype(np.float32)
    images[3] = images[0]
    assert copies(images, pd.Series(["a", "b", "b", "c", "a"])) == [(0, 3), (0, 4), (1, 2)]


def test_identical_pairs_are_reported_once_even_where_there_are_few_images():
    images = np.random.default_rng(0).standard_normal((4, 40, 40)).astype(np.float32)
    images[2] = images[1]
    found = find_pairs(images, table(4, ["p", "p", "q", ""]))
    assert found.values.tolist() == [["i1", "i2", "identical", 1.0, 1.0, 0, "different"]]


def test_a_copy_is_not_named_again_as_a_near_duplicate(chests):
    found = find_pairs(prepared([*chests, chests[3]]), table(41))
    assert found[["first", "second", "kind"]].values.tolist() == [["i3", "i40", "identical"]]


@pytest.mark.parametrize(
    ("correlation", "likeness", "mirror", "count", "expected"),
    [
        (0.95, 0.9, False, 10, "near-duplicate"),
        (0.95, 0.9, True, 10, "near-duplicate"),
        (0.8, 0.7, False, 1000, "same-person"),
        (0.8, 0.7, True, 1000, ""),
        (0.8, 0.7, False, 599, ""),
        (0.8, 0.57, False, 1000, "resembling"),
        (0.8, 0.5, False, 1000, ""),
    ],
)
def test_kinds_of_pairs(correlation, likeness, mirror, count, expected):
    assert kind_of(correlation, likeness, mirror, count) == expected


def test_what_is_known_of_the_patients():
    assert [relation(*ends) for ends in ("pp", "pq", ("", "p"), ("", ""))] == [
        "same",
        "different",
        "unknown",
        "unknown",
    ]


def test_candidates_are_the_nearest_whatever_the_block():
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((30, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    expected = {
        (row, other)
        for row in range(30)
        for other in np.argsort(-cosines[row])[:4]
        if cosines[row, other] > 0.3
    }
    for block in (7, 1000):
        found = candidates(vectors, vectors, 4, 0.3, threads=2, block=block)
        assert len(found) == len(expected)
        assert set(map(tuple, found.tolist())) == expected


def test_of_equally_near_candidates_the_first_are_taken():
    vectors = np.tile(np.float32([1, 0]), (12, 1))
    for block in (5, 1000):
        found = candidates(vectors, vectors, 2, 0.3, block=block)
        assert found[:6].tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]


def test_descriptions_leave_no_file(chests, tmp_path):
    describe(prepared(chests), scratch=tmp_path)
    assert not list(tmp_path.iterdir())


def test_exposure_hardly_counts(chests):
    image = prepared(chests[:1])[0]
    brighter = local_contrast(3 * image + 5, 3)
    assert np.corrcoef(brighter.ravel(), local_contrast(image, 3).ravel())[0, 1] > 0.98


def test_descriptions_are_the_same_again(chests):
    first, again = (describe(prepared(chests)) for _ in range(2))
    np.testing.assert_array_equal(first.vectors, again.vectors)
    np.testing.assert_allclose(np.linalg.norm(first.vectors, axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_the_same_persons_among_real_xrays_are_found(real):
    cv2.setNumThreads(1)
    with zipfile.ZipFile(real / "chest_xrays.zip") as archive:
        names = sorted((n for n in archive.namelist() if n.endswith(".png")), key=natural)
        files = [np.frombuffer(archive.read(name), np.uint8) for name in names]
    pictures = [cv2.imdecode(file, cv2.IMREAD_GRAYSCALE) for file in files]
    images = np.array([prepare(picture, 64, "area") for picture in pictures])
    found = find_pairs(images, table(len(images)).assign(id=[Path(name).stem for name in names]))
    persons = found[found["kind"] == "same-person"]
    known = {("e174", "e184"), ("e247", "e303"), ("e151", "e244"), ("e182", "e344")}
    assert known <= set(zip(persons["first"], persons["second"], strict=True))
    assert len(persons) < 50
    assert persons["likeness"].min() >= SAME_PERSON
