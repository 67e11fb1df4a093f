"""Every key of the config: a change of it makes Snakemake do again what depends on it."""

import copy
import hashlib
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cxr.config import keys
from tiny import OVERLAY, TINY, Job, configure, finish, plan, rules
from workspace import copy_project
from xrays import write_folder

pytestmark = pytest.mark.slow

EXPERIMENT = {"train_network"}
PHANTOM = {"acquire_phantom", "manifest_images"}
MANIFEST = {"manifest_images"}
MAPS = {"saliency_maps", "quiz_maps", "explore_network"}
QUICK = {"audit_sanity", "audit_faithfulness", "audit_localisation"}
# The key, another value and rules that run then; what follows from them, follows.
RUN = {
    "dataset": ("chest_xrays", {"acquire_archive"} | MANIFEST),
    "datasets.<phantom>.normal": (31, PHANTOM),
    "datasets.<phantom>.effusion": (31, PHANTOM),
    "datasets.<phantom>.size": (97, PHANTOM),
    "datasets.<phantom>.seed": (2, PHANTOM),
    "datasets.<phantom>.label_noise": (0.1, PHANTOM),
    "datasets.<phantom>.shortcut.kind": ("tube", PHANTOM),
    "datasets.<phantom>.shortcut.share": (0.5, PHANTOM),
    "image.size": (65, {"preprocess_shard", "datasheet_tables"}),
    "image.resize": ("bilinear", {"preprocess_shard", "inspect_images"}),
    "image.min_size": (33, MANIFEST),
    "image.exclude": (["inverted"], MANIFEST),
    "max_rejected": (0.5, MANIFEST),
    "preprocess.shards": (2, {"preprocess_gather"}),
    "split.test": (0.2, {"split_images"}),
    "split.validation": (0.2, {"split_images"}),
    "split.seed": (43, {"split_images"}),
    "split.stratify": (False, {"split_images"}),
    "split.folds": (2, {"split_images", "train_network"}),
    "split.file": ("split.csv", {"split_images"}),
    "split.together": ("patients", {"split_images"}),
    "split.allow_leakage": (True, {"split_images"}),
    "experiments.<name>.input_size": (48, EXPERIMENT),
    "experiments.<name>.filters": ([4, 9], EXPERIMENT),
    "experiments.<name>.kernels": ([3, 5], EXPERIMENT),
    "experiments.<name>.strides": ([2, 1], EXPERIMENT),
    "experiments.<name>.batch_norm": (True, EXPERIMENT),
    "experiments.<name>.pooling": ("average", EXPERIMENT),
    "experiments.<name>.activation": ("elu", EXPERIMENT),
    "experiments.<name>.head": ("average_max", EXPERIMENT),
    "experiments.<name>.dense": ([8], EXPERIMENT),
    "experiments.<name>.dropout": (0.5, EXPERIMENT),
    "experiments.<name>.l2": (0.5, EXPERIMENT),
    "experiments.<name>.optimizer": ("sgd", EXPERIMENT),
    "experiments.<name>.learning_rate": (0.01, EXPERIMENT),
    "experiments.<name>.weight_decay": (0.5, EXPERIMENT),
    "experiments.<name>.schedule": ("cosine", EXPERIMENT),
    "experiments.<name>.warmup": (0.5, EXPERIMENT),
    "experiments.<name>.label_smoothing": (0.1, EXPERIMENT),
    "experiments.<name>.mixup": (0.3, EXPERIMENT),
    "experiments.<name>.batch_size": (9, EXPERIMENT),
    "experiments.<name>.steps_per_epoch": (3, EXPERIMENT),
    "experiments.<name>.epochs": (3, EXPERIMENT),
    "experiments.<name>.ema": (0.9, EXPERIMENT),
    "experiments.<name>.keep": ("last", EXPERIMENT),
    "experiments.<name>.test_flip": (True, EXPERIMENT | {"explore_network"}),
    "experiments.<name>.threads": (1, EXPERIMENT | {*MAPS, "inspect_network"} | QUICK),
    "experiments.<name>.precision": ("mixed_bfloat16", EXPERIMENT),
    "experiments.<name>.augment.rotation": (6, EXPERIMENT | {"inspect_images"}),
    "experiments.<name>.augment.shift": (0.1, EXPERIMENT | {"inspect_images"}),
    "experiments.<name>.augment.zoom": (0.1, EXPERIMENT | {"inspect_images"}),
    "experiments.<name>.augment.contrast": (0.1, EXPERIMENT | {"inspect_images"}),
    "experiments.<name>.augment.brightness": (0.1, EXPERIMENT | {"inspect_images"}),
    "experiments.<name>.augment.flip": (False, EXPERIMENT | {"inspect_images"}),
    "run": (["small"], {"compare_experiments", "leakage_sensitivity"}),
    "main": (
        "lesson",
        {"leakage_labels", "audit_sanity", "quiz_readers", *MAPS} - {"saliency_maps"},
    ),
    "seeds": ([1, 2], {"train_network", "compare_experiments"}),
    "backend": ("jax", EXPERIMENT),
    "evaluate.threshold": ("youden", {"evaluate_predictions", "compare_experiments"}),
    "transfer": (["other"], {"transfer_predictions"} | PHANTOM),
    "saliency.methods": (["gradcam"], {"saliency_maps", "saliency_agreement"} | QUICK),
    "saliency.layer": ("conv2d", MAPS | QUICK),
    "saliency.memory": (100, MAPS | QUICK),
    "saliency.target": ("normal", MAPS | {"audit_sanity", "audit_faithfulness"}),
    "saliency.images": (4, {"saliency_images"}),
    "saliency.ids": (["phantom-n3"], {"saliency_images"}),
    "audit.images": (5, set()),  # of the target audit alone, which this run has not made
    "audit.slow_images": (5, set()),
    "audit.draws": (5, set()),
    "audit.quick_images": (5, {"audit_sanity", "audit_localisation"}),
    "audit.quick_slow_images": (5, QUICK),
    "audit.quick_draws": (2, {"audit_sanity"}),
    "audit.masks": ("masks.json", {"audit_localisation"}),
    "quiz.images": (4, {"quiz_images"}),
    "quiz.seed": (2, {"quiz_images"}),
    "quiz.size": (64, {"quiz_page"}),
    "quiz.methods": (["gradcam"], {"quiz_maps", "quiz_page"}),
    "explore.size": (64, {"explore_xrays"}),
    "explore.methods": (["gradcam"], {"explore_network", "explore_maps", "explore_page"}),
}
COLUMNS = ("path", "label", "patient", "age", "sex", "view", "mask", "subset")
READ = {
    "datasets.<archive>.url": ("again.zip", {"acquire_archive"}),
    "datasets.<archive>.sha256": ("0" * 64, {"acquire_archive"}),
    "datasets.<archive>.classes.effusion": ("xrays/normal", MANIFEST),
    "datasets.<archive>.classes.normal": ("xrays/effusion", MANIFEST),
    "datasets.<archive>.patient_pattern": ("([0-9]+)", MANIFEST),
    "datasets.<folder>.path": ("others", MANIFEST),
    "datasets.<folder>.classes.effusion": ("a", MANIFEST),
    "datasets.<folder>.classes.normal": ("a", MANIFEST),
    "datasets.<folder>.patient_pattern": ("([0-9]+)", MANIFEST),
    "datasets.<table>.path": ("others.csv", MANIFEST),
    "datasets.<table>.root": ("others", MANIFEST),
    **{f"datasets.<table>.columns.{name}": ("another", MANIFEST) for name in COLUMNS},
    "datasets.<table>.columns.normal": ("another", MANIFEST),
    "datasets.<table>.encoding": ("windows-1252", MANIFEST),
    "datasets.<table>.label_separator": ("|", MANIFEST),
    "datasets.<table>.effusion": ("2", MANIFEST),
    "datasets.<table>.normal": ("2", MANIFEST),
    "datasets.<table>.patient_pattern": ("([0-9]+)", MANIFEST),
    "datasets.<nih>.images": ("others", MANIFEST),
    "datasets.<nih>.labels": ("others.csv", MANIFEST),
    "datasets.<nih>.boxes": ("others.csv", MANIFEST),
    "datasets.<nih>.positive": ("Hernia", MANIFEST),
    "datasets.<nih>.negative": ("Hernia", MANIFEST),
    "datasets.<nih>.min_age": (18, MANIFEST),
    "datasets.<nih>.views": (["PA"], MANIFEST),
    "datasets.<nih>.per_class": (5, MANIFEST),
    "datasets.<nih>.balanced": (True, MANIFEST),
    "datasets.<nih>.seed": (43, MANIFEST),
    "datasets.<nih>.archives": ([{"url": "again.zip", "sha256": "0" * 64}], {"acquire_archive"}),
    "datasets.<nih>.which": ([1], {"acquire_archive"}),
    "datasets.<nih>.train_val_list": ("others.txt", MANIFEST),
    "datasets.<nih>.test_list": ("others.txt", MANIFEST),
}
PREDICTED = {
    "input": ("docs/quiz.png", {"predict_images"}),
    "model": ("results/phantom/lesson/seed-1/model.keras", {"predict_images"}),
    "name": ("others", {"predict_images"}),
}
NAMES = {"<phantom>": "phantom", "<name>": "small"}
OF_RELEASE = ("archives", "which", "train_val_list", "test_list")  # keys of an NIH release whole


