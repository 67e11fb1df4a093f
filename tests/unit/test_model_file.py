import json
import zipfile

import jsonschema
import keras
import pytest

from cxr.errors import UserError
from cxr.model_file import MEMBER, metrics_of, read_facts, read_threshold, reference_of, write_facts
from cxr.network import build_network
from cxr.tables import load_schema
from train import stored_facts

GIVEN = {
    "image": {"size": 64, "resize": "area"},
    "dataset": "drawn",
    "source": "folder",
    "experiment": "small",
    "seed": 3,
    "fold": None,
}
FACTS = stored_facts(GIVEN, {"test_flip": True, "threads": 2}, 32)


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.keras"
    build_network(32, [4], [3]).save(path)
    return path


def test_facts_come_back_and_are_those_of_the_schema(model):
    write_facts(model, FACTS)
    found = read_facts(model)
    assert found == {"format": 1, **FACTS}
    jsonschema.validate(found, load_schema("model"))


def test_keras_ignores_the_facts(model):
    before = keras.saving.load_model(model).get_weights()
    write_facts(model, FACTS)
    after = keras.saving.load_model(model).get_weights()
    assert all((one == other).all() for one, other in zip(before, after, strict=True))


def test_the_same_facts_give_the_same_bits(model, tmp_path):
    copy = tmp_path / "copy.keras"
    copy.write_bytes(model.read_bytes())
    for path in (model, copy):
        write_facts(path, FACTS)
    assert model.read_bytes() == copy.read_bytes()


@pytest.mark.parametrize("content", [b"", b"text", b"PK\3\4 cut off"])
def test_no_zip_is_no_model(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(UserError, match="no network that pleura trained"):
        read_facts(tmp_path / "model.keras")


@pytest.mark.parametrize("text", [None, "", "[]", "{}", "not JSON"])
def test_a_network_of_somebody_else_is_no_model_of_ours(model, text):
    if text is not None:
        with zipfile.ZipFile(model, "a") as archive:
            archive.writestr(MEMBER, text)
    with pytest.raises(UserError, match="no network that pleura trained"):
        read_facts(model)


def test_a_later_format_is_refused(model):
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr(MEMBER, json.dumps({"format": 2}))
    with pytest.raises(UserError, match="another version of pleura"):
        read_facts(model)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.keras cannot be read"):
        read_facts(tmp_path / "nowhere.keras")


def test_what_lies_beside_a_model():
    assert str(metrics_of("a/seed-1/model.keras")) == "a/seed-1/metrics.json"
    assert str(metrics_of("a/seed-1/fold-2/model.keras")) == "a/seed-1/metrics.json"
    assert str(reference_of("a/seed-1/fold-2/model.keras")) == "a/seed-1/fold-2/reference.json"


def test_the_threshold_of_a_network_and_of_a_fold(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({"threshold": 0.4, "thresholds": {"1": 0.3, "2": 0.6}}))
    assert [read_threshold(path, fold) for fold in (None, 1, 2)] == [0.4, 0.3, 0.6]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"threshold": null}', "{"])
def test_metrics_without_a_threshold_are_refused(tmp_path, content):
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(UserError, match="holds no threshold"):
        read_threshold(tmp_path / "metrics.json", None)
