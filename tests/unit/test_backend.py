import os

import pytest

from cxr.backend import set_backend
from cxr.errors import UserError


def test_a_backend_that_is_missing_is_named(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    with pytest.raises(UserError, match=r"backend: no_such_backend is set.*pip install") as error:
        set_backend("no_such_backend")
    assert "backend: tensorflow" in str(error.value)
    assert os.environ["KERAS_BACKEND"] == "tensorflow"


def test_the_backend_is_set(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "other")
    set_backend("tensorflow")
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
