import base64
import html
import json
import re
import shutil

import numpy as np
import pytest

from asked import HOSTILE, make_page, write_page
from cxr.errors import UserError
from predict_page import performance

SHARE = {"value": 0.9, "ci95": [0.8, 0.96]}


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    return write_page(tmp_path_factory.mktemp("page"), source="phantom")


def held(page):
    """The data within the page."""
    text = page.read_text()
    return json.loads(re.search(r'<script id="data" [^>]*>(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_holds_network_settings_and_reference(asked):
    data = held(asked.page)
    assert data["facts"]["image"] == {"size": 64, "resize": "area", "normalise": "image"}
    assert data["reference"]["spaces"].keys() == {"thumbnail", "texture", "features"}
    assert data["threshold"] == 0.5
    assert [layer["size"] for layer in data["network"]["convolutions"]] == [3, 5, 3]
    assert len(data["veil"]) == 4 * -(-4 * 256 // 3)


def test_the_page_says_what_it_must(asked, tmp_path):
    text = asked.page.read_text()
    assert "Research and teaching only: not a medical device." in text
    assert "<strong>phantoms</strong>" in text
    assert "called 90 % (80 to 96 %) of the normal X-rays normal" in text
    other = write_page(tmp_path / "other").page.read_text()
    assert "hantom" not in re.sub("<script.*?</script>", "", other, flags=re.DOTALL)


def test_the_page_asks_for_nothing(asked):
    text = asked.page.read_text()
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]*)"', text)[1])
    assert policy.startswith("default-src 'none'")
    assert "worker-src blob:" in policy
    assert "connect-src" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert not re.search(r"<link|<script [^>]*src=|@import", text)


def test_the_same_files_make_the_same_page(asked):
    before = asked.page.read_bytes()
    make_page(asked.page.parent)
    assert asked.page.read_bytes() == before


def test_hostile_names_do_not_end_the_data(tmp_path):
    page = write_page(tmp_path, dataset=HOSTILE).page
    assert held(page)["dataset"] == HOSTILE
    assert page.read_text().count("<script") == page.read_text().count("</script>") == 3


def test_a_reference_of_another_model_is_refused(asked, tmp_path):
    folder = shutil.copytree(asked.page.parent, tmp_path / "copy")
    other = write_page(tmp_path / "other", filters=[3, 3, 3]).page.parent
    shutil.copy(other / "reference.json", folder)
    with pytest.raises(UserError, match="belongs to another model"):
        make_page(folder)


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        (SHARE, "90 % (80 to 96 %)"),
        ({"value": 0.9, "ci95": None, "reason": "one image"}, "90 %"),
        ({"value": None, "ci95": None, "reason": "no effusion"}, "an unknown share"),
    ],
)
def test_shares_come_with_their_interval_if_they_have_one(metric, words):
    scores = {"oof": {"n": 9, "sensitivity": metric, "specificity": SHARE}}
    assert performance(scores) == {
        "n": 9,
        "kind": "out-of-fold",
        "sensitivity": words,
        "specificity": "90 % (80 to 96 %)",
    }


def test_weights_survive_their_packing(asked):
    packed = held(asked.page)["network"]["dense"][-1]["kernel"]
    kernel = np.frombuffer(base64.b64decode(packed), "<f4")
    expected = asked.network.get_layer("probability").get_weights()[0]
    np.testing.assert_array_equal(kernel, expected[:, 0])
