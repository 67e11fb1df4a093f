import numpy as np
import pandas as pd
import pytest

from cxr.familiarity import VIEWS
from cxr.warnings import WORDS, is_coloured, of_file, summarise

USUAL = {"width": 96, "height": 96, "coloured": False, "view": "PA", "side": 64}


def said(**changes):
    return of_file(**USUAL | {"aspect": (0.75, 1.33)} | changes)


def test_nothing_is_said_of_a_usual_xray():
    assert said() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"height": 63}, ["too small: 96 x 63 pixels", "unusual shape: 96 x 63 pixels"]),
        ({"coloured": True}, ["in colour"]),
        ({"width": 64, "height": 86}, ["unusual shape"]),
        ({"width": 64, "height": 85}, []),
        ({"view": "LL"}, ["a lateral view"]),
        ({"view": "LATERAL"}, ["a lateral view"]),
        ({"view": ""}, []),
    ],
)
def test_each_warning_comes_when_it_should(changes, expected):
    found = said(**changes)
    assert len(found) == len(expected)
    for sentence, words in zip(found, expected, strict=True):
        assert words in sentence


def test_a_pixel_is_coloured_when_its_channels_are_far_apart():
    grey = np.full((10, 10, 3), 100, np.uint8)
    assert not is_coloured(grey)
    assert not is_coloured(grey[..., 0])
    grey[0, 0] = (100, 133, 100)
    assert not is_coloured(grey)  # 1 % and no more
    grey[0, 1] = (100, 133, 100)
    assert is_coloured(grey)
    assert is_coloured(grey.astype(np.uint16) * 257)
    grey[0, 1] = (100, 132, 100)
    assert not is_coloured(grey)


def test_each_view_that_is_recognised_has_words():
    assert {*VIEWS, "unlike", "unfamiliar", "unchecked", "unreadable"} <= {*WORDS}


def test_no_words_hold_what_separates_them():
    assert not [words for words in WORDS.values() if "; " in words]


def test_a_line_sums_up():
    table = pd.DataFrame(
        {"prediction": ["effusion", "normal", "normal", ""], "warning": ["", "a; b", "", "c"]}
    )
    words = "4 images: 1 called an effusion, 2 normal, 1 cannot be used; 2 with a warning"
    assert summarise(table) == words
    words = "2 images: 1 called an effusion, 1 normal; 1 with a warning"
    assert summarise(table[:2]) == words
