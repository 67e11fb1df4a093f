import pytest

from cxr.words import count


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1000, "1,000 images")]
)
def test_one_thing_is_one_thing(number, text):
    assert count(number, "image") == text
