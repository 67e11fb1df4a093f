import json

import jsonschema
import numpy as np
import pandas as pd
import pytest
from test_training import RECIPE

from cxr.familiarity import describe, fit_spaces, reduced_to
from cxr.tables import load_schema
from models import SUBSETS, train_model
from predict_reference import IMAGES, choose_rows, predict_reference


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return train_model(tmp_path_factory.mktemp("model"), RECIPE | {"input_size": 32}, 64)


@pytest.fixture(scope="module")
def reference(model):
    return json.loads(model.with_name("reference.json").read_text())


def test_the_reference_is_as_its_schema_says(reference):
    jsonschema.validate(reference, load_schema("reference"))
    assert reference["trained_on"] == SUBSETS.count("train")
    assert reference["calibrated_on"] == SUBSETS.count("validation")
    assert reference["flagged"] == pytest.approx(1 / 9)


def test_it_knows_training_and_validation_images_and_no_others(model, reference):
    images, features = (np.load(model.with_name(f"{n}.npy")) for n in ("images", "features"))
    vectors = describe(reduced_to(images, 32), features)
    subset = np.array(SUBSETS)
    training, validation = (
        {name: each[subset == part] for name, each in vectors.items()}
        for part in ("train", "validation")
    )
    assert reference["spaces"] == fit_spaces(training, validation)[0]


def test_the_usual_shape_is_that_of_the_images_and_a_third_more(reference):
    assert reference["aspect"] == pytest.approx([0.75, 4 / 3])


def test_the_same_files_give_the_same_bits(model, tmp_path):
    files = {name: model.with_name(f"{name}.npy") for name in ("features", "images")}
    files |= {name: model.with_name(f"{name}.csv") for name in ("manifest", "split")}
    predict_reference(model, **files, fold=None, output=tmp_path / "again.json")
    again = (tmp_path / "again.json").read_bytes()
    assert again == model.with_name("reference.json").read_bytes()


def test_many_images_are_thinned_out_evenly():
    rows = np.arange(10 * IMAGES)
    table = pd.DataFrame({"row": rows, "subset": np.where(rows % 2, "train", "test")})
    chosen = choose_rows(table, "train")
    assert len(chosen) == len(set(chosen)) == IMAGES
    assert (chosen[0], chosen[-1]) == (1, 10 * IMAGES - 1)
    assert np.ptp(np.diff(chosen)) <= 2
    assert list(choose_rows(table[:10], "train")) == [1, 3, 5, 7, 9]
