"""What a change makes Snakemake do again, and what it does not."""

import re
import shutil
import subprocess
from functools import cache
from modulefinder import ModuleFinder
from pathlib import Path

import pytest

from tiny import causes, configure, finish, plan, rules
from workspace import ROOT
from xrays import write_folder

TRAINING = {"train_network"}
AUDIT = {"audit_sanity", "audit_faithfulness", "audit_localisation"}
ASKED_FOR = {  # not in a normal run
    *("audit_memorise", "audit_sanity_figure", "audit_shortcut", "audit_shortcut_figure"),
    *("control_network", "control_scores", "onnx_export"),
    *("predict_images", "predict_overview"),
    *("transfer_overlap", "transfer_predictions", "transfer_metrics", "transfer_figure"),
}


@cache
def scripts_of_rules() -> dict[str, Path]:
    """The script of each rule, as it stands in rules/."""
    found = {}
    for file in (ROOT / "rules").glob("*.smk"):
        for rule, body in re.findall(r"^rule (\w+):\n((?:    .*\n|\n)+)", file.read_text(), re.M):
            for script in re.findall(r'script:\s+"\.\./(scripts/\w+\.py)"', body):
                found[rule] = ROOT / script
    return found


@cache
def modules_of(script: Path) -> set[str]:
    """The modules of this project that Python finds in a script's bytecode, transitively."""
    finder = ModuleFinder(path=[str(ROOT / "scripts")])
    finder.run_script(str(script))
    return {
        Path(module.__file__).relative_to(ROOT).as_posix()
        for name, module in finder.modules.items()
        if name != "__main__" and module.__file__
    }


def users_of(module: str) -> set[str]:
    return {rule for rule, script in scripts_of_rules().items() if module in modules_of(script)}


def append(path: Path) -> None:
    path.write_text(path.read_text() + "# edited\n")


def test_each_rule_declares_the_modules_that_its_script_imports(fresh: Path) -> None:
    configure(
        fresh,
        {
            "datasets": {
                "phantom": {"shortcut": {"kind": "marker"}},
                "other": {"source": "archive", "url": "other.zip", "sha256": "0" * 64},
            },
            "transfer": ["other"],
        },
    )
    declared = {
        job.rule: {path for path in job.inputs if path.startswith("scripts/")}
        for job in plan(
            fresh,
            "all",
            "audit",
            "control",
            "onnx",
            "predict",
            "--config",
            "input=docs/picture.png",
        )
    }
    assert declared == {rule: modules_of(path) for rule, path in scripts_of_rules().items()}
    assert {path for paths in declared.values() for path in paths} >= {
        *("scripts/cxr/training.py", "scripts/cxr/phantom/anatomy.py", "scripts/cxr/archive.py")
    }


@pytest.mark.parametrize("module", ["metrics", "plots"])
def test_edited_module_reruns_what_imports_it(project: Path, module: str) -> None:
    path = f"scripts/cxr/{module}.py"
    append(project / path)
    jobs = plan(project)
    edited = {job.rule for job in jobs if f"Updated input files: {path}" in job.reason}
    others = {job.rule for job in jobs if path in job.inputs}
    assert edited <= others == users_of(path) - ASKED_FOR
    assert causes(jobs).keys() <= users_of(path)
    assert not rules(jobs) & TRAINING


def test_restyled_figures_retrain_and_rescore_nothing(project: Path) -> None:
    append(project / "scripts" / "evaluate_figures.py")
    jobs = plan(project)
    assert rules(jobs) - {"report_times", "report_html"} == {"evaluate_figures"}
    assert set(causes(jobs)) == {"evaluate_figures"}


def test_one_experiments_learning_rate_retrains_that_experiment(project: Path) -> None:
    configure(project, {"experiments": {"small": {"learning_rate": 0.01}}})
    jobs = plan(project)
    trained = [job for job in jobs if job.rule == "train_network"]
    assert [job.output.split("/")[2] for job in trained] == ["small"]
    assert set(causes(jobs)) == {"train_network"}


