import json

import jsonschema
import numpy as np
import pytest
from sklearn import datasets
from sklearn.decomposition import PCA

from cxr.errors import UserError
from cxr.familiarity import (
    FLAGGED,
    describe,
    distances,
    fit_space,
    fit_spaces,
    judge,
    read_reference,
    reduced_to,
    textures,
)
from cxr.files import sha256_of
from cxr.images import prepare, to_grey
from cxr.tables import load_schema
from xrays import draw

SIDE = 64


def seen(images):
    """Images as a network sees them, and what stands in for its features: a few averages."""
    images = np.stack([prepare(image, SIDE, "area") for image in images])
    return images, images.reshape(len(images), 4, 16, SIDE).mean(axis=(2, 3))


def xrays(number, seed):
    random = np.random.default_rng(seed)
    return [draw(bool(row % 2), SIDE, random) for row in range(number)]


@pytest.fixture(scope="module")
def spaces():
    training, validation = (describe(*seen(xrays(*many))) for many in ((150, 1), (100, 2)))
    return fit_spaces(training, validation)[0]


# --- the spaces ---------------------------------------------------------------------------


def test_the_distance_is_that_of_probabilistic_principal_components():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 12)) @ random.normal(size=(12, 12)) + 5
    space = fit_space(vectors)
    standard = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    model = PCA(n_components=len(space["components"]), svd_solver="full").fit(standard)
    precision = np.linalg.inv(
        model.components_.T @ np.diag(model.explained_variance_) @ model.components_
        + model.noise_variance_ * (np.eye(12) - model.components_.T @ model.components_)
    )
    expected = np.sqrt(np.einsum("ni,ij,nj->n", standard, precision, standard) / 12)
    np.testing.assert_allclose(distances(space, vectors), expected, rtol=1e-4)
    assert distances(space, vectors).mean() == pytest.approx(1, abs=0.1)


def test_what_never_changed_in_training_tells_when_it_does():
    vectors = np.random.default_rng(0).normal(size=(50, 5))
    vectors[:, 2] = 0  # such as a channel that never answers
    space = fit_space(vectors)
    odd = vectors[:1].copy()
    odd[0, 2] = 1
    assert distances(space, vectors).max() < 3
    assert distances(space, odd)[0] > 100


def test_texture_counts_what_its_description_says():
    image = np.zeros((1, 32, 32), np.float32)
    image[0, :, 1::2] = 1  # upright stripes
    found = textures(image)[0]
    np.testing.assert_allclose(found[:7], [0, 0, 0, 0.5, 1, 1, 1])
    rough, smooth = np.log(1.001), np.log(0.001)
    np.testing.assert_allclose(found[7:], [smooth, smooth, smooth, rough])  # 16 pixels, then 32


def test_small_inputs_have_fewer_places_to_compare():
    images = np.random.default_rng(0).normal(size=(3, 8, 8)).astype(np.float32)
    found = describe(images, images[:, :2, 0])
    assert {name: each.shape for name, each in found.items()} == {
        "thumbnail": (3, 64),
        "texture": (3, 9),
        "features": (3, 2),
    }
    assert reduced_to(images, 16) is images


# --- the limits ---------------------------------------------------------------------------


def test_about_as_many_images_of_the_kind_are_flagged_as_promised():
    random = np.random.default_rng(0)

    def draws(number):
        return {name: random.standard_t(5, size=(number, 20)) for name in ("a", "b")}

    shares = []
    for _ in range(30):
        found, share = fit_spaces(draws(200), draws(90))
        new = draws(500)
        by_limit = [distances(found[name], new[name]) / found[name]["limit"] for name in found]
        shares.append((np.max(by_limit, axis=0) > 1).mean())
        assert share == pytest.approx(2 / 91)
    assert np.mean(shares) == pytest.approx(2 / 91, abs=0.01)
    assert share <= FLAGGED


def test_few_validation_images_promise_no_more_than_they_can():
    random = np.random.default_rng(0)
    one = {"a": random.normal(size=(30, 4))}
    found, share = fit_spaces(one, {"a": one["a"][:9]})
    assert share == pytest.approx(1 / 10)
    assert distances(found["a"], one["a"][:9]).max() == pytest.approx(found["a"]["limit"], rel=1e-4)


def test_what_is_stored_is_what_is_computed_with(spaces):
    images, features = seen(xrays(10, 3))
    again = json.loads(json.dumps(spaces))
    one, other = judge(spaces, images, features), judge(again, images, features)
    assert (one[0] == other[0]).all()
    assert one[1] == other[1]


# --- what is said -------------------------------------------------------------------------


def test_most_images_of_the_kind_are_familiar(spaces):
    score, said = judge(spaces, *seen(xrays(100, 4)))
    assert [bool(each) for each in said] == list(score > 1)
    assert (score > 1).mean() <= 0.07


@pytest.mark.parametrize("name", ["china.jpg", "flower.jpg"])
def test_photographs_are_no_xrays(spaces, name):
    image = to_grey(datasets.load_sample_image(name))
    score, said = judge(spaces, *seen([image]))
    assert said == ["unlike"]
    assert score[0] > 1.5


def test_drawn_patterns_are_no_xrays(spaces):
    random = np.random.default_rng(0)
    line = np.linspace(0, 255, SIDE).astype(np.uint8)
    patterns = [
        random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8),
        np.tile(line, (SIDE, 1)),
        np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((8, 8))).astype(np.uint8) * 255,
    ]
    assert judge(spaces, *seen(patterns))[1] == ["unlike"] * 3


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (lambda image: 255 - image, "negative"),
        (lambda image: np.rot90(image, 1), "turned_left"),
        (lambda image: np.rot90(image, 3), "turned_right"),
        (lambda image: np.rot90(image, 2), "upside_down"),
    ],
)
def test_what_is_wrong_with_an_xray_is_named(spaces, wrong, expected):
    images, features = seen([np.ascontiguousarray(wrong(image)) for image in xrays(20, 5)])
    said = judge(spaces, images, features)[1]
    allowed = {expected, "", "unfamiliar", "unlike"}
    assert set(said) <= allowed
    assert said.count(expected) >= 14


# --- the file -----------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path, spaces):
    """reference.json and its model, which is any file."""
    model = tmp_path / "model.keras"
    model.write_bytes(b"weights")
    reference = {
        "format": 1,
        "model_sha256": sha256_of(model),
        "trained_on": 150,
        "calibrated_on": 100,
        "flagged": 0.02,
        "aspect": [0.75, 1.33],
        "spaces": spaces,
    }
    (tmp_path / "reference.json").write_text(json.dumps(reference))
    return tmp_path / "reference.json", model


def test_the_file_is_as_its_schema_says(written, spaces):
    reference = read_reference(*written)
    jsonschema.validate(reference, load_schema("reference"))
    assert reference["spaces"] == spaces


def test_the_reference_of_another_model_is_refused(written):
    path, model = written
    model.write_bytes(b"other weights")
    with pytest.raises(UserError, match="belongs to another model"):
        read_reference(path, model)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{"])
def test_a_damaged_reference_is_refused(written, content):
    path, model = written
    path.write_text(content)
    with pytest.raises(UserError, match="does not hold what it should"):
        read_reference(path, model)
