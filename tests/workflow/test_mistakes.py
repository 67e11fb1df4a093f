"""Users' mistakes in the config and in their images: one clear message, nothing half done."""

import itertools
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tiny import configure, finish, plan, refuse
from workspace import snakemake
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


def test_a_key_that_stands_twice_in_config_yaml(fresh: Path) -> None:
    with (fresh / "config.yaml").open("a") as file:
        file.write("\nseeds: [7]\n")
    assert "  seeds: stands in config.yaml 2 times, in the lines " in refuse(fresh)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("dataset=", "dataset: found null, allowed: "),
        ("seeds=1", "seeds: found 1, allowed: a list"),
        ("seeds=[1,1]", "seeds: found [1, 1], allowed: a list"),
        ("saliency={ids: [a b]}", 'saliency.ids[0]: found "a b", allowed: the id of an image'),
        ("main=no", 'main: found "no", allowed: one of lesson, small'),
    ],
)
def test_mistake_on_the_command_line(fresh: Path, setting: str, expected: str) -> None:
    assert expected in refuse(fresh, "--config", setting)


def test_aliases_of_aliases_do_not_hang(fresh: Path) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    for last, name in itertools.pairwise("abcdefghi"):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]")
    (fresh / "mine.yaml").write_text("\n".join([*lines, "seeds: *i"]))
    assert "more than 10,000 values" in refuse(fresh)


def test_of_two_config_files_the_later_wins(fresh: Path) -> None:
    (fresh / "more.yaml").write_text("seeds: [8]\nimage: {size: 0}\n")
    (fresh / "last.yaml").write_text("image: {size: 64}\n")
    files = ("mine.yaml", "more.yaml", "last.yaml")
    options = ("--cores=1", "--dry-run", "--quiet=host")
    run = snakemake(fresh, *options, "all", "--configfile", *files)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "seed-8" in run.stdout + run.stderr
    assert "seed-1" not in run.stdout + run.stderr


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


NAMES = [
    "E0.PNG",
    " a  b.png",
    "-rf.png",
    "$(touch hacked).png",
    "`touch hacked`;touch hacked|touch hacked&.png",
    "<script>alert(1)<b>.png",
    "'q' and \"q\".png",
    "{wildcards.dataset}.png",
    "=1+1,2.png",
    "\u00e9.png",
    "e\u0301.png",
    "x" * 251 + ".png",
]


def test_odd_names_and_litter_do_no_harm(fresh: Path) -> None:
    folder = write_folder(fresh / "my 'X-rays' & {more}", len(NAMES), 10)
    effusion = folder / "effusion"
    for row, name in enumerate(NAMES):
        (effusion / f"e{row}.png").rename(effusion / name)
    whole = (effusion / NAMES[0]).read_bytes()
    for name in (".DS_Store", "._e0.png", "Thumbs.db", "desktop.ini"):
        (effusion / name).write_bytes(b"litter")
    (effusion / os.fsdecode(b"\xff\n.png")).write_bytes(whole)
    mine = {"source": "folder", "path": folder.name}
    configure(fresh, {"dataset": "mine", "datasets": {"mine": mine}, "max_rejected": 0.1})
    finish(fresh, "preprocess", "split")
    assert len(np.load(fresh / "results/mine/images.npy", mmap_mode="r")) == len(NAMES) + 10
    rejected = (fresh / "results/mine/rejected.csv").read_text().splitlines()
    assert len(rejected) == 4  # the header, two that the system left there, and one that is no text
    assert not [*fresh.rglob("hacked")]
    assert plan(fresh, "preprocess", "split") == []


def test_an_image_that_changes_between_two_stages(fresh: Path) -> None:
    folder = write_folder(fresh / "mine", 10, 10)
    mine = {"source": "folder", "path": "mine"}
    configure(fresh, {"dataset": "mine", "datasets": {"mine": mine}})
    finish(fresh, "manifest")
    image = folder / "effusion/e3.png"
    status = image.stat()
    data = bytearray(image.read_bytes())
    data[-20] ^= 1
    image.write_bytes(data)
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))  # Snakemake sees no change
    text = refuse(fresh, "preprocess")
    assert "mine/effusion/e3.png: its content has changed" in text
    assert not (fresh / "results/mine/images.npy").exists()
