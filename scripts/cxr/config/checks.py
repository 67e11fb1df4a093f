"""What one key asks of another. Each check looks only at values that are sound so far."""

import contextlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from cxr.config.problems import Problems
from cxr.config.schema import SCHEMA, applied, definition
from cxr.config.wording import Key, did_you_mean, found, one_of, show, show_name


def check(settled: Any, root: Path, problems: Problems) -> None:
    """Add what does not fit together in a settled configuration to `problems`."""
    _check_names(settled, problems)
    _check_classes(settled, problems)
    _check_nih(settled, problems)
    _check_experiments(settled, problems)
    _check_subsets(settled, problems)
    _check_saliency(settled, problems)
    _check_files(settled, root, problems)


def _section(settled: Any, name: str) -> dict:
    section = settled.get(name) if isinstance(settled, dict) else None
    return section if isinstance(section, dict) else {}


def _check_names(settled: Any, problems: Problems) -> None:
    """`dataset`, `transfer`, `run` and `main` name what there is."""
    datasets, experiments = _section(settled, "datasets"), _section(settled, "experiments")
    if datasets and problems.sound(("dataset",)):
        _check_name(("dataset",), settled["dataset"], datasets, problems)
        _check_transfer(settled, datasets, problems)
    if not (experiments and problems.sound(("run",))):
        return
    for row, name in enumerate(settled["run"]):
        _check_name(("run", row), name, experiments, problems)
    if problems.sound(("run",), ("main",)):
        _check_name(("main",), settled["main"], settled["run"], problems)


def _check_name(key: Key, name: str, known: Iterable[str], problems: Problems) -> None:
    if name not in known:
        where = " (those of `run`)" if key == ("main",) else ""
        text = found(name, one_of(known) + where)
        problems.add(key, text + did_you_mean(name, known))


def _check_transfer(settled: Any, datasets: dict, problems: Problems) -> None:
    """`transfer` names data sets other than the one that is learned from."""
    if not problems.sound(("transfer",)):
        return
    others = [name for name in datasets if name != settled["dataset"]]
    for row, name in enumerate(settled["transfer"]):
        if name == settled["dataset"]:
            problems.add(("transfer", row), found(name, "a data set other than `dataset`"))
        else:
            _check_name(("transfer", row), name, others, problems)


def _check_classes(settled: Any, problems: Problems) -> None:
    """The two classes of a data set are told apart."""
    for name in _section(settled, "datasets"):
        at = ("datasets", name)
        if not problems.sound(at):
            continue
        data = settled["datasets"][name]
        if "classes" in data:
            effusion, normal = (PurePosixPath(data["classes"][k]) for k in ("effusion", "normal"))
            if effusion.is_relative_to(normal) or normal.is_relative_to(effusion):
                what = f"a folder apart from that of the effusions ({show(str(effusion))})"
                problems.add((*at, "classes", "normal"), found(str(normal), what))
        pairs = {"table": ("effusion", "normal"), "nih": ("positive", "negative")}
        first, second = pairs.get(data["source"], (None, None))
        taken = data[first] if first and isinstance(data[first], list) else [data.get(first)]
        if first and data[second] in taken:
            problems.add((*at, second), found(data[second], f"another label than `{first}`"))


def _check_nih(settled: Any, problems: Problems) -> None:
    """An NIH release has its images in a folder or in archives, and both official lists or none."""
    for name in _section(settled, "datasets"):
        at = ("datasets", name)
        if not problems.sound(at) or settled["datasets"][name]["source"] != "nih":
            continue
        data = settled["datasets"][name]
        if bool(data["images"]) == bool(data["archives"]):
            what = "null, with `archives`" if data["images"] else "a folder, without `archives`"
            problems.add((*at, "images"), found(data["images"], what))
        _check_archives(at, data, problems)
        for one, other in itertools.permutations(("train_val_list", "test_list")):
            if data[other] and not data[one]:
                what = f"the path of a text file, as for `{other}`"
                problems.add((*at, one), found(None, what))


def _check_archives(at: Key, data: dict, problems: Problems) -> None:
    """Archives lie side by side in data/downloads/, and those that are used are in the list."""
    urls = [archive["url"] for archive in data["archives"]]
    names = [url.rpartition("/")[2] for url in urls]
    for row, url in enumerate(urls):
        if names[row] in names[:row]:
            what = "an address that ends in a file name of its own"
            problems.add((*at, "archives", row, "url"), found(url, what))
    for row, number in enumerate(data["which"] or ()):
        if number > len(urls):
            what = f"the number of an archive, of which there are {len(urls)}"
            problems.add((*at, "which", row), found(number, what))


