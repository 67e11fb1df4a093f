import json

import numpy as np
import onnx
import onnxruntime
import pytest

from asked import random_network, write_page
from cxr.errors import UserError
from cxr.model_file import write_facts
from onnx_export import onnx_export

ACTIVATIONS = ("leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid")
NETWORKS = {
    "pleura": {"batch_norm": True, "strides": [2, 1, 1]},
    "lesson": {"dense": [6, 4]},
    "average_max": {"head": "average_max", "pooling": "average"},
    "no pooling": {"pooling": "none", "dense": [3]},
    **{name: {"activation": name, "dense": [5]} for name in ACTIVATIONS},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_computes_what_keras_computes(tmp_path, name):
    network = random_network(33, filters=[4, 6, 8], kernels=[3, 5, 3], **NETWORKS[name])
    network.save(tmp_path / "model.keras")
    write_facts(tmp_path / "model.keras", {"test_flip": True})
    onnx_export(tmp_path / "model.keras", tmp_path / "model.onnx")
    images = np.random.default_rng(1).normal(size=(5, 33, 33, 1)).astype(np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(["probability"], {"image": images})
    np.testing.assert_allclose(found, network.predict(images, verbose=0), atol=1e-5)
    assert len(np.unique(found)) == 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page")).page.parent


def test_the_file_says_how_to_prepare_images_and_what_it_is_not_for(folder):
    onnx_export(folder / "model.keras", folder / "model.onnx")
    exported = onnx.load(folder / "model.onnx")
    facts = {each.key: each.value for each in exported.metadata_props}
    assert json.loads(facts["pleura.json"])["image"]["size"] == 64
    assert "not a medical device" in exported.doc_string
    shapes = [
        [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in (*exported.graph.input, *exported.graph.output)
    ]
    assert shapes == [["n", 32, 32, 1], ["n", 1]]


def test_the_same_model_gives_the_same_bits(folder):
    for name in ("one", "two"):
        onnx_export(folder / "model.keras", folder / f"{name}.onnx")
    assert (folder / "one.onnx").read_bytes() == (folder / "two.onnx").read_bytes()


def test_other_models_are_refused(tmp_path):
    random_network(16, filters=[2], kernels=[3]).save(tmp_path / "model.keras")
    with pytest.raises(UserError, match="no network that pleura trained"):
        onnx_export(tmp_path / "model.keras", tmp_path / "model.onnx")
