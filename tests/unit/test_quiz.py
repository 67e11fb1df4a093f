import html
import json
import re

import pytest

from cxr.errors import UserError
from quizzes import HOSTILE, LABELS, PROBABILITIES, write_files, write_quiz, write_reader


def held(page):
    """The data within the page."""
    return json.loads(re.search(r'<script id="data" [^>]*>(.*?)</script>', page, re.DOTALL)[1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("quiz") / "files")


@pytest.fixture(scope="module")
def page(folder):
    return write_quiz(folder, source="phantom").read_text()


def test_the_page_holds_each_xray_with_truth_and_answer(page):
    questions = held(page)["questions"]
    assert [each["label"] for each in questions] == list(LABELS)
    assert [each["probability"] for each in questions] == list(PROBABILITIES)
    assert [each["called"] for each in questions] == [each >= 0.5 for each in PROBABILITIES]
    for each in questions:
        assert each["picture"].startswith("data:image/png;base64,")
        assert (each["height"], each["width"]) == (96, 80)
        assert bool(each["outline"]) == bool(each["label"])


def test_maps_come_with_their_target_and_empty_ones_without_a_picture(page):
    questions = held(page)["questions"]
    assert questions[0]["maps"]["gradcam"] == {"target": "effusion", "picture": None}
    assert all(each["maps"]["edges"]["picture"] for each in questions[1:])


def test_each_method_comes_with_its_verdict(page):
    assert [each["name"] for each in held(page)["methods"]] == ["GradCAM", "Edge detector"]
    gradcam, edges = (each["verdict"] for each in held(page)["methods"])
    assert gradcam == (
        "Passes 1 of 3 checks of the audit; fails: Trained again; cannot be told: A small shift."
    )
    assert edges == f"A control that knows nothing of the network: bound to fail. {gradcam}"


def test_phantoms_are_called_so_and_others_not(page, tmp_path):
    assert "Phantoms" in page
    assert held(page)["phantom"] is True
    other = write_quiz(write_files(tmp_path / "other", masks=False)).read_text()
    assert "hantom" not in re.sub("<script.*?</script>", "", other, flags=re.DOTALL)
    assert [each["outline"] for each in held(other)["questions"]] == [None] * 10


def test_the_page_says_what_it_must(page):
    assert "Research and teaching only: not a medical device." in page
    assert "Of all 10 test X-rays 50 % have one" in page


def test_the_page_asks_for_nothing(page):
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert not re.search(r"<link|<script [^>]*src=|@import", page)


def test_large_files_are_reduced(folder):
    questions = held(write_quiz(folder, size=64).read_text())["questions"]
    assert {(each["height"], each["width"]) for each in questions} == {(64, 53)}


def test_the_same_files_make_the_same_page(folder, page):
    assert write_quiz(folder, source="phantom").read_text() == page


def test_hostile_names_do_not_end_the_data(tmp_path):
    files = write_files(tmp_path / "quiz", place=HOSTILE)
    write_reader(files, "<!--<script>", {"i0": 3})
    page = write_quiz(files).read_text()
    assert HOSTILE in held(page)["questions"][0]["path"]
    assert held(page)["readers"][0]["reader"] == "<!--<script>"
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img src=x" not in page


def test_values_that_there_are_not_are_null(tmp_path):
    files = write_files(tmp_path / "quiz")
    write_reader(files, "anna", {"i1": 5, "i2": 5})
    rows = {row["metric"]: row for row in held(write_quiz(files).read_text())["readers"]}
    assert rows["specificity"]["value"] is None
    assert rows["sensitivity"]["value"] == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_quiz_of_a_single_image_is_a_page_too(tmp_path, number):
    page = write_quiz(write_files(tmp_path / "quiz", LABELS[:number], PROBABILITIES[:number]))
    assert len(held(page.read_text())["questions"]) == number


def test_a_file_that_has_gone_is_named(tmp_path):
    files = write_files(tmp_path / "quiz")
    (files / "X-rays" / "i3.png").unlink()
    with pytest.raises(UserError, match=r"i3\.png: file not found"):
        write_quiz(files)