def nested(key: str, value: Any) -> dict[str, Any]:
    """A key path and its value, as they stand in a config."""
    for part in reversed(key.split(".")):
        value = {NAMES.get(part, part.strip("<>")): value}
    return value


def changed(root: Path, key: str, value: Any, *targets: str) -> list[Job]:
    """What would run after a change, which is taken back."""
    overlay = root / OVERLAY
    before = overlay.read_text()
    configure(root, nested(key, value))
    try:
        return plan(root, *targets)
    finally:
        overlay.write_text(before)


def test_every_key_is_tried() -> None:
    sections = {
        path
        for path, sub in keys()
        if "properties" in sub or isinstance(sub.get("additionalProperties"), dict)
    }
    leaves = {path for path, _ in keys()} - sections
    assert {path for path in leaves if not path.endswith(">.source")} == {*RUN, *READ, *PREDICTED}


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run, beside files that a config may name."""
    root = tmp_path_factory.mktemp("changes") / "pleura"
    shutil.copytree(finished, root, symlinks=True)
    other = copy.deepcopy(TINY["datasets"]["phantom"]) | {"source": "phantom", "seed": 9}
    configure(root, {"datasets": {"other": other}})
    shutil.copy(root / "results/phantom/split.csv", root / "split.csv")
    (root / "masks.json").write_text("{}")
    return root


@pytest.mark.parametrize("key", RUN)
def test_changed_key_of_a_run(run: Path, key: str) -> None:
    value, expected = RUN[key]
    found = rules(changed(run, key, value))
    assert found >= expected | {"run_record"}
    assert not found & PHANTOM - expected


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a manifest from each source that reads what others made."""
    root = copy_project(tmp_path_factory.mktemp("read") / "pleura")
    for name in ("xrays", "others"):
        write_folder(root / name, 12, 12)
    with zipfile.ZipFile(root / "xrays.zip", "w") as file:
        for path in sorted(root.glob("xrays/*/*.png")):
            file.write(path, path.relative_to(root))
    sha256 = hashlib.sha256((root / "xrays.zip").read_bytes()).hexdigest()
    classes = [path.relative_to(root / "xrays").as_posix() for path in root.glob("xrays/*/*.png")]
    rows = [f"{path},{int(path.startswith('e'))}" for path in classes]
    for name in ("xrays", "others"):
        (root / f"{name}.csv").write_text("\n".join(["path,label", *rows]) + "\n")
    header = "Image Index,Finding Labels,Patient ID,Patient Age,Patient Sex,View Position"
    found = {"e": "Effusion", "n": "No Finding"}
    entries = [
        f"{Path(path).name},{found[path[0]]},{row},50,F,PA" for row, path in enumerate(classes)
    ]
    (root / "entries.csv").write_text("\n".join([header, *entries]) + "\n")
    with zipfile.ZipFile(root / "more.zip", "w") as file:
        file.write(root / "xrays" / classes[0], "more/another.png")
    release = {"source": "nih", "labels": "entries.csv"}
    release["archives"] = [
        {"url": file, "sha256": hashlib.sha256((root / file).read_bytes()).hexdigest()}
        for file in ("xrays.zip", "more.zip")
    ]
    names = [Path(path).name for path in classes]
    for name, part in (("train_val", names[1:]), ("test", names[:1]), ("others", names[1:2])):
        (root / f"{name}.txt").write_text("\n".join(part) + "\n")
    release |= {"train_val_list": "train_val.txt", "test_list": "test.txt"}
    configure(
        root,
        {
            "datasets": {
                "archive": {"source": "archive", "url": "xrays.zip", "sha256": sha256},
                "folder": {"source": "folder", "path": "xrays"},
                "table": {"source": "table", "path": "xrays.csv", "root": "xrays"},
                "nih": {"source": "nih", "images": "xrays", "labels": "entries.csv"},
                "release": release,
            }
        },
    )
    names = ("archive", "folder", "table", "nih", "release")
    finish(root, *(f"results/{name}/manifest.csv" for name in names))
    return root


@pytest.mark.parametrize("key", READ)
def test_changed_key_of_a_data_set(read: Path, key: str) -> None:
    value, expected = READ[key]
    name = "release" if key.endswith(OF_RELEASE) else key.split("<")[1].split(">")[0]
    key = key.replace("<nih>", name)
    assert expected <= rules(changed(read, key, value, f"results/{name}/manifest.csv"))


@pytest.fixture(scope="module")
def predicted(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run, which has predicted an image."""
    root = tmp_path_factory.mktemp("predicted") / "pleura"
    shutil.copytree(finished, root, symlinks=True)
    model = f"results/phantom/{TINY['main']}/seed-1/model.keras"
    configure(root, {"input": "docs/picture.png", "name": "new", "model": model})
    finish(root, "predict")
    return root


@pytest.mark.parametrize("key", PREDICTED)
def test_changed_key_of_new_xrays(predicted: Path, key: str) -> None:
    value, expected = PREDICTED[key]
    assert expected <= rules(changed(predicted, key, value, "predict"))
