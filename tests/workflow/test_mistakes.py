"""Users' mistakes in the config and in their images: one clear message, nothing half done."""

import shutil
from pathlib import Path

import pytest

from tiny import configure, finish, refuse
from xrays import write_folder

CONFIG_MISTAKES = {
    "unknown key": (
        {"split": {"tset": 0.2}},
        ["split.tset: unknown key; did you mean `test`?"],
    ),
    "negative epochs": (
        {"experiments": {"lesson": {"epochs": -3}}},
        ["experiments.lesson.epochs: found -3, allowed: a whole number from 1"],
    ),
    "unknown data set": (
        {"dataset": "phantm"},
        ['dataset: found "phantm", allowed: one of', "did you mean `phantom`?"],
    ),
    "two at once": (
        {"backend": "tensorfow", "image": {"size": "large"}},
        ["2 problems", 'backend: found "tensorfow"', 'image.size: found "large"'],
    ),
    "missing folder": (
        {"dataset": "mine", "datasets": {"mine": {"source": "folder", "path": "nowhere"}}},
        ['datasets.mine.path: found "nowhere", but there is no folder'],
    ),
}


@pytest.mark.parametrize("mistake", CONFIG_MISTAKES)
def test_config_mistake_ends_in_its_message(fresh: Path, mistake: str) -> None:
    changes, expected = CONFIG_MISTAKES[mistake]
    configure(fresh, changes)
    text = refuse(fresh)
    for words in expected:
        assert text.count(words) == 1, text
    assert not (fresh / "data" / "phantom").exists()


def cut_short(folder: Path) -> list[str]:
    file = folder / "effusion" / "e3.png"
    file.write_bytes(file.read_bytes()[:-200])
    return ["1 of 10 images of the class effusion", "effusion/e3.png: ", "max_rejected"]


def text_named_png(folder: Path) -> list[str]:
    (folder / "normal" / "n0.png").write_text("not an image\n")
    return ["1 of 10 images of the class normal", "normal/n0.png: ", "max_rejected"]


def empty_class(folder: Path) -> list[str]:
    for file in (folder / "normal").iterdir():
        file.unlink()
    return ["datasets.empty_class.classes.normal", "holds no image"]


def same_in_both_classes(folder: Path) -> list[str]:
    shutil.copy(folder / "effusion" / "e1.png", folder / "normal" / "again.png")
    return ["oth classes", "effusion/e1.png = same_in_both_classes/normal/again.png"]


def missing_class(folder: Path) -> list[str]:
    (folder / "normal").rename(folder / "Normal")
    return ["datasets.missing_class.classes.normal", "Did you mean 'Normal'?"]


def test_unusable_images_end_in_one_message_each(fresh: Path) -> None:
    mistakes = [cut_short, text_named_png, empty_class, same_in_both_classes, missing_class]
    expected = {}
    for mistake in mistakes:
        name = mistake.__name__
        expected[name] = mistake(write_folder(fresh / name, 10, 10))
        configure(fresh, {"datasets": {name: {"source": "folder", "path": name}}})
    manifests = [f"results/{name}/manifest.csv" for name in expected]
    text = refuse(fresh, *manifests, "--keep-going")
    for name, words in expected.items():
        for word in words:
            assert word in text, text
        assert not (fresh / "results" / name / "manifest.csv").exists()
        assert not (fresh / "results" / name / "rejected.csv").exists()


def test_run_goes_on_once_the_image_is_mended(fresh: Path) -> None:
    folder = write_folder(fresh / "mine", 10, 10)
    configure(
        fresh, {"dataset": "mine", "datasets": {"mine": {"source": "folder", "path": "mine"}}}
    )
    image = folder / "effusion" / "e3.png"
    whole = image.read_bytes()
    image.write_bytes(whole[:-200])
    assert "mine/effusion/e3.png" in refuse(fresh, "manifest")
    image.write_bytes(whole)
    finish(fresh, "manifest")
    assert len((fresh / "results/mine/manifest.csv").read_text().splitlines()) == 21


def test_one_bad_image_in_a_hundred_is_put_aside(fresh: Path) -> None:
    folder = write_folder(fresh / "mine", 100, 20)
    (folder / "effusion" / "e3.png").write_text("not an image\n")
    configure(
        fresh, {"dataset": "mine", "datasets": {"mine": {"source": "folder", "path": "mine"}}}
    )
    finish(fresh, "manifest")
    rejected = (fresh / "results/mine/rejected.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in rejected] == ["path", "mine/effusion/e3.png"]
