import html
import re

import pytest

import predict_overview
from overviews import HOSTILE, write_overview, write_predictions


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_predictions(tmp_path_factory.mktemp("new") / "files")


@pytest.fixture(scope="module")
def page(folder):
    return write_overview(folder).read_text()


def test_the_page_says_what_became_of_the_images(page):
    words = "4 images: 1 called an effusion, 2 normal, 1 cannot be used; 2 with a warning."
    assert words in page
    assert "From a probability of 0.38 on" in page
    assert "Research and teaching only: not a medical device." in page
    assert "learned from <strong>phantoms</strong>" in page
    assert "Not checked:" not in page


def test_each_image_comes_with_its_pictures_prediction_and_warnings(page):
    parts = page.split("<h2>")[1:]
    assert [part.count("data:image/jpeg;base64,") for part in parts] == [2, 1, 0, 2]
    assert "<b>Effusion</b>: probability of an effusion 0.88" in parts[0]
    assert "The map is empty: nothing speaks for an effusion." in parts[1]
    assert re.findall("<li>(.*)</li>", parts[1]) == ["first of two", "second of two"]
    assert "cannot be read: empty file" in parts[2]
    assert "probability" not in parts[2]


def test_names_of_files_are_text(page):
    assert html.escape(HOSTILE) in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
    assert "<script" not in page
    assert "<img src=x" not in page


def test_the_page_holds_all_that_it_shows(page):
    assert not re.search("(?:src|href)=[\"'](?!data:)", page)
    assert "default-src 'none'" in html.unescape(page)


def test_a_model_that_came_alone_is_said_so(folder):
    page = write_overview(folder, beside=False).read_text()
    assert "From a probability of 0.50 on" in page
    assert "a guess, since no metrics.json lay beside the model" in page
    assert "whether the network knows such images" in page


def test_a_page_of_many_images_shows_the_first_ones(folder, monkeypatch):
    monkeypatch.setattr(predict_overview, "SHOWN", 3)
    page = write_overview(folder).read_text()
    assert page.count("<h2>") == 3
    assert "These are the first 3 images; predictions.csv has all 4." in page