def test_another_threshold_retrains_nothing(project: Path) -> None:
    configure(project, {"evaluate": {"threshold": "youden"}})
    jobs = plan(project)
    assert set(causes(jobs)) == {"evaluate_predictions", "compare_experiments"}
    assert not rules(jobs) & TRAINING


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"target": "predicted"}, {"saliency_maps", "audit_sanity", "audit_faithfulness"}),
        ({"memory": 100}, {"saliency_maps", *AUDIT}),
        ({"images": 4}, {"saliency_images"}),
        ({"methods": ["scorecam"]}, {"saliency_maps"}),
    ],
    ids=["target", "memory", "images", "methods"],
)
def test_another_saliency_setting_retrains_nothing(
    project: Path, change: dict, expected: set[str]
) -> None:
    configure(project, {"saliency": change})
    jobs = plan(project)
    assert set(causes(jobs)) >= expected | {"run_record"}  # run.json holds the config
    assert "saliency_maps" in rules(jobs)
    stages = ("saliency_", "audit_", "quiz_", "explore_")
    others = {rule for rule in rules(jobs) if not rule.startswith(stages)}
    told = {"run_record", "card_model", "card_checklists", "report_page", "report_html"}
    told |= {"predict_page", "report_times"}  # the page says what the audit makes of its maps
    assert others <= told


def test_another_image_size_leaves_the_manifest_alone(project: Path) -> None:
    configure(project, {"image": {"size": 80}})
    jobs = plan(project)
    assert {"preprocess_shard", "train_network", "compare_experiments"} <= rules(jobs)
    assert not rules(jobs) & {"acquire_phantom", "manifest_images"}


def test_another_seed_is_one_training_more(project: Path) -> None:
    configure(project, {"seeds": [1, 2], "run": ["small"]})
    trained = [job.output for job in plan(project) if job.rule == "train_network"]
    assert [output.split("/")[2:4] for output in trained] == [["small", "seed-2"]]


def test_more_shards_give_the_same_array(project: Path) -> None:
    array = project / "results" / "phantom" / "images.npy"
    before = array.read_bytes()
    array.unlink()
    configure(project, {"preprocess": {"shards": 3}})
    assert re.search(r"^preprocess_shard +3$", finish(project, "preprocess"), re.MULTILINE)
    assert array.read_bytes() == before


def test_commits_and_versions_rerun_nothing(project: Path) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    commit = ["commit", "--allow-empty", "--message=another"]
    subprocess.run(["git", *identity, *commit], cwd=project, check=True, capture_output=True)
    append(project / "requirements.txt")
    assert plan(project) == []


IMAGES = "data/phantom/normal"


def add(folder: Path) -> None:
    shutil.copy(folder / "phantom-n3.png", folder / "another.png")


def replace(folder: Path) -> None:
    shutil.copy(folder / "phantom-n3.png", folder / "phantom-n4.png")


def delete(folder: Path) -> None:
    (folder / "phantom-n5.png").unlink()


@pytest.mark.parametrize("change", [add, replace, delete])
def test_changed_acquired_image_reruns_the_manifest(project: Path, change) -> None:
    change(project / IMAGES)
    jobs = plan(project)
    assert set(causes(jobs)) == {"manifest_images"}
    assert {"preprocess_shard", "split_images", "train_network"} <= rules(jobs)


def test_changed_images_of_the_users_rerun_the_manifest(fresh: Path, tmp_path: Path) -> None:
    images = write_folder(tmp_path / "her X-räys" / 'it\'s "these"', 12, 12)
    odd = images / "normal" / "n 1's {wild} - ü.png"
    (images / "normal" / "n1.png").rename(odd)
    rows = [f'"{path}",{path.parent.name}' for path in sorted(images.rglob("*.png"))]
    table = tmp_path / "labels of mine.csv"
    table.write_text(
        "path,label\n" + "\n".join(row.replace('"these"', '""these""') for row in rows)
    )
    datasets = {
        "mine": {"source": "folder", "path": str(images)},
        "listed": {"source": "table", "path": str(table)}
        | {"effusion": "effusion", "normal": "normal"},
    }
    configure(fresh, {"datasets": datasets})
    targets = [
        f"results/{name}/{table}.csv" for name in datasets for table in ("manifest", "split")
    ]
    finish(fresh, *targets)

    def rerun() -> set[str]:
        return {
            job.output.split("/")[1]
            for job in plan(fresh, *targets)
            if job.rule == "manifest_images"
        }

    assert rerun() == set()
    another = images / "normal" / "another.png"
    shutil.copy(odd, another)
    assert rerun() == {"mine"}  # the table does not name it
    another.unlink()
    assert rerun() == set()
    shutil.copy(images / "normal" / "n2.png", odd)
    assert rerun() == {"mine", "listed"}
    finish(fresh, *targets)
    assert rerun() == set()
    odd.unlink()
    assert rerun() == {"mine", "listed"}