def _check_experiments(settled: Any, problems: Problems) -> None:
    """Networks are of one piece; those that are run fit the images."""
    for name in _section(settled, "experiments"):
        at = ("experiments", name)
        for key in ("kernels", "strides"):
            if not problems.sound((*at, "filters"), (*at, key)):
                continue
            filters, given = (settled["experiments"][name][k] for k in ("filters", key))
            if given is not None and len(given) != len(filters):
                what = f"a list as long as `filters` ({len(filters)})"
                problems.add((*at, key), f"found a list of {len(given)}, allowed: {what}")
    if problems.sound(("run",), ("image", "size")):
        for name in settled["run"]:
            _check_input(name, settled, problems)


def _check_input(name: str, settled: dict, problems: Problems) -> None:
    at = ("experiments", name)
    used = ("input_size", "filters", "pooling", "strides")
    if not problems.sound(*((*at, key) for key in used)):
        return
    given, filters, pooling, strides = (settled["experiments"][name][key] for key in used)
    image_size = settled["image"]["size"]
    size, needed = given or image_size, _smallest_input(len(filters), strides)
    if size > image_size:
        what = f"`image.size` ({image_size}) at most, or null"
        problems.add((*at, "input_size"), found(size, what))
    elif pooling != "none" and size < needed:
        problems.add(
            (*at, "filters"),
            f"found {len(filters)} blocks, whose poolings halve an input of {size} pixels to "
            f"nothing, allowed: fewer filters, an input of at least {needed} pixels "
            "(input_size, image.size) or `pooling: none`",
        )


def _smallest_input(blocks: int, strides: list[int] | None) -> int:
    """Side of the smallest image that leaves a place behind each pooling, pixels."""
    needed = 1
    for stride in reversed((strides or [1] * blocks)[: blocks - 1]):
        needed = 2 * needed if stride == 1 else (needed - 1) * stride + 1
    return needed


def _check_subsets(settled: Any, problems: Problems) -> None:
    """Test and validation leave images to train on."""
    if not problems.sound(("split", "test"), ("split", "validation")):
        return
    test, validation = settled["split"]["test"], settled["split"]["validation"]
    if test == 0 and problems.sound(("split", "folds")) and not settled["split"]["folds"]:
        problems.add(("split", "test"), found(0, "above 0 without `split.folds`"))
    if (1 - test) * (1 - validation) < 0.01:
        what = f"with `test` {test}, a share that leaves at least 1 % for training"
        problems.add(("split", "validation"), found(validation, what))


def _check_saliency(settled: Any, problems: Problems) -> None:
    """There is an image to map."""
    if not problems.sound(("saliency", "images"), ("saliency", "ids")):
        return
    section = settled["saliency"]
    if not section["images"] and not section["ids"]:
        what = "at least 1 where `saliency.ids` names no image"
        problems.add(("saliency", "images"), found(0, what))


def _check_files(settled: Any, root: Path, problems: Problems) -> None:
    """Files and folders of the data sets that are used, the split file and the masks exist."""
    if problems.sound(("dataset",), ("transfer",)):
        for name in [settled["dataset"], *settled["transfer"]]:
            at = ("datasets", name)
            if problems.sound(at):
                data = settled["datasets"][name]
                _check_paths(at, data, applied(SCHEMA["$defs"]["dataset"], data), root, problems)
    for section, key in (("split", "file"), ("audit", "masks")):
        if problems.sound((section, key)):
            schema = SCHEMA["properties"][section]
            _check_paths((section,), settled[section], schema, root, problems)


def _check_paths(at: Key, section: dict, schema: dict, root: Path, problems: Problems) -> None:
    for key, sub in schema["properties"].items():
        kind = definition(sub).get("format")
        if kind in ("folder", "file") and section[key] is not None:
            path = os.path.normpath(root.absolute() / section[key])
            if not _exists(path, kind):
                text = f"found {show(section[key])}, but there is no {kind} {show_name(path)}"
                problems.add((*at, key), text)


def _exists(path: str, kind: str) -> bool:
    """Whether a file or a folder stands at `path`; what cannot be looked at does not."""
    with contextlib.suppress(OSError, ValueError):
        return Path(path).is_dir() if kind == "folder" else Path(path).is_file()
    return False
